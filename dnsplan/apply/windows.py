"""When a rollover may start: freezes and weekly windows of a policy, in the wall clock of their time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dnsplan.model.portfolio import Policy, Weekly
from dnsplan.model.time import Instant

DAYS_AHEAD = 15
"""A weekly window comes within a week; one that a change to summer time skips, within two."""

MOST_CLOSURES = 60
"""Freezes and windows that exclude each other for longer than this never open."""


def opens_at(policy: Policy, now: Instant) -> Instant | None:
    """Return the first moment from `now` on at which a rollover may start; None if no window ever opens."""
    moment: Instant | None = now
    for _ in range(MOST_CLOSURES):
        if moment is None:
            return None
        frozen = max((freeze.end for freeze in policy.freeze if freeze.start <= moment < freeze.end), default=None)
        if frozen is not None:
            moment = frozen
            continue
        opens = _weekly(policy.weekly, moment)
        if opens == moment:
            return moment
        moment = opens
    return None


def _weekly(windows: tuple[Weekly, ...], now: Instant) -> Instant | None:
    """Return `now` inside a window (or where there are none), else when the next one opens."""
    if not windows:
        return now
    openings = [opening for window in windows for opening in _openings(window, now)]
    if any(start <= now < end for start, end in openings):
        return now
    return min((start for start, _ in openings if start > now), default=None)


def _openings(window: Weekly, now: Instant) -> list[tuple[Instant, Instant]]:
    """Return the spans in which a window is open, from yesterday on."""
    zone = ZoneInfo(window.time_zone)
    today = datetime.fromtimestamp(now, zone).date()
    spans = []
    for offset in range(-1, DAYS_AHEAD):
        day = today + timedelta(days=offset)
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        start, end = (midnight + timedelta(minutes=minutes) for minutes in (window.start, window.end))
        if day.weekday() in window.days and not _is_skipped(start):
            spans.append((int(start.timestamp()), int(end.timestamp())))
    return spans


def _is_skipped(moment: datetime) -> bool:
    """Tell whether a wall-clock time does not exist, in the hour that a change to summer time skips."""
    back = datetime.fromtimestamp(moment.timestamp(), UTC).astimezone(moment.tzinfo)
    return back.replace(fold=0) != moment.replace(fold=0)
