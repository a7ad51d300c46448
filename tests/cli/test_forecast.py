"""forecast, proof and simulate through the real command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_builders import Repository, repository
from conftest import TTL
from jsonschema import Draft202012Validator
from offline import dsplan
from worlds import world as described

from dnsplan.portfolio import schema
from dnsplan.world.loopback import World


@pytest.fixture
def signed(tmp_path: Path, world: World) -> Repository:
    repo = repository(tmp_path / "repo", world, {"n.corp": ""}, ttl=TTL)
    ran = repo.run("apply", "--yes", "--wait", "40s")
    assert ran.code == 0, (ran.out, ran.err)
    return repo


def test_a_change_is_dated_argued_and_simulated_before_anything_is_touched(signed: Repository) -> None:
    text = signed.run("forecast", "n.corp", "--goal", "ksk")
    table = signed.run("forecast", "n.corp", "--goal", "algorithm:ED25519", "--format", "markdown")
    picture = signed.run("forecast", "n.corp", "--goal", "zsk", "--format", "mermaid")
    simulated = signed.run("forecast", "n.corp", "--goal", "ksk", "--format", "json")
    nothing = signed.run("forecast", "n.corp")

    assert (text.code, table.code, picture.code, simulated.code, nothing.code) == (0, 0, 0, 0, 0)
    assert [stage for stage in ("B0-ksk", "B1", "B2a", "B2b", "B3", "B4") if stage not in text.out] == []
    assert "| L2a |" in table.out
    assert picture.out.startswith("gantt\n")
    assert list(Draft202012Validator(json.loads(schema("simulation"))).iter_errors(simulated.json)) == []
    assert simulated.json["reached"]
    undo = {move["stage"]: move.get("undo") for move in simulated.json["moves"] if move["move"] == "step"}
    known = {"B0": "fast", "B1": "fast", "B2a": "fast", "B2b": "fast", "B3": "slow", "B4": "irreversible"}
    assert undo in ({"repeat": "fast", **known}, known), undo
    assert "undo: slow, gates again" in text.out
    assert "no change" in nothing.out


def test_a_step_is_argued_by_its_name(signed: Repository) -> None:
    assert signed.run("roll", "n.corp", "--token", "one").code == 0
    signed.commit("roll")

    text, other = signed.run("proof", "n.corp"), signed.run("proof", "n.corp", "--step", "Z9")
    document = signed.run("proof", "n.corp", "--step", "B0-ksk", "--format", "json")

    assert text.code == 0
    assert "what caches may hold" in text.out
    assert document.json["arguments"][0]["stage"] == "B0-ksk"
    assert other.code == 64
    assert "no step 'Z9'" in other.err


def test_the_calendar_knows_the_keys_of_the_ledger(signed: Repository) -> None:
    text = signed.run("forecast", "--portfolio", "--until", "1y")
    ics = signed.run("forecast", "--portfolio", "--format", "ical")

    assert (text.code, ics.code) == (0, 0)
    assert "n.corp: ZSK rollover" in text.out
    assert ics.out.startswith("BEGIN:VCALENDAR\r\n") or ics.out.startswith("BEGIN:VCALENDAR\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("forecast",), ("forecast", "n.corp", "--portfolio"), ("forecast", "--portfolio", "--goal", "ksk"),
        ("forecast", "--portfolio", "--until", "soon"), ("simulate",), ("simulate", "x.json", "--batch", "y.jsonl"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_a_usage_error(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ran = dsplan(tmp_path, *arguments)

    assert (ran.returncode, "Traceback" in ran.stderr) == (64, False)


def test_a_batch_keeps_the_order_and_puts_errors_in_their_place(tmp_path: Path) -> None:
    worlds = [described("swap", seed) for seed in range(40)]
    lines = [json.dumps(one) for one in worlds]
    lines[7], lines[20] = "{", json.dumps({"id": "odd"})
    (tmp_path / "worlds.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "bad.jsonl").write_text("{\n")
    (tmp_path / "good.jsonl").write_text(lines[0] + "\n")

    some = dsplan(tmp_path, "simulate", "--batch", "worlds.jsonl", "--format", "json")
    none = dsplan(tmp_path, "simulate", "--batch", "bad.jsonl", "--format", "json")
    all_ran = dsplan(tmp_path, "simulate", "--batch", "good.jsonl", "--format", "json")
    results = [json.loads(line) for line in some.stdout.splitlines()]

    assert (some.returncode, none.returncode, all_ran.returncode) == (8, 1, 0)
    assert len(results) == 40
    assert [n for n, one in enumerate(results) if "error" in one] == [7, 20]
    assert results[20] == {"id": "odd", "error": {"code": "BAD_WORLD", "message": results[20]["error"]["message"]}}
    assert [one["id"] for n, one in enumerate(results) if n not in (7, 20)] == [
        one["id"] for n, one in enumerate(worlds) if n not in (7, 20)
    ]
    validator = Draft202012Validator(json.loads(schema("simulation")))
    assert [one for one in results if "error" not in one and list(validator.iter_errors(one))] == []


def test_one_world_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text(json.dumps(described("zsk", 1)))

    text = dsplan(tmp_path, "simulate", "world.json")
    missing = dsplan(tmp_path, "simulate", "nowhere.json")
    (tmp_path / "world.json").write_bytes(b"\xff")
    binary = dsplan(tmp_path, "simulate", "world.json")

    assert text.returncode == 0
    assert "goal reached at" in text.stdout
    assert (missing.returncode, binary.returncode) == (1, 1)
    assert "Traceback" not in missing.stderr + binary.stderr
