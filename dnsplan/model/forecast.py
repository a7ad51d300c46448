"""What is to come: the dated steps of one zone, and the calendar of a portfolio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dnsplan.model.plan import TimelineStep, ZonePlan
from dnsplan.model.portfolio import ZoneName
from dnsplan.model.time import Instant, Seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Dated:
    """A step with the span in which it falls, and what its date rests on."""

    step: TimelineStep
    earliest: Instant | None
    latest: Instant | None
    """If the parent takes as long as it may; None if a person decides."""
    rests_on: Literal["certain", "parent", "person"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ParentDelay:
    """How long the parent is taken to need for a change of the DS, from its submission until every server shows it."""

    parent: str
    """Name of the way in."""
    shortest: Seconds
    longest: Seconds
    rests_on: Literal["history", "entry", "budget"]
    """The parent's past changes in the ledger, the `usual_delay` or `budget` of its entry, the policy's budget."""
    changes: int = 0
    """How many past changes the range rests on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What would be done for a zone, and when."""

    plan: ZonePlan
    steps: tuple[Dated, ...]
    at: Instant
    delay: ParentDelay


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """Something that falls due."""

    at: Instant
    """When it begins, or goes on."""
    zone: ZoneName
    parent: str
    what: str
    """`KSK rollover`, `ZSK rollover` or `CSK rollover`, or the recipe under way."""
    due: Instant
    """When the key reaches its lifetime; what begins later waits for a window or its turn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Calendar:
    """Everything that falls due in [start, end), the first first."""

    start: Instant
    end: Instant
    entries: tuple[Due, ...]
    unknown: tuple[ZoneName, ...]
    """Zones whose keys have no age on record."""
