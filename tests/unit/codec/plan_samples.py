"""A plan with a change, a person's step, a block and a zone without changes."""

from __future__ import annotations

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
    Move,
    NeedsHuman,
    Plan,
    Proof,
    Step,
    TimelineStep,
    Wait,
    ZonePlan,
)
from dnsplan.model.portfolio import Source
from dnsplan.model.records import Dnskey, make_ds

OLD, NEW = (Dnskey(flags=257, algorithm=13, public_key=bytes([n]) * 64) for n in (1, 2))
GATE = Gate(terms=(GateTerm(reason="DS TTL", at=100, base=10, margin=30, ttl=60), GateTerm(reason="sweeps", at=None)))
FINDING = Finding(code="DS_LAG", severity="warning", summary="a server lags", servers=("192.0.2.1",), expected_until=9)


def step(zone: str) -> Step:
    old, new = make_ds(zone, OLD, 2), make_ds(zone, NEW, 2)
    return Step(
        id="s1", op="ds.set", rrset="DS", action=SetDs(ds=(new,), keys=(NEW,), expected=(old,)), gate=GATE,
        proof=Proof(triples=12, horizon=5000, profiles=frozenset({"lenient", "hardened"})), undo="slow",
        stage="swap", summary="replace the DS",
    )  # fmt: skip


def zone_plan(zone: str, *moves: Move, findings: tuple[Finding, ...] = ()) -> ZonePlan:
    changes = any(not isinstance(move, Done) for move in moves)
    later = TimelineStep(
        id="s1", op="ds.set", stage="swap", summary="replace the DS", not_before=None, predicted=True, gate=GATE,
        who="dsplan", undo="slow", action=step(zone).action,
    )  # fmt: skip
    return ZonePlan(
        zone=zone, parent="own" if changes else "", policy="standard", recipe="double-ksk" if changes else "",
        why="lifetime" if changes else "", source=Source(file="zones/a.yaml" if changes else "", line=3 * changes),
        headline="ACTIVE" if changes else "OK", moves=moves, timeline=(later,) if changes else (), findings=findings,
        observed_ds=(make_ds(zone, OLD, 2),) if changes else (), observed_keys=(NEW, OLD) if changes else (),
        desired_ds=(make_ds(zone, NEW, 2),) if changes else (), desired_keys=(NEW,) if changes else (),
        history=ZoneHistory(zone=zone), fingerprint=f"sha256:{zone}",
    )  # fmt: skip


def plan() -> Plan:
    wrong = Counterexample(
        profile="lenient",
        ds=("1",),
        dnskey=("2",),
        key_signers=(),
        zone_signers=(),
        start=5,
        end=None,
        reason="no match",
    )
    zones = (
        zone_plan("a.example", step("a.example"), Wait(until=None, reason="ZSK")),
        zone_plan("b.example", NeedsHuman(step=step("b.example"), contact="desk"), findings=(FINDING,)),
        zone_plan("c.example", Blocked(findings=(FINDING,), counterexample=wrong, guard="canary")),
        zone_plan("d.example", Done()),
    )
    return with_plan_id(Plan(
        plan_id="", created=1000, expires=2000, commit="c" * 40, dirty=False, config_digest="sha256:0",
        selector=(("zone", "*.example"),), partial=True, observed_at=990, incomplete=("x.example",), zones=zones,
        unmanaged=("gone.example",),
    ))  # fmt: skip
