"""The staged change of one zone with its dates, before anything is touched: the earliest and the latest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from dnsplan.apply import Ports, look
from dnsplan.engine import plan_zone
from dnsplan.errors import UsageError
from dnsplan.model.forecast import Dated, Forecast, ParentDelay
from dnsplan.model.plan import Situation, Undo
from dnsplan.model.portfolio import Policy, Portfolio, Roll, ZoneIntent, ZoneName
from dnsplan.model.records import ALGORITHMS, DIGEST_TYPES
from dnsplan.model.time import Instant, Seconds

TOKEN = "forecast"  # noqa: S105  # of a rollover
GOALS = "ksk, zsk, csk, algorithm:NAME, digest:NAME[+NAME], scheme:csk, scheme:ksk-zsk, signed or insecure"


def forecast(situation: Situation, delay: ParentDelay | None = None) -> Forecast:
    """Return the dates of every step still to come; without a `delay` the parent may take the registration budget."""
    if delay is None:
        longest = situation.policy.timing.registration_budget
        parent = situation.intent.parent or ""
        delay = ParentDelay(parent=parent, shortest=0, longest=longest, rests_on="budget")
    plan = plan_zone(situation, registration=delay.shortest)
    latest, at_once, later = (_dates(situation, takes) for takes in (delay.longest, 0, delay.longest + 1))
    steps = []
    rests: Literal["certain", "parent", "person"] = "certain"
    for step in plan.timeline:
        if step.who == "a person":
            rests = "person"
        elif rests == "certain" and at_once.get(step.id) != later.get(step.id):
            rests = "parent"
        last = latest.get(step.id) if rests != "person" else None
        steps.append(Dated(step=step, earliest=step.not_before, latest=last, rests_on=rests))
    return Forecast(plan=plan, steps=tuple(steps), at=situation.now, delay=delay)


def _dates(situation: Situation, registration: Seconds) -> Mapping[str, Instant | None]:
    """Return the date of each step by its id, if the parent needs so long for each change."""
    return {step.id: step.not_before for step in plan_zone(situation, registration=registration).timeline}


def situations(portfolio: Portfolio, zones: Sequence[ZoneName], ports: Ports) -> tuple[Situation, ...]:
    """Return what is known of each zone now, what its signer holds included; nothing is written."""
    found = []
    for one in look(portfolio, zones, ports):
        situation, signer = one.situation, one.situation.intent.signer
        if situation.held is None and signer is not None and situation.intent.dnssec != "hold":
            situation = replace(situation, held=ports.signer(signer).read(one.zone))
        found.append(situation)
    return tuple(found)


def with_undo(result: Mapping[str, Any], found: Forecast) -> dict[str, Any]:
    """Return a simulation's result with the way back from each step: `fast`, `slow` or `irreversible`."""
    classes: dict[str, Undo] = {"repeat": "fast"}
    classes |= {step.stage.split("-")[0]: step.undo for step in found.plan.timeline}
    moves = [
        {**move, "undo": classes[move["stage"]]} if move["move"] == "step" and move["stage"] in classes else move
        for move in result["moves"]
    ]
    return {**result, "moves": moves}


def with_goal(situation: Situation, goal: str) -> Situation:
    """Return the situation in which the files ask for something else; UsageError for an unknown goal."""
    intent = situation.intent
    if goal == "signed":
        return replace(situation, intent=replace(intent, dnssec="signed", keys="auto"))
    if goal == "insecure":
        return replace(situation, intent=replace(intent, dnssec="insecure", keys="auto"))
    intent = replace(intent, dnssec="signed")
    tokens = (("sep", ""), ("zsk", ""))
    history = replace(situation.history, tokens=tokens, rollover=None)
    situation = replace(situation, intent=intent, history=history)
    if goal in {"ksk", "csk", "zsk"}:
        roll = Roll(zsk=TOKEN) if goal == "zsk" else Roll(sep=TOKEN)
        return replace(situation, intent=_rolled(intent, roll))
    return replace(situation, policy=_policy(situation.policy, goal), intent=_rolled(intent, Roll()))


def _rolled(intent: ZoneIntent, roll: Roll) -> ZoneIntent:
    return replace(intent, roll=roll, keys="auto")


def _policy(policy: Policy, goal: str) -> Policy:
    kind, _, value = goal.partition(":")
    numbers = {name: number for number, name in (*ALGORITHMS.items(), *DIGEST_TYPES.items())}
    names = value.split("+")
    if kind == "algorithm" and numbers.get(value) in ALGORITHMS:
        return replace(policy, algorithm=numbers[value])
    if kind == "digest" and all(numbers.get(name) in DIGEST_TYPES for name in names):
        return replace(policy, digest_types=frozenset(numbers[name] for name in names))
    if goal == "scheme:csk":
        return replace(policy, scheme="csk")
    if goal == "scheme:ksk-zsk":
        return replace(policy, scheme="ksk-zsk")
    raise UsageError(f"there is no goal {goal!r}", hint=f"choose one of {GOALS}")
