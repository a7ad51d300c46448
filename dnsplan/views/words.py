"""The words of the interface: symbols with a word beside each, times, durations, moves in one line."""

from __future__ import annotations

from typing import assert_never

from dnsplan.model.plan import Blocked, Done, Move, NeedsHuman, NeedsReview, Step, Wait, ZonePlan
from dnsplan.model.time import Instant, format_duration, format_instant
from dnsplan.views.escape import escaped

SYMBOLS = {
    "OK": "= no change",
    "ACTIVE": "~ change",
    "WAITING": "… wait",
    "BLOCKED": "! blocked",
    "MANUAL": "✋ manual",
    "REVIEW": "? review",
    "HOLD": "= hold",
}


def in_words(move: Move) -> str:
    """Return a move in one line."""
    match move:
        case Step():
            return f"~ change {move.stage}: {move.summary}"
        case Wait():
            until = f" until {format_instant(move.until)}" if move.until is not None else ""
            return f"… wait{until}: {escaped(move.reason)}"
        case NeedsHuman():
            contact = f" ({escaped(move.contact)})" if move.contact else ""
            return f"✋ manual: a person must act{contact}: {move.step.summary}"
        case NeedsReview():
            return f"? review: {escaped(move.reason)}"
        case Blocked():
            what = "; ".join(finding.summary for finding in move.findings)
            if move.counterexample is not None:
                what = what or f"the change would break validation: {move.counterexample.reason}"
            return f"! blocked{' by guard ' + move.guard if move.guard else ''}: {what}"
        case Done():
            return "= no change"
        case _:
            assert_never(move)


def headline(zone: ZonePlan) -> str:
    """Return who must act, in one line."""
    return in_words(zone.moves[0]) if zone.moves else SYMBOLS[zone.headline]


def span(seconds: int) -> str:
    """Return a duration as its two largest units."""
    if seconds >= 86400:
        seconds -= seconds % 3600
    elif seconds >= 3600:
        seconds -= seconds % 60
    return format_duration(seconds)


def moment(instant: Instant | None) -> str:
    """Return a time, or that it is not known."""
    return "not known yet" if instant is None else format_instant(instant)
