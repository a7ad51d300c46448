"""undo through the real command: what it edits, what it says, and that the next applies go back."""

from __future__ import annotations

from pathlib import Path

from cli_builders import Repository, repository
from conftest import TTL
from offline import dsplan, portfolio

from dnsplan.world.loopback import World


def rolling(folder: Path, world: World, zone: str) -> Repository:
    """Return a signed zone whose file asks for a rollover that has not begun."""
    repo = repository(folder / "a repo", world, {zone: "owner: dns # ours\n"}, ttl=TTL)
    ran = repo.run("apply", "--yes", "--wait", "40s")
    assert ran.code == 0, (ran.out, ran.err)
    assert repo.run("roll", zone, "--token", "one").code == 0
    repo.commit("roll")
    return repo


def test_a_rollover_is_taken_back_and_the_old_state_is_reached(tmp_path: Path, world: World) -> None:
    repo = rolling(tmp_path, world, "undo1.corp")
    file = repo.folder / "zones/undo1.corp.yaml"
    before, keys = world.rdata_served("undo1.corp", "DS"), world.rdata_served("undo1.corp", "DNSKEY")
    asked = file.read_text()
    assert repo.run("apply", "--yes").code == 0
    assert world.rdata_served("undo1.corp", "DNSKEY") != keys

    preview = repo.run("undo", "undo1.corp", "--dry-run")
    assert (preview.code, file.read_text()) == (0, asked)
    done = repo.run("undo", "undo1.corp", "--format", "json")
    again = repo.run("undo", "undo1.corp")

    assert "would change" in preview.out
    assert "withdraw the abandoned KSK" in preview.out
    assert (done.code, again.code) == (0, 0)
    assert file.read_text() == asked.replace('roll: "one"\n', "")
    assert (done.json["written"], done.json["edits"], done.json["undo"]) == (True, ["roll: one taken out"], "fast")
    assert done.json["next"]["timeline"][-1]["undo"] == "irreversible"
    assert "no edit is needed" in again.err
    repo.commit("undo")
    back = repo.run("apply", "--yes", "--wait", "60s")
    assert back.code == 0, (back.out, back.err)
    assert (world.rdata_served("undo1.corp", "DS"), world.rdata_served("undo1.corp", "DNSKEY")) == (before, keys)


def test_before_it_begins_and_when_nothing_is_in_flight(tmp_path: Path, world: World) -> None:
    repo = rolling(tmp_path, world, "undo2.corp")

    early = repo.run("undo", "undo2.corp")
    nothing = repo.run("undo", "undo2.corp")

    assert early.code == 0
    assert "has not begun" in early.out
    assert nothing.code == 1
    assert "nothing is in flight" in nothing.err


def test_a_zone_without_a_ledger_has_nothing_in_flight(tmp_path: Path) -> None:
    folder = portfolio(tmp_path / "p")

    assert dsplan(folder, "undo", "nowhere.example").returncode == 64
    assert dsplan(folder, "undo").returncode == 64


def test_a_chain_is_broken_only_for_a_zone_with_a_compromised_key(tmp_path: Path, world: World) -> None:
    repo = repository(tmp_path / "repo", world, {"undo2.corp": ""}, ttl=TTL)

    nothing = repo.run("apply", "--yes", "--allow", "break_chain:undo2.corp")
    everyone = repo.run("apply", "--yes", "--allow", "break_chain")

    assert (nothing.code, everyone.code) == (64, 64)
    assert "no key is called compromised" in nothing.err
    assert "break_chain:ZONE" in everyone.err
