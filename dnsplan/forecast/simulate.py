"""Run the real planner, kernel and executor in a described world, and tell what was served when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from dnsplan.apply import Ports, Run, RunResult, look, run
from dnsplan.model.history import ZoneHistory
from dnsplan.model.plan import Blocked, Done, Move, NeedsHuman, NeedsReview, Step, Wait, ZonePlan
from dnsplan.model.portfolio import Guards, KeyPolicy, Policy, Portfolio, Resolution, Roll, WayIn, ZoneIntent
from dnsplan.model.records import Dnskey
from dnsplan.model.time import parse_instant
from dnsplan.portfolio.build import build_policy
from dnsplan.world.simulated import Crash, MemoryLedger, SetClock, SimulatedDns, SimulatedParent, SimulatedSigner, Truth
from dnsplan.world.simulated.ports import Calls

TOKEN = "simulated"  # noqa: S105  # of a rollover
UNCONFIRMED: Mapping[str, Any] = {
    "move": "wait",
    "until": None,
    "reason": "what is served is not yet confirmed on every server",
    "stage": "confirm",
}


def simulate(world: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result object of one world (`simulate.md`); KeyError or ValueError for a world that does not fit."""
    return Simulation(world).result()


class Simulation:
    """One world from its start to its goal, its blocking or its end."""

    def __init__(self, world: Mapping[str, Any]) -> None:
        self.world, self.truth = world, Truth(world)
        self.clock = SetClock(parse_instant(world["now"]))
        self.ledger = MemoryLedger()
        self.calls = Calls(self.truth)
        self.parent = SimulatedParent(self.truth, self.clock, self.calls)
        self.signer = SimulatedSigner(self.truth, self.clock, self.calls)
        self.portfolio = _portfolio(world, self.truth)
        zone = self.truth.zone
        self.ledger.histories[zone] = ZoneHistory(zone=zone, tokens=(("sep", ""), ("zsk", "")))
        self.moves: list[dict[str, Any]] = []
        self.reached_at: int | None = None
        self.breaks_chain: frozenset[str] = frozenset()
        """The zone, where the guard `break_chain` is lifted; no document asks for that."""
        self.changes = sorted(world["truth"].get("changes", []), key=lambda change: change["at"])
        self._last: ZonePlan | None = None

    def result(self) -> dict[str, Any]:
        """Run to the end and return what the contract asks for."""
        tick, at = self.world["tick"], 0
        while at <= self.world["until"] and self.reached_at is None:
            self._advance(at)
            down = any(fault["from"] <= at < fault["until"] for fault in self.truth.faults("no_run"))
            at += tick if down or self._run_at(at) else self._idle(at)
        events = [
            {
                "at": version.at,
                "call": version.call,
                "rrset": rrset,
                "ttl": version.ttl,
                "value": self.truth.event_value(rrset, version.value),
                "everywhere": version.everywhere,
            }
            for rrset, versions in self.truth.versions.items()
            for version in versions
            if version.is_event
        ]
        return {
            "id": self.world.get("id"),
            "events": sorted(events, key=lambda event: (event["at"], event["rrset"])),
            "moves": self.moves,
            "reached": self.reached_at is not None,
            "reached_at": self.reached_at,
            "calls": self.calls.total,
            "parent_calls": self.calls.parent,
            "keys_created": len(self.signer.created),
        }

    def _advance(self, at: int) -> None:
        self.clock.at = at
        while self.changes and self.changes[0]["at"] <= at:
            self.truth.edit(self.changes.pop(0))

    def _run_at(self, at: int) -> bool:
        """Run once; tell whether the next tick may bring something."""
        ports = Ports(
            clock=self.clock,
            dns=SimulatedDns(self.truth, self.clock),
            ledger=self.ledger,
            parent=lambda _: self.parent,
            signer=lambda _: self.signer,
            digest=lambda _: "",
            foresee=False,
            breaks_chain=self.breaks_chain,
        )
        try:
            result = run(self.portfolio, (self.truth.zone,), ports, Run(id=f"run-{at}"))
        except Crash:
            return True
        confirmed = self._is_confirmed()
        self._note(at, result, confirmed=confirmed)
        zone = result.zones[0]
        if zone.plan.headline == "OK" and confirmed:
            if not look(self.portfolio, (self.truth.zone,), ports)[0].plan.recipe:
                self.reached_at = at
            return True  # what is done may have been a repair before the rollover that was asked for
        before, self._last = self._last, zone.plan
        begun = before is None or before.history.rollover != zone.plan.history.rollover
        return bool(zone.steps) or begun or self._settled(zone.plan)

    def _is_confirmed(self) -> bool:
        """Tell whether every RRset is on every server after the sweeps that the policy wants."""
        history = self.ledger.histories[self.truth.zone]
        return all(
            versions and versions[-1].everywhere is not None
            for versions in (history.ds, history.dnskey, history.zonedata)
        )

    def _settled(self, plan: ZonePlan) -> bool:
        """Tell whether the run learnt of a call whose outcome had been lost: the next one may go on from there."""
        return self.ledger.histories[self.truth.zone].intents != plan.history.intents

    def _idle(self, at: int) -> int:
        """Return how long nothing can change: until the world moves, a gate opens or a budget ends."""
        tick, base = self.world["tick"], self.clock.base
        moments = {moment for moment in self.truth.moments() if moment > at}
        history = self.ledger.histories[self.truth.zone]
        budget = self.portfolio.policies["world"].timing.registration_budget
        spacing = max(self.portfolio.policies["world"].timing.sweep_spacing, 1)
        for move in self._last.moves if self._last else ():
            if isinstance(move, Wait) and move.until is not None and not move.polls:
                moments.add(move.until - base)
        for versions in (history.ds, history.dnskey, history.zonedata):
            newest = versions[-1] if versions else None
            if newest is not None and newest.everywhere is None and newest.clean_at is not None:
                moments.add(newest.clean_at + spacing - base)
        if any(versions and not versions[-1].seen for versions in (history.ds, history.dnskey, history.zonedata)):
            for intent in history.intents:
                moments.add((intent.outcome_at or intent.at) + budget - base)
        following = [moment for moment in moments if moment > at]
        if not following:
            return int(self.world["until"]) + 1
        ticks = -(-(min(following) - at) // tick)
        return int(max(1, ticks)) * int(tick)

    def _note(self, at: int, result: RunResult, *, confirmed: bool) -> None:
        zone = result.zones[0]
        self.moves.extend({"at": at, "move": "step", "stage": step.id.split("-")[0]} for step in zone.steps)
        for move in zone.plan.moves:
            line = _move_line(move, self.clock.base) if confirmed or not isinstance(move, Done) else UNCONFIRMED
            if not any({**line, "at": 0} == {**known, "at": 0} for known in self.moves[-1:]):
                self.moves.append({"at": at, **line})


def _move_line(move: Move, base: int) -> dict[str, Any]:
    match move:
        case Step(stage=stage):
            return {"move": "step", "stage": stage}
        case Wait(until=until, reason=reason, stage=stage, polls=polls):
            end = None if until is None or polls else until - base
            return {"move": "wait", "until": end, "reason": reason, "stage": stage}
        case Blocked(findings=findings, stage=stage):
            servers = ", ".join(server for finding in findings for server in finding.servers)
            said = "; ".join(f"{finding.code} {finding.summary} {servers}".strip() for finding in findings)
            return {"move": "blocked", "reason": said or "no safe way", "stage": stage}
        case NeedsHuman():
            return {"move": "manual"}
        case NeedsReview():
            return {"move": "review"}
        case Done():
            return {"move": "done"}


def _portfolio(world: Mapping[str, Any], truth: Truth) -> Portfolio:
    goal, zone = world["goal"], truth.zone
    roll = goal.get("roll")
    intent = ZoneIntent(
        zone=zone, policy="world", signer="signer", parent="parent", dnssec=goal["dnssec"], keys=_pinned(goal, truth),
        roll=Roll(sep=TOKEN if roll in {"ksk", "csk"} else None, zsk=TOKEN if roll == "zsk" else None),
    )  # fmt: skip
    return Portfolio(
        name="world",
        zones={zone: intent},
        policies={"world": _policy(world)},
        signers={"signer": WayIn(name="signer", type="simulated")},
        parents={"parent": WayIn(name="parent", type="simulated")},
        accepts={},
        resolution=Resolution(root_hints=()),
        guards=Guards(spread_first_lifetimes=False),
    )


def _pinned(goal: Mapping[str, Any], truth: Truth) -> Literal["auto"] | tuple[Dnskey, ...]:
    if not goal.get("keys"):
        return "auto"
    unknown = [symbol for symbol in goal["keys"] if symbol not in truth.held]
    if unknown:
        raise ValueError(f"the goal names key {unknown[0]!r}, which is neither published nor held")
    return tuple(truth.keys[symbol] for symbol in goal["keys"])


def _as_rolled(given: Mapping[str, Any], roll: str) -> Mapping[str, Any]:
    """Return the policy with what the rollover that is asked for says and the policy leaves open."""
    kind, _, what = roll.partition(":")
    match kind:
        case "algorithm" | "scheme":
            return {kind: what, **given}
        case "csk":
            return {"scheme": "csk", **given}
        case "digest":
            return {**given, "ds": {"digest_types": what.split("+"), **given.get("ds", {})}}
        case _:
            return given


def _policy(world: Mapping[str, Any]) -> Policy:
    """Return the policy with the nominal TTLs of the world; a missing lifetime means never by age."""
    given = _as_rolled(world["policy"], world["goal"].get("roll", ""))
    policy = build_policy({**given, "policy": "world"})
    never = {
        role: replace(getattr(policy, role), lifetime=None)
        if "lifetime" not in given.get(role, {})
        else getattr(policy, role)
        for role in ("ksk", "csk", "zsk")
    }
    keys: dict[str, KeyPolicy] = never
    return replace(
        policy,
        ksk=keys["ksk"],
        csk=keys["csk"],
        zsk=keys["zsk"],
        ds_ttl_max=world["parent"]["ttl"],
        dnskey_ttl=world["signer"]["dnskey_ttl"],
        zone_ttl_max=max(world["signer"]["zone_ttl"], world["start"]["zone"]["negative_ttl"]),
    )
