"""What was done and what the ledger says, for people and machines."""

from __future__ import annotations

import json

from view_samples import EVIL, MANUAL, NOW, READY, REST, WAITING

from dnsplan.apply.outcome import RunResult, ZoneOutcome
from dnsplan.model.audit import AuthorisedBy, Record, StepRecord
from dnsplan.model.observation import ChildAnswer, Observation, ParentAnswer, Unreachable
from dnsplan.model.records import Dnskey, make_ds
from dnsplan.views.apply_text import apply_json, render_apply
from dnsplan.views.audit import render_log, render_record
from dnsplan.views.evidence import seen_on, shown


def done(outcome: str | None, reason: str = "", op: str = "ds.set") -> StepRecord:
    return StepRecord(
        zone="a.example", id="s1", op=op, intent_at=NOW, before=("1 2 3",), target="{}", proof="{}", outcome=outcome,
        reason=reason,
    )  # fmt: skip


def record(*steps: StepRecord, kind: str = "apply") -> Record:
    return Record(
        id="r1", previous=None, commit="c" * 40, tool_version="1", actor=EVIL, run_url="", at=NOW, kind=kind,
        authorised_by=AuthorisedBy(merge_commit="m" * 40), steps=steps, guards_lifted=("break_chain",),
    )  # fmt: skip


def test_an_apply_says_zone_by_zone_what_became_of_each_step() -> None:
    result = RunResult(
        zones=(
            ZoneOutcome(zone="a.example", plan=WAITING, steps=(done("performed"), done("failed", f"no {EVIL}"))),
            ZoneOutcome(zone="c.example", plan=MANUAL, steps=(done("manual"), done(None), done("pending"))),
            ZoneOutcome(zone="d.example", plan=READY, stale="another step comes out now"),
            ZoneOutcome(zone=REST.zone, plan=REST),
        ),
        head="f" * 40,
    )  # fmt: skip

    lines = render_apply(result).splitlines()

    assert lines[0] == "a.example  WAITING  … wait until 2026-11-23T03:15:00Z: old caches"
    assert lines[1] == "  = done  ds.set s1"
    assert lines[2].startswith("  ! failed  ds.set s1: no \\u001b[2J")
    assert [line.split("ds.set")[0].strip() for line in lines[4:7]] == ["✋ manual", "? unknown", "… pending"]
    assert lines[7] == "d.example  ! stale: another step comes out now"
    assert lines[-2] == "next run may find something at 2026-11-23T03:15:00Z"
    assert lines[-1] == f"audit head: {'f' * 40}"
    assert json.loads(apply_json(result))["head"] == "f" * 40


def test_an_apply_that_found_nothing_says_so() -> None:
    rest = ZoneOutcome(zone=REST.zone, plan=REST)

    assert render_apply(RunResult(zones=(rest,))).splitlines()[0] == "Nothing to do."


def test_the_log_is_one_line_a_record_and_nothing_in_it_acts() -> None:
    lines = render_log((record(done("performed")), record(done("manual", "clerk: t 7", "confirm"), kind="confirm")))

    assert "\x1b" not in lines
    assert len(lines.splitlines()) == 2
    assert "1 steps  a.example" in lines
    assert "note  a.example" in lines


def test_a_record_names_its_steps_its_authority_and_the_guards_lifted() -> None:
    text = render_record(record(done("failed", "timeout"), done("manual", "clerk: t 7", "confirm")))

    for said in ("previous: none: this is the first", "authorised by: mmmm", "guards lifted: break_chain",
                 "a.example ds.set s1: failed", "reason: timeout", "step s1: clerk: t 7"):  # fmt: skip
        assert said in text
    assert "\x1b" not in text


def test_evidence_counts_servers_record_by_record_and_silent_ones_as_asked() -> None:
    key = Dnskey(flags=257, algorithm=13, public_key=b"k" * 64)
    ds = make_ds("a.example", key, 2)
    child = ChildAnswer(
        address="198.51.100.1", keys=(key,), key_signers=frozenset(), key_ttl=1, zone_signers=frozenset(), zone_ttl=1,
        negative_ttl=1,
    )  # fmt: skip
    seen = Observation(
        zone="a.example", at=NOW, parent_zone="example", child=(child,),
        parent=(
            ParentAnswer(address="192.0.2.1", ds=(ds,), ttl=1, trust="secure"),
            ParentAnswer(address="192.0.2.2", ds=(), ttl=1, trust="secure"),
            Unreachable(address="192.0.2.3", reason="timeout"),
        ),
    )  # fmt: skip

    records = shown(seen)

    assert [(one.kind, one.record, one.servers, one.asked) for one in records] == [
        ("DS", "", 2, 3), ("DS", str(ds), 1, 3), ("DNSKEY", "", 1, 1), ("DNSKEY", str(key), 1, 1)
    ]  # fmt: skip
    assert seen_on(records, "DS", str(ds)) == "seen on 1/3 parent servers"
    assert seen_on(records, "DS", "nothing") == "seen on 0/3 parent servers"
    assert seen_on((), "DNSKEY", "nothing") == ""
