"""Guards: what one apply may start or take away, whatever the plan says; each is lifted only by its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dnsplan.apply.looking import Look
from dnsplan.apply.turns import Canaries, Histories, in_turn, is_urgent
from dnsplan.apply.windows import opens_at
from dnsplan.model.action import SetCds, SetDs
from dnsplan.model.history import Asked
from dnsplan.model.plan import Blocked, Finding, Move, Step, Wait
from dnsplan.model.portfolio import Portfolio, ZoneName

PERCENT_FROM = 40
"""Below so many zones a percentage says nothing."""

NEXT_APPLY = "next apply"
"""Stage of a wait that no time within this apply ends."""


@dataclass(slots=True)
class Tally:
    """What one apply began, took away and found stale so far; shared by all runs of one `apply --wait`."""

    begun: set[ZoneName] = field(default_factory=set)
    emptied: set[ZoneName] = field(default_factory=set)
    """Zones that may lose their last DS in this apply."""
    stale: dict[ZoneName, str] = field(default_factory=dict)


def guarded(
    portfolio: Portfolio,
    looks: Sequence[Look],
    asked: Mapping[ZoneName, Asked | None],
    allowed: frozenset[str],
    tally: Tally,
    histories: Histories,
) -> dict[ZoneName, Move]:
    """Return the zones that a guard holds back now, with what it says; what may go on is added to the tally.

    `asked`: the merge that asks for a zone's change. `histories` reads zones that are not looked at: what is under way
    there counts as well.
    """
    held: dict[ZoneName, Move] = {}
    held.update(_pacing(portfolio, looks, asked, tally, histories))
    held.update(_removals(portfolio, [one for one in looks if one.zone not in held], allowed, tally))
    for one in looks:
        if one.zone in held or one.zone in tally.stale:
            continue
        if begins(one, tally):
            tally.begun.add(one.zone)
        if any(empties(step) for step in _steps(one)):
            tally.emptied.add(one.zone)
    return held


def _pacing(
    portfolio: Portfolio,
    looks: Sequence[Look],
    asked: Mapping[ZoneName, Asked | None],
    tally: Tally,
    histories: Histories,
) -> dict[ZoneName, Move]:
    """Let new rollovers wait their turn; those under way always go on."""
    guards, result = portfolio.guards, dict[ZoneName, Move]()
    new = [one for one in looks if one.zone not in tally.stale and begins(one, tally)]
    in_flight, canaries = _in_flight(portfolio, looks, new, tally, histories), Canaries(portfolio, histories)
    started = len(tally.begun)
    for one in in_turn(new, asked):
        parent, merge = one.situation.intent.parent, asked.get(one.zone)
        held = _closed(one) or canaries.wait(one, merge)
        if held is not None:
            result[one.zone] = held
        elif started >= guards.max_zones_per_apply:
            reason = "max_zones_per_apply: other zones go first"
            result[one.zone] = Wait(until=None, reason=reason, stage=NEXT_APPLY)
        elif in_flight[parent] >= guards.max_in_flight_per_parent:
            result[one.zone] = Wait(until=None, reason="max_in_flight_per_parent: other zones go first", stage="guard")
        else:
            started += 1
            in_flight[parent] += 1
            canaries.begins(one, merge)
    return result


def _closed(one: Look) -> Move | None:
    """Return the wait for the policy's next window; repairs and emergencies wait for none."""
    if is_urgent(one):
        return None
    now = one.situation.now
    opens = opens_at(one.situation.policy, now)
    if opens == now:
        return None
    reason = "the policy's windows let no rollover start now" if opens else "the policy's windows never open"
    return Wait(until=opens, reason=reason, stage="window")


def _in_flight(
    portfolio: Portfolio, looks: Sequence[Look], new: Sequence[Look], tally: Tally, histories: Histories
) -> Counter[str | None]:
    """Return how many rollovers each parent has under way, those of zones outside this run included."""
    result = Counter(one.situation.intent.parent for one in looks if under_way(one, tally))
    parents, looked_at = {one.situation.intent.parent for one in new}, {one.zone for one in looks}
    others = [zone for zone, intent in portfolio.zones.items() if intent.parent in parents and zone not in looked_at]
    for zone, history in histories(others).items() if others else ():
        if history.rollover is not None:
            result[portfolio.zones[zone].parent] += 1
    return result


def _removals(
    portfolio: Portfolio, looks: Sequence[Look], allowed: frozenset[str], tally: Tally
) -> dict[ZoneName, Move]:
    losing = {one.zone for one in looks if one.zone not in tally.stale and any(empties(step) for step in _steps(one))}
    count = len(losing | tally.emptied)
    guards = portfolio.guards
    total = sum(intent.dnssec != "hold" for intent in portfolio.zones.values())
    too_many = count > guards.max_ds_removals_count or (
        total >= PERCENT_FROM and count * 100 > guards.max_ds_removals_percent * total
    )
    if not too_many or "max_ds_removals" in allowed:
        return {}
    finding = Finding(
        code="GUARD_MAX_DS_REMOVALS",
        severity="error",
        summary=f"{count} zones would lose their last DS in one apply",
        action="if that is meant: --allow max_ds_removals (it is recorded)",
    )
    blocked = Blocked(findings=(finding,), guard="max_ds_removals", stage="guard")
    return dict.fromkeys(sorted(losing - tally.emptied), blocked)


def empties(step: Step) -> bool:
    """Tell whether a step takes the last DS away."""
    match step.action:
        case SetDs(ds=ds) | SetCds(cds=ds):
            return not ds
        case _:
            return False


def _steps(one: Look) -> list[Step]:
    return [move for move in one.plan.moves if isinstance(move, Step)]


def begins(one: Look, tally: Tally) -> bool:
    """Tell whether a zone's change would begin in this run."""
    return bool(one.plan.recipe) and bool(_steps(one)) and not under_way(one, tally)


def under_way(one: Look, tally: Tally) -> bool:
    """Tell whether a zone's change began in an earlier run."""
    begun = one.zone in tally.begun and bool(one.plan.recipe)
    return begun or (one.before is not None and one.before.rollover is not None)
