"""Since when the files ask for something: the merge that brought it, not the commit on somebody's branch."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cli_builders import Repository
from offline import portfolio

from dnsplan.cli.merges import Merges
from dnsplan.portfolio import load_portfolio


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = Repository(portfolio(tmp_path / "with space"))
    made.git("init", "-q", "-b", "main")
    at(monkeypatch, 1_000_000_000)
    made.commit("portfolio")
    return made


def at(monkeypatch: pytest.MonkeyPatch, moment: int) -> None:
    monkeypatch.setitem(os.environ, "GIT_COMMITTER_DATE", f"{moment} +0000")


def merges(repo: Repository) -> Merges:
    return Merges(repo.folder, load_portfolio(repo.folder))


def test_a_token_counts_from_its_merge_and_what_else_the_file_says_from_the_last_change(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.git("checkout", "-q", "-b", "work")
    repo.write("zones/new.yaml", "zone: new.example\nowner: dns\ndnssec: signed\nroll: one\n")
    at(monkeypatch, 1_000_000_100)
    repo.commit("asked for")
    repo.git("checkout", "-q", "main")
    at(monkeypatch, 1_000_000_200)
    repo.git("merge", "-q", "--no-ff", "-m", "merge", "work")
    repo.write("zones/new.yaml", "zone: new.example\nowner: shop\ndnssec: signed\nroll: one\n")
    at(monkeypatch, 1_000_000_300)
    repo.commit("another owner")

    found = merges(repo)

    assert found.merged("new.example", by_token=True) == 1_000_000_200
    assert found.merged("new.example", by_token=False) == 1_000_000_300
    assert found.merged("rest.example", by_token=False) == 1_000_000_000
    assert found.merged("rest.example", by_token=True) is None


def test_a_change_of_the_policy_counts_for_its_zones(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    file = next((repo.folder / "policies").glob("*.yaml"))
    repo.write(f"policies/{file.name}", file.read_text() + "# roll them all\n")
    at(monkeypatch, 1_000_000_500)
    repo.commit("policy")

    assert merges(repo).merged("rest.example", by_token=False) == 1_000_000_500


def test_outside_git_nothing_is_known(tmp_path: Path) -> None:
    folder = portfolio(tmp_path / "p")

    assert Merges(folder, load_portfolio(folder)).merged("rest.example", by_token=False) is None
