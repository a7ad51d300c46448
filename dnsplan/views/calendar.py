"""The portfolio's calendar: by week as text, as JSON, and as iCalendar (RFC 5545) for everybody's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby

from dnsplan.model.forecast import Calendar, Due
from dnsplan.model.names import display_name
from dnsplan.model.time import format_instant, moment
from dnsplan.views.escape import escaped

MOST_NAMED = 10
OCTETS = 75
"""Of one line of iCalendar (RFC 5545 section 3.1)."""


def render_calendar(calendar: Calendar) -> str:
    """Return what falls due, grouped by ISO week."""
    lines = [f"{len(calendar.entries)} due from {format_instant(calendar.start)} to {format_instant(calendar.end)}"]
    for week, entries in groupby(calendar.entries, key=_week):
        lines.append(week)
        lines.extend(_line(entry) for entry in entries)
    if calendar.unknown:
        names = ", ".join(display_name(zone) for zone in calendar.unknown[:MOST_NAMED])
        more = f" and {len(calendar.unknown) - MOST_NAMED} more" if len(calendar.unknown) > MOST_NAMED else ""
        lines.append(f"? unknown: no age of a key is on record for {names}{more}; `dsplan apply` takes note of it")
    return "\n".join(lines) + "\n"


def _week(entry: Due) -> str:
    year, week, _ = moment(entry.at).isocalendar()
    return f"{year}-W{week:02}"


def _line(entry: Due) -> str:
    parent = f" (parent {escaped(entry.parent)})" if entry.parent else ""
    late = f", due {format_instant(entry.due)}" if entry.due < entry.at else ""
    return f"  {format_instant(entry.at)}  {display_name(entry.zone)}: {entry.what}{parent}{late}"


def calendar_json(calendar: Calendar) -> str:
    """Return the calendar as one JSON object."""
    entries = [
        {
            "at": format_instant(entry.at),
            "due": format_instant(entry.due),
            "parent": entry.parent,
            "week": _week(entry),
            "what": entry.what,
            "zone": entry.zone,
        }
        for entry in calendar.entries
    ]
    document = {
        "end": format_instant(calendar.end),
        "entries": entries,
        "start": format_instant(calendar.start),
        "unknown": list(calendar.unknown),
    }
    return json.dumps(document, sort_keys=True) + "\n"


def calendar_ics(calendar: Calendar) -> str:
    """Return the calendar as iCalendar, one event for each entry."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//dsplan//calendar//EN"]
    for entry in calendar.entries:
        lines.extend(_event(entry, calendar))
    lines.append("END:VCALENDAR")
    return "".join(f"{part}\r\n" for line in lines for part in _folded(line))


def _event(entry: Due, calendar: Calendar) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{entry.zone}-{entry.at}-{entry.what.replace(' ', '-')}@dsplan"
    yield f"DTSTAMP:{_stamp(calendar.start)}"
    yield f"DTSTART:{_stamp(entry.at)}"
    yield f"SUMMARY:{_text(f'{entry.zone}: {entry.what}')}"
    yield f"CATEGORIES:{_text(entry.parent or 'dsplan')}"
    yield "END:VEVENT"


def _stamp(instant: int) -> str:
    return moment(instant).strftime("%Y%m%dT%H%M%SZ")


def _text(text: str) -> str:
    """Return a TEXT value (RFC 5545 section 3.3.11)."""
    safe = escaped(text).replace("\\", "\\\\")
    return safe.replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> Iterator[str]:
    """Yield a long line in parts, each but the first begun by a space; no character is cut."""
    part, size = "", 0
    for char in line:
        width = len(char.encode())
        if size + width > OCTETS - 1:
            yield part
            part, size = " ", 1
        part, size = part + char, size + width
    yield part
