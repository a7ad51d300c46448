"""Guards: what one apply may start or take away, whatever the plan says; each is lifted only by its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dnsplan.apply.looking import Look
from dnsplan.model.plan import Blocked, Finding, Move, SetCds, SetDs, Step, Wait
from dnsplan.model.portfolio import Portfolio, ZoneName

PERCENT_FROM = 40
"""Below so many zones a percentage says nothing."""


def guarded(portfolio: Portfolio, looks: Sequence[Look], allowed: frozenset[str]) -> dict[ZoneName, Move]:
    """Return the zones that a guard holds back now, with what it says."""
    held: dict[ZoneName, Move] = {}
    held.update(_pacing(portfolio, looks))
    held.update(_removals(portfolio, [one for one in looks if one.zone not in held], allowed))
    return held


def _pacing(portfolio: Portfolio, looks: Sequence[Look]) -> dict[ZoneName, Move]:
    """Let new rollovers wait their turn; those under way always go on."""
    guards, result = portfolio.guards, dict[ZoneName, Move]()
    new = [one for one in looks if one.plan.recipe and _steps(one) and not _under_way(one)]
    in_flight = Counter(one.situation.intent.parent for one in looks if _under_way(one))
    started = 0
    for one in new:
        parent = one.situation.intent.parent
        if started >= guards.max_zones_per_apply:
            result[one.zone] = Wait(until=None, reason="max_zones_per_apply: other zones go first", stage="guard")
        elif in_flight[parent] >= guards.max_in_flight_per_parent:
            result[one.zone] = Wait(until=None, reason="max_in_flight_per_parent: other zones go first", stage="guard")
        else:
            started += 1
            in_flight[parent] += 1
    return result


def _removals(portfolio: Portfolio, looks: Sequence[Look], allowed: frozenset[str]) -> dict[ZoneName, Move]:
    losing = [one for one in looks if any(_empties(step) for step in _steps(one))]
    guards = portfolio.guards
    total = sum(intent.dnssec != "hold" for intent in portfolio.zones.values())
    too_many = len(losing) > guards.max_ds_removals_count or (
        total >= PERCENT_FROM and len(losing) * 100 > guards.max_ds_removals_percent * total
    )
    if not too_many or "max_ds_removals" in allowed:
        return {}
    finding = Finding(
        code="GUARD_MAX_DS_REMOVALS",
        severity="error",
        summary=f"{len(losing)} zones would lose their last DS in one apply",
        action="if that is meant: --allow max_ds_removals (it is recorded)",
    )
    return {one.zone: Blocked(findings=(finding,), guard="max_ds_removals", stage="guard") for one in losing}


def _steps(one: Look) -> list[Step]:
    return [move for move in one.plan.moves if isinstance(move, Step)]


def _under_way(one: Look) -> bool:
    return one.before is not None and one.before.rollover is not None


def _empties(step: Step) -> bool:
    match step.action:
        case SetDs(ds=ds) | SetCds(cds=ds):
            return not ds
        case _:
            return False
