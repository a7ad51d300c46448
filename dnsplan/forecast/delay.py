"""How long a parent takes to show a change of the DS: from its past in the ledger, its entry, or the policy."""

from __future__ import annotations

from collections.abc import Iterable

from dnsplan.model.forecast import ParentDelay
from dnsplan.model.history import ZoneHistory
from dnsplan.model.portfolio import Portfolio, ZoneName
from dnsplan.model.settings import settings_of

LEAST_CHANGES = 3
"""Past changes from which a range is taken; fewer say little about the next one."""


def zones_beside(portfolio: Portfolio, zone: ZoneName) -> tuple[ZoneName, ...]:
    """Return the zones whose DS goes the same way, whose histories tell about the parent."""
    parent = portfolio.zones[zone].parent
    return tuple(name for name, intent in portfolio.zones.items() if intent.parent == parent)


def parent_delay(portfolio: Portfolio, zone: ZoneName, histories: Iterable[ZoneHistory]) -> ParentDelay:
    """Return the range for the parent of a zone; ConfigError if its entry holds no duration where one should be."""
    parent = portfolio.zones[zone].parent or ""
    past = [one.shown - one.submitted for history in histories for one in history.registrations if one.parent == parent]
    if len(past) >= LEAST_CHANGES:
        return ParentDelay(
            parent=parent, shortest=min(past), longest=max(past), rests_on="history", changes=len(past)
        )  # fmt: skip
    entry = portfolio.parents.get(parent)
    settings = settings_of(entry, "parents") if entry is not None else None
    for name in ("usual_delay", "budget"):
        if settings is not None and name in settings.values:
            return ParentDelay(parent=parent, shortest=0, longest=settings.seconds(name), rests_on="entry")
    budget = portfolio.policy_of(portfolio.zones[zone]).timing.registration_budget
    return ParentDelay(parent=parent, shortest=0, longest=budget, rests_on="budget")
