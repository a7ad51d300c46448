"""What Git says decides what may be carried out: merged, clean, and with a ledger where it belongs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_builders import Repository
from offline import NOW, dsplan, portfolio

from dnsplan.cli.authorise import authorised_commit, changed_here, check_ledger
from dnsplan.cli.repository import changed_files
from dnsplan.errors import ConfigError, LedgerError, RefusedError
from dnsplan.model.portfolio import Audit


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    made = Repository(portfolio(tmp_path / "with space"))
    made.git("init", "-q", "-b", "main")
    made.commit("portfolio")
    return made


def test_a_clean_commit_of_main_is_authorised_whatever_lies_beside_the_portfolio(repo: Repository) -> None:
    repo.write("plan.json", "{}")
    repo.write("zones/README.md", "notes")
    repo.write("other/x.yaml", "a: 1")

    assert authorised_commit(repo.folder) == repo.git("rev-parse", "HEAD")


def edit(repo: Repository) -> None:
    repo.write("zones/new.yaml", "zone: new.example\n")


def stage(repo: Repository) -> None:
    edit(repo)
    repo.git("add", "-A")


def add(repo: Repository) -> None:
    repo.write("zones/zürich/x.yaml", "zone: x.example\n")


def hide(repo: Repository) -> None:
    repo.write(".gitignore", "hidden.yaml\n")
    repo.commit("ignore")
    repo.write("zones/hidden.yaml", "zone: x.example\n")


def delete(repo: Repository) -> None:
    (repo.folder / "policies/standard.yaml").unlink()
    (repo.folder / "policies").rmdir()


@pytest.mark.parametrize("change", [edit, stage, add, hide, delete])
def test_files_that_are_not_what_was_committed_are_refused(
    repo: Repository, change: Callable[[Repository], None]
) -> None:
    change(repo)

    assert len(changed_here(repo.folder)) == 1
    with pytest.raises(RefusedError, match="differ from the commit"):
        authorised_commit(repo.folder)


def test_a_commit_beside_main_is_refused_and_contained_ones_are_not(repo: Repository) -> None:
    repo.git("checkout", "-q", "-b", "work")
    assert authorised_commit(repo.folder)

    repo.write("zones/new.yaml", "zone: new.example\n")
    repo.commit("not merged")

    with pytest.raises(RefusedError, match="not contained in the protected branch"):
        authorised_commit(repo.folder)


def test_what_the_remote_has_not_got_is_not_merged(repo: Repository, tmp_path: Path) -> None:
    repo.git("clone", "-q", "--bare", str(repo.folder), str(tmp_path / "remote.git"))
    repo.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    repo.git("fetch", "-q")
    assert authorised_commit(repo.folder)

    repo.commit("only here")

    with pytest.raises(RefusedError, match="not contained"):
        authorised_commit(repo.folder)


def test_a_checkout_that_does_not_know_the_protected_branch_is_refused(repo: Repository, tmp_path: Path) -> None:
    """As in a CI job of a pull request: a detached commit, no branch, a remote."""
    repo.git("remote", "add", "origin", str(tmp_path / "nowhere.git"))
    repo.git("checkout", "-q", "--detach")
    repo.git("branch", "-q", "-D", "main")

    with pytest.raises(RefusedError, match="protected branch of origin is not known"):
        authorised_commit(repo.folder)


def test_without_git_or_without_a_commit_nothing_is_authorised(tmp_path: Path) -> None:
    folder = portfolio(tmp_path / "p")
    with pytest.raises(LedgerError):
        authorised_commit(folder)

    Repository(folder).git("init", "-q", "-b", "main")
    with pytest.raises(RefusedError, match="nothing is committed yet"):
        authorised_commit(folder)


@pytest.mark.parametrize(
    ("audit", "said"),
    [
        (Audit(branch="main"), "is the branch of the configuration"),
        (Audit(branch="-x"), "no name of a branch"),
        (Audit(branch="a..b"), "no name of a branch"),
        (Audit(remote="upstream"), "not the name of a configured remote"),
        (Audit(remote="https://example.com/x.git"), "not the name of a configured remote"),
    ],
)
def test_a_ledger_in_the_wrong_place_is_refused(repo: Repository, audit: Audit, said: str) -> None:
    check_ledger(repo.folder, Audit())

    with pytest.raises(RefusedError, match=said):
        check_ledger(repo.folder, audit)


def test_changed_since_counts_from_where_the_branch_began_and_knows_every_name(repo: Repository) -> None:
    repo.git("checkout", "-q", "-b", "work")
    repo.write("zones/zürich.yaml", "zone: x.example\n")
    repo.commit("work")
    repo.git("checkout", "-q", "main")
    repo.write("zones/rest.yaml", "zone: rest.example\n")
    repo.commit("main goes on")
    repo.git("checkout", "-q", "work")
    repo.write("zones/new one.yaml", "zone: y.example\n")

    assert changed_files(repo.folder, "main") == {"zones/zürich.yaml", "zones/new one.yaml"}
    for wrong in ("nope", "-x", "--output=x"):
        with pytest.raises(ConfigError, match="no commit"):
            changed_files(repo.folder, wrong)


@pytest.mark.parametrize(
    ("path", "text", "zones"),
    [
        ("zones/new.yaml", "zone: new.example\ndnssec: signed\n", ["new.example"]),
        ("policies/standard.yaml", "policy: standard\nnsec3: {iterations: 0}\n", 5),
        ("parents/example.yaml", "suffix: example\nmax_ds: 4\n", 5),
        ("notes.yaml", "a: 1\n", []),
    ],
)
def test_a_plan_of_what_changed_holds_the_zones_that_the_files_concern(
    repo: Repository, path: str, text: str, zones: list[str] | int
) -> None:
    repo.write(path, text)
    stored = ("--observations", "../seen.jsonl", "--now", NOW, "--format", "json")
    ran = dsplan(repo.folder, "plan", "--changed-since", "HEAD", *stored)

    assert ran.returncode == 0, ran.stderr
    found = [zone["zone"] for zone in json.loads(ran.stdout)["zones"]]
    assert (len(found) if isinstance(zones, int) else found) == zones
