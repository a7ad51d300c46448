"""Damaged documents end in a ConfigError or are read; never in anything else. FUZZ_SECONDS=60 for the long run."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from dnsplan.codec import canonical, sha256_of
from dnsplan.codec.ledger import dump_history, dump_record, load_history, load_record
from dnsplan.codec.observation import dump_observations, load_observations
from dnsplan.codec.plan import dump_plan, load_plan
from dnsplan.errors import ConfigError
from dnsplan.model.action import SetDs
from dnsplan.model.audit import AuthorisedBy, Record, StepRecord
from dnsplan.model.history import DnskeyContent, DsContent, RRsetVersion, ZoneHistory
from dnsplan.model.observation import Observation, ParentAnswer, Unreachable
from dnsplan.model.plan import Gate, GateTerm, Plan, Proof, Step, ZonePlan
from dnsplan.model.portfolio import Source
from dnsplan.model.records import Dnskey, make_ds

SECONDS = float(os.environ.get("FUZZ_SECONDS", "4")) / 4
KEY = Dnskey(flags=257, algorithm=13, public_key=bytes(range(64)))
DS = make_ds("a.example", KEY, 2)
HISTORY = ZoneHistory(
    zone="a.example",
    ds=(RRsetVersion(content=DsContent(ds=(DS,)), first=0, everywhere=9, ttl_star=3),),
    dnskey=(RRsetVersion(content=DnskeyContent(keys=(KEY,), signers=frozenset()), first=5, everywhere=9, ttl_star=7),),
    tokens=(("sep", "1"),),
)
SEEN = Observation(
    zone="a.example", at=1, parent_zone="example", child=(Unreachable(address="192.0.2.1", reason="lame"),),
    parent=(ParentAnswer(address="192.0.2.2", ds=(DS,), ttl=5, trust="secure"),),
)  # fmt: skip
RECORD = Record(
    id="r", previous=None, commit="c", tool_version="1", actor="a", run_url="", authorised_by=AuthorisedBy(),
    steps=(StepRecord(zone="a", id="s", op="ds.set", intent_at=1, before=(), target="{}", proof="{}"),),
)  # fmt: skip
TERM = GateTerm(reason="r", at=1)
STEP = Step(
    id="s", op="ds.set", rrset="DS", action=SetDs(ds=(DS,), keys=(KEY,)), gate=Gate(terms=(TERM,)),
    proof=Proof(triples=1, horizon=1, profiles=frozenset({"lenient"})), undo="fast", stage="s", summary="s",
)  # fmt: skip
PLAN = Plan(
    plan_id="", created=1, expires=2, commit="c", dirty=False, config_digest="", selector=(("zone", "*"),),
    partial=False, observed_at=1, incomplete=(), zones=(
        ZonePlan(
            zone="a.example", parent="p", policy="p", source=Source(file="f", line=1), recipe="r", why="w",
            headline="ACTIVE", moves=(STEP,), timeline=(), findings=(), observed_ds=(DS,), observed_keys=(KEY,),
            desired_ds=(DS,), desired_keys=(KEY,), history=HISTORY,
        ),
    ),
)  # fmt: skip
ODD: list[Any] = [
    None, True, -1, 2**70, "", "\ud800", "x" * 1000, "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59",
    "٣ 3 13 QQ==", "257 3 13 ===", "1 2 3", [], [[]], {}, {"kind": []}, {"kind": "Step"}, 1.5, "2026-11-24", "\x00",
]  # fmt: skip
CASES: dict[str, tuple[str, Callable[[str], object]]] = {
    "plan": (dump_plan(PLAN), load_plan),
    "observation": (dump_observations([SEEN, SEEN]), load_observations),
    "history": (dump_history(HISTORY), lambda text: load_history(text, "h")),
    "record": (dump_record(RECORD), lambda text: load_record(text, "r")),
}


def damaged_text(rng: random.Random, text: str) -> str:
    raw = bytearray(text.encode())
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(raw))
        match rng.randrange(4):
            case 0:
                raw[at] = rng.randrange(256)
            case 1:
                del raw[at : at + rng.randint(1, 40)]
            case 2:
                raw[at:at] = raw[: rng.randint(1, 60)]
            case _:
                raw = raw[: max(1, at)]
        raw = raw or bytearray(b"{")
    return raw.decode("utf-8", "surrogateescape")


def damaged_value(rng: random.Random, value: Any) -> Any:
    """Return the value with one odd thing somewhere in it."""
    if rng.random() < 0.15 or not value or not isinstance(value, dict | list):
        return rng.choice(ODD)
    if isinstance(value, dict):
        name = rng.choice(sorted(value))
        if rng.random() < 0.1:
            return {key: item for key, item in value.items() if key != name}
        return {**value, name: damaged_value(rng, value[name])}
    at = rng.randrange(len(value))
    return [*value[:at], damaged_value(rng, value[at]), *value[at + 1 :]]


def damaged_structure(rng: random.Random, text: str) -> str:
    """Return a document that is whole JSON with a matching id, and wrong inside."""
    lines = [json.loads(line) for line in text.splitlines()]
    at = rng.randrange(len(lines))
    lines[at] = damaged_value(rng, lines[at])
    if isinstance(lines[at], dict) and "plan_id" in lines[at]:
        rest = {key: item for key, item in lines[at].items() if key != "plan_id"}
        try:
            lines[at]["plan_id"] = sha256_of(rest)
        except ValueError:  # half a character has no UTF-8, so that no id can match
            lines[at]["plan_id"] = ""
    return "\n".join(json.dumps(line) if rng.random() < 0.5 else canonical(line) for line in lines)


@pytest.mark.parametrize("name", CASES)
def test_a_damaged_document_is_an_error_with_a_message(name: str) -> None:
    text, load = CASES[name]
    rng, rounds, refused = random.Random(name), 0, 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        rounds += 1
        try:
            load(rng.choice((damaged_text, damaged_structure))(rng, text))
        except ConfigError as error:
            refused += bool(str(error))
    assert refused > rounds / 4
