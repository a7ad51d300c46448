"""A plan with one zone of each kind, for the views."""

from __future__ import annotations

from dataclasses import replace

from dnsplan.codec.plan import with_plan_id
from dnsplan.model.action import SetDs
from dnsplan.model.history import ZoneHistory
from dnsplan.model.plan import (
    Blocked,
    Counterexample,
    Done,
    Finding,
    Gate,
    GateTerm,
    Headline,
    Move,
    NeedsHuman,
    Plan,
    Proof,
    Shown,
    Step,
    TimelineStep,
    Wait,
    ZonePlan,
)
from dnsplan.model.portfolio import Source
from dnsplan.model.records import Dnskey, Ds, make_ds

NOW = 1_795_400_000
OLD, NEW = (Dnskey(flags=257, algorithm=13, public_key=bytes([n]) * 64) for n in (1, 2))
EVIL = "\x1b[2J\u202e<script>|`@you`"


def ds_of(zone: str, key: Dnskey) -> Ds:
    return make_ds(zone, key, 2)


def step(zone: str = "a.example", *, swap: bool = False) -> Step:
    old, new = ds_of(zone, OLD), ds_of(zone, NEW)
    return Step(
        id="B2a-1", op="ds.set", rrset="DS", gate=Gate(), undo="fast", stage="B2a", summary="add the new DS",
        action=SetDs(ds=(new,) if swap else tuple(sorted((old, new))), keys=(NEW,), expected=(old,)),
        proof=Proof(triples=6, horizon=NOW + 90, profiles=frozenset({"lenient", "hardened"})),
    )  # fmt: skip


def later(at: int | None = NOW + 3700) -> TimelineStep:
    term = GateTerm(reason="no cache holds a DS RRset without the new DS", at=at, base=NOW, margin=100, ttl=3600)
    return TimelineStep(
        id="B3-1", op="dnskey.withdraw", stage="B3", summary="withdraw the old KSK", not_before=at, predicted=True,
        gate=Gate(terms=(term,)), who="signer pdns", undo="slow",
    )  # fmt: skip


def zone(name: str, headline: Headline, *moves: Move, findings: tuple[Finding, ...] = ()) -> ZonePlan:
    old, new = ds_of(name, OLD), ds_of(name, NEW)
    shown = (
        Shown(kind="DS", record="", servers=2, asked=2), Shown(kind="DS", record=str(old), servers=2, asked=2),
        Shown(kind="DNSKEY", record="", servers=2, asked=3), Shown(kind="DNSKEY", record=str(NEW), servers=1, asked=3),
        Shown(kind="DNSKEY", record=str(OLD), servers=2, asked=3),
    )  # fmt: skip
    return ZonePlan(
        zone=name, parent="example", policy="standard", recipe="double-ksk", why="the zone file asks for it",
        source=Source(file=f"zones/{name}.yaml", line=3), headline=headline, moves=moves, timeline=(later(),),
        findings=findings, observed_ds=(old,), observed_keys=(NEW, OLD), desired_ds=(new,), desired_keys=(NEW,),
        history=ZoneHistory(zone=name, next_at=NOW + 3700), fingerprint="sha256:0", shown=shown,
    )  # fmt: skip


FINDING = Finding(
    code="DS_LAG", severity="warning", summary="a server lags", servers=("192.0.2.1",), detail="it shows the old DS",
    action="ask its operator",
)  # fmt: skip
WRONG = Counterexample(
    profile="hardened", ds=("DS 1",), dnskey=("KSK 2",), key_signers=("KSK 2",), zone_signers=("ZSK 3",), start=NOW,
    end=NOW + 60, reason="no DS matches a key that signs",
)  # fmt: skip
READY = zone("a.example", "ACTIVE", step("a.example"))
WAITING = zone("b.example", "WAITING", Wait(until=NOW + 3700, reason="old caches"), findings=(FINDING,))
MANUAL = zone("c.example", "MANUAL", NeedsHuman(step=step("c.example"), contact="registry desk"))
REFUSED = zone("d.example", "BLOCKED", Blocked(findings=(), counterexample=WRONG))
GUARDED = zone("e.example", "BLOCKED", Blocked(findings=(FINDING,), guard="max_ds_removals"))
REST = replace(
    zone("xn--bcher-kva.example", "OK", Done()), recipe="", timeline=(), desired_ds=(), desired_keys=()
)  # fmt: skip


def plan(*zones: ZonePlan, **changes: object) -> Plan:
    base = Plan(
        plan_id="", created=NOW, expires=NOW + 86400, commit="c" * 40, dirty=False, config_digest="sha256:0",
        selector=(), partial=False, observed_at=NOW, incomplete=(), zones=zones, unmanaged=(),
    )  # fmt: skip
    return with_plan_id(replace(base, **changes))  # type: ignore[arg-type]


EVERY = (READY, WAITING, MANUAL, REFUSED, GUARDED, REST)
