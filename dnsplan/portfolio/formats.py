"""Formats that a schema only names: durations, names, keys, text, windows; each says what is wrong."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

from dnsplan.model.names import parse_name
from dnsplan.model.portfolio import Weekly
from dnsplan.model.records import parse_dnskey, parse_ds
from dnsplan.model.time import Instant, Seconds, parse_duration, parse_instant

_WEEKLY = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:-(Mon|Tue|Wed|Thu|Fri|Sat|Sun))?"
    r" ([0-2][0-9]):([0-5][0-9])-([0-2][0-9]):([0-5][0-9]) ([A-Za-z0-9_+/-]+)"
)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ENDPOINT = re.compile(r"\[([^\]]*)\](?::([0-9]{1,5}))?|([^:]*):([0-9]{1,5})|([^\[].*)")
LONGEST = 100 * 365 * 86400
LAST = 7_258_118_400
"""2200-01-01T00:00:00Z."""
_WIDTHLESS = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\U000e0100-\U000e01ef]")
"""Letters and marks by category, yet nothing is seen of them (Default_Ignorable_Code_Point)."""
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]*")


def free_text(text: str) -> str:
    """Return one line of at most 200 characters without control, bidi, zero-width or tag characters."""
    if len(text) > 200:
        raise ValueError("the text is longer than 200 characters")
    for char in text:
        if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"} or _WIDTHLESS.match(char):
            raise ValueError(f"the text holds the invisible character U+{ord(char):04X}")
    return text


def moment(text: str, *, inclusive: bool = False) -> Instant:
    """Return the instant of a date (00:00Z; the next day's for an inclusive end) or an RFC 3339 time."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        day = date.fromisoformat(text)
        start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        instant = start + 86400 if inclusive else start
    else:
        instant = parse_instant(text)
    if not 0 <= instant < LAST:
        raise ValueError(f"{text!r} is not between 1970 and 2200")
    return instant


def duration(text: str) -> Seconds:
    """Return the seconds of a duration of at most 100 years, so that every date made with it exists."""
    seconds = parse_duration(text)
    if seconds > LONGEST:
        raise ValueError("the duration is longer than 100 years")
    return seconds


def weekly(text: str) -> Weekly:
    """Return the window of `Mon-Thu 08:00-16:00 Europe/Zurich`."""
    from zoneinfo import ZoneInfo

    match = _WEEKLY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no window such as 'Mon-Thu 08:00-16:00 Europe/Zurich'")
    first, last, *clock, zone = match.groups()
    start, end = int(clock[0]) * 60 + int(clock[1]), int(clock[2]) * 60 + int(clock[3])
    if not start < end <= 24 * 60:
        raise ValueError("a weekly window ends after it begins, on the same day")
    try:
        ZoneInfo(zone)
    except (OSError, ValueError, KeyError):
        raise ValueError(f"{zone!r} is no known time zone") from None
    begin, stop = _DAYS.index(first), _DAYS.index(last or first)
    days = frozenset((begin + n) % 7 for n in range((stop - begin) % 7 + 1))
    return Weekly(days=days, start=start, end=end, time_zone=zone)


def trust_anchor(text: str) -> str:
    """Return the RDATA of a root key or its DS; `. IN DS …` is taken too."""
    rdata = re.sub(r"^\.\s+(?:\d+\s+)?(?:IN\s+)?(?:DS|DNSKEY)\s+", "", text.strip())
    fields = rdata.split()
    if len(fields) > 1 and fields[1] == "3" and fields[0] in {"256", "257", "385"}:
        parse_dnskey(rdata)
    else:
        parse_ds(rdata)
    return rdata


def branch(text: str) -> str:
    """Return a valid name of a branch."""
    bad = ("..", "//", "@{", ".lock")
    if not _BRANCH.fullmatch(text) or text.endswith((".", "/")) or any(part in text for part in bad):
        raise ValueError(f"{text!r} is no valid name of a branch")
    return text


def address(text: str) -> str:
    """Return an IP address."""
    return str(ipaddress.ip_address(text))


def endpoint(text: str, port: int) -> tuple[str, int]:
    """Return address and port of `9.9.9.9`, `127.0.0.1:5300` or `[::1]:5300`; `port` where the text has none."""
    match = _ENDPOINT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no address such as 9.9.9.9, 127.0.0.1:5300 or [::1]:5300")
    bracketed, its_port, plain, plain_port, bare = match.groups()
    number = int(its_port or plain_port or port)
    if not 0 < number < 65536:
        raise ValueError(f"{number} is no port")
    return address(bracketed or plain or bare or ""), number


FORMATS: Mapping[str, tuple[str, Callable[[str], object], str]] = {
    "duration": ("BAD_DURATION", duration, "write it as 90s, 15m, 1h30m, 2d, 1w or 1y"),
    "dns-name": ("BAD_NAME", parse_name, "write the zone's name, such as example.ch"),
    "dnskey": ("BAD_DNSKEY", parse_dnskey, "copy the RDATA of the DNSKEY: flags, 3, algorithm, base64"),
    "free-text": ("BAD_TEXT", free_text, "use one short line of visible characters"),
    "moment": ("BAD_TIME", moment, "write a date or a time such as 2026-12-18T00:00:00Z"),
    "weekly": ("BAD_WINDOW", weekly, "write it as Mon-Thu 08:00-16:00 Europe/Zurich"),
    "trust-anchor": ("BAD_TRUST_ANCHOR", trust_anchor, "copy the RDATA of the root's DS or DNSKEY"),
    "branch": ("BAD_BRANCH", branch, "use a name such as dsplan/audit"),
    "address": ("BAD_ADDRESS", address, "write an IPv4 or IPv6 address"),
}
"""Format name to its code, its parser (ValueError says what is wrong) and the fix."""
