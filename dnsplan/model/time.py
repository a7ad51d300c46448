"""Instants and durations as whole seconds, and their text forms.

The engine adds and compares plain integers; text appears only at the edges.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

Instant = int
"""Seconds since 1970-01-01T00:00:00Z."""

Seconds = int
"""A duration."""

_LAST = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
_UNITS = {"y": 365 * 86400, "w": 7 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:\d+[ywdhms])+")
_TERM = re.compile(r"(\d+)([ywdhms])")


def parse_duration(text: str) -> Seconds:
    """Return the seconds of `90s`, `15m`, `1h30m`, `2d`, `1w` or `1y` (365 days); ValueError otherwise."""
    if not _DURATION.fullmatch(text) or len(text) > 40:
        message = f"{text!r} is not a duration such as 90s, 15m, 1h30m, 2d, 1w or 1y"
        raise ValueError(message)
    return sum(int(number) * _UNITS[unit] for number, unit in _TERM.findall(text))


def format_duration(seconds: Seconds) -> str:
    """Return the shortest sum of units that parses back to the same number of seconds."""
    if seconds <= 0:
        return "0s"
    parts = []
    for unit, size in _UNITS.items():
        if unit == "y" and seconds % size:
            continue
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def parse_instant(text: str) -> Instant:
    """Return the instant of an RFC 3339 time with `Z` or an offset; ValueError otherwise."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        message = f"{text!r} has no time zone: write it as 2026-11-24T00:00:00Z"
        raise ValueError(message)
    return int(moment.timestamp())


def moment(instant: Instant) -> datetime:
    """Return the calendar's moment in UTC; what lies beyond the year 9999 is its last second."""
    return datetime.fromtimestamp(min(instant, _LAST), UTC)


def format_instant(instant: Instant) -> str:
    """Return the RFC 3339 form in UTC, to the second, of `moment`."""
    return moment(instant).isoformat()[:-6] + "Z"
