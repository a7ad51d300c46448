"""`plan --base REF` shows what a proposal changes, and a proposal does not choose whom dsplan talks to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_builders import Repository
from offline import MAIN, NOW, dsplan, portfolio

from dnsplan.cli.base import Base, base_of
from dnsplan.errors import ConfigError
from dnsplan.portfolio import load_portfolio

PLAN = ("plan", "--observations", "../seen.jsonl", "--now", NOW, "--base", "main")
ASKED = "  ops: {{type: powerdns, url: 'http://127.0.0.1:9', server: localhost, api_key: {}}}\n"
OPS = "  ops: {type: manual, contact: DNS operations}\n"


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    made = Repository(portfolio(tmp_path / "with space"))
    made.git("init", "-q", "-b", "main")
    made.commit("portfolio")
    made.git("checkout", "-q", "-b", "proposal")
    return made


def planned(repo: Repository, *more: str) -> dict[str, Any]:
    ran = dsplan(repo.folder, *PLAN, "--format", "json", *more)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def zones(document: dict[str, Any]) -> list[str]:
    return [zone["zone"] for zone in document["zones"]]


def compared(repo: Repository) -> tuple[Base, tuple[str, ...]]:
    base = base_of(repo.folder, "main")
    return base, base.endpoints_changed(load_portfolio(repo.folder))


def test_only_zones_whose_configuration_differs_are_planned(repo: Repository) -> None:
    repo.write("zones/new.yaml", "# moved\nzone: new.example\nowner: shop\ntags: [x]\ndnssec: signed\n")
    repo.write("zones/rest.yaml", "zone: rest.example\ndnssec: signed\nroll: '1'\n")
    repo.write("zones/added.yaml", "zone: added.example\n")
    (repo.folder / "zones/dark.yaml").unlink()
    repo.commit()

    made = planned(repo)

    assert zones(made) == ["added.example", "rest.example"]
    assert (made["partial"], made["unmanaged"], made["endpoints_changed"]) == (True, ["dark.example"], [])
    assert made["base"] == repo.git("rev-parse", "main")
    assert zones(planned(repo, "--zone", "rest.*")) == ["rest.example"]


def test_a_policy_concerns_each_of_its_zones(repo: Repository) -> None:
    repo.write("policies/standard.yaml", "policy: standard\ndnskey: {ttl: 2h}\n")

    assert len(zones(planned(repo))) == 5


def test_where_nothing_differs_that_is_said(repo: Repository) -> None:
    repo.write("notes.txt", "nothing that counts")

    assert dsplan(repo.folder, *PLAN).stdout.splitlines()[0] == "No changes. No zone differs from the base."


def test_an_entry_that_a_proposal_changes_is_shown_first_and_not_contacted(repo: Repository) -> None:
    marker = repo.folder.parent / "resolved"
    repo.write("dsplan.yaml", MAIN.replace(OPS, ASKED.format(f"{{command: [touch, {json.dumps(str(marker))}]}}")))
    repo.commit()

    text = dsplan(repo.folder, *PLAN, "-o", "plan.json").stdout
    page = dsplan(repo.folder, "show", "plan.json", "--format", "html").stdout
    comment = dsplan(repo.folder, "show", "plan.json", "--format", "markdown").stdout

    assert text.splitlines()[1] == "! endpoint changed: signer ops; not contacted before it is merged"
    assert "ENDPOINT_CHANGED" in comment
    assert all("endpoint changed: signer ops" in shown for shown in (page, comment))
    assert dsplan(repo.folder, "show", "plan.json").stdout == text
    assert not marker.exists()
    dsplan(repo.folder, *PLAN[:-2])
    assert marker.exists()


def test_ledger_and_resolution_are_those_of_the_base(repo: Repository) -> None:
    repo.write("dsplan.yaml", f"{MAIN}audit: {{branch: other}}\nresolution: {{port: 5300}}\n")
    ours = load_portfolio(repo.folder)

    base, changed = compared(repo)

    assert changed == ("resolution", "audit")
    assert base.trusted(ours).audit.branch == "dsplan/audit"
    assert base.trusted(ours).resolution.port == 53
    assert planned(repo)["endpoints_changed"] == ["resolution", "audit"]


@pytest.mark.parametrize(
    ("secret", "file", "changed"),
    [
        ("{file: ./keys/one}", "keys/one", True),
        ("{file: keys/one}", "keys/two", False),
        ("{command: [sh, get]}", "tools/get", True),
        ("{command: [sh, get]}", "zones/rest.yaml", False),
        ("{env: KEY}", "tools/get", False),
    ],
)
def test_a_secret_that_rests_on_a_changed_file_is_not_resolved(
    repo: Repository, secret: str, file: str, changed: bool
) -> None:
    repo.git("checkout", "-q", "main")
    repo.write("dsplan.yaml", MAIN.replace(OPS, ASKED.format(secret)))
    repo.write(file, "zone: rest.example\n")
    repo.commit()
    repo.git("checkout", "-q", "-b", "second")
    repo.write(file, "zone: rest.example\ndnssec: signed\n")
    repo.commit()

    assert compared(repo)[1] == (("signer ops",) if changed else ())


def test_a_portfolio_in_a_folder_of_its_repository_with_links_is_read_as_it_was(tmp_path: Path) -> None:
    folder = portfolio(tmp_path / "repo" / "dns")
    (folder / "zones/linked.yaml").symlink_to("../other.yaml")
    (folder / "other.yaml").write_text("zone: linked.example\n")
    repo = Repository(tmp_path / "repo")
    repo.git("init", "-q", "-b", "main")
    repo.commit()

    assert set(base_of(folder, "main").portfolio.zones) == set(load_portfolio(folder).zones)
    assert base_of(folder, "HEAD").changed_zones(load_portfolio(folder)) == frozenset()


def test_a_base_that_cannot_be_used_is_named(repo: Repository) -> None:
    repo.write("zones/new.yaml", "zone: [1]\n")
    repo.commit()
    repo.git("branch", "faulty")
    repo.git("checkout", "-q", "--orphan", "empty")
    repo.git("rm", "-rfq", ".")
    repo.commit()
    repo.git("checkout", "-q", "main")

    for reference, said in (("none", "no commit"), ("-x", "no commit"), ("faulty", "1 fault"), ("empty", "in empty")):
        with pytest.raises(ConfigError, match=said):
            base_of(repo.folder, reference)
