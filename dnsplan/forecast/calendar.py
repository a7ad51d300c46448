"""The calendar of a portfolio: which keys reach the lifetime of their policy when, and what is under way. No packet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dnsplan.engine.ages import born_at, lifetime_of
from dnsplan.engine.view import view_of
from dnsplan.engine.wish import roles
from dnsplan.model.forecast import Calendar, Due
from dnsplan.model.history import ZoneHistory
from dnsplan.model.observation import Observation
from dnsplan.model.plan import Capabilities, Situation
from dnsplan.model.portfolio import Portfolio, ZoneIntent, ZoneName
from dnsplan.model.time import Instant

MOST_OF_ONE = 400
"""Rollovers of one key within a calendar: beyond that a lifetime is a mistake."""


def calendar(
    portfolio: Portfolio,
    zones: Sequence[ZoneName],
    histories: Mapping[ZoneName, ZoneHistory],
    start: Instant,
    end: Instant,
) -> Calendar:
    """Return the calendar of those of the zones that dsplan rolls; from the ledger alone."""
    entries: list[Due] = []
    unknown = []
    for zone in sorted(zones):
        intent = portfolio.zones[zone]
        if intent.dnssec != "signed" or intent.keys != "auto":
            continue
        history = histories.get(zone)
        found = None if history is None else _of_zone(portfolio, intent, history, start, end)
        if found is None:
            unknown.append(zone)
        else:
            entries.extend(found)
    return Calendar(
        start=start,
        end=end,
        entries=tuple(sorted(entries, key=lambda entry: (entry.at, entry.zone))),
        unknown=tuple(unknown),
    )


def _of_zone(
    portfolio: Portfolio, intent: ZoneIntent, history: ZoneHistory, start: Instant, end: Instant
) -> list[Due] | None:
    """Return the entries of a zone; None if no key has an age on record."""
    nothing = Observation(zone=intent.zone, at=start, parent_zone=None, parent=(), child=())
    view = view_of(
        Situation(
            intent=intent,
            policy=portfolio.policy_of(intent),
            capabilities=Capabilities(update="none"),
            history=history,
            seen=nothing,
            now=start,
        )
    )
    if view is None:
        return None
    parent = intent.parent or ""
    known = {role: born for role in roles(view) if (born := born_at(view, role)) is not None}
    entries = [
        Due(at=at, zone=intent.zone, parent=parent, what=f"{role.upper()} rollover")
        for role, born in known.items()
        for at in _dues(born, lifetime_of(view, role).lifetime, start, end)
    ]
    if history.rollover is not None and history.next_at is not None and history.next_at < end:
        under_way = f"{history.rollover.recipe} under way"
        entries.append(Due(at=max(history.next_at, start), zone=intent.zone, parent=parent, what=under_way))
    return entries if known or entries else None


def _dues(born: Instant, lifetime: int | None, start: Instant, end: Instant) -> Iterator[Instant]:
    """Yield when a key and its successors reach their lifetime; what is overdue is due at the start."""
    if not lifetime:
        return
    at = max(born + lifetime, start)
    for _ in range(MOST_OF_ONE):
        if at >= end:
            return
        yield at
        at += lifetime
