"""What a run did, zone by zone, and the exit code that says it."""

from __future__ import annotations

from dataclasses import dataclass

from dnsplan.errors import ExitCode
from dnsplan.model.audit import StepRecord
from dnsplan.model.plan import Blocked, Move, NeedsHuman, NeedsReview, Plan, Wait, ZonePlan
from dnsplan.model.portfolio import ZoneName
from dnsplan.model.time import Instant


@dataclass(frozen=True, kw_only=True, slots=True)
class ZoneOutcome:
    """One zone after a run."""

    zone: ZoneName
    plan: ZonePlan
    """As it stands after what was done."""
    steps: tuple[StepRecord, ...] = ()
    stale: str = ""
    """Why the saved plan no longer describes it; empty if it does."""
    retry_at: Instant | None = None
    """From when on a call that failed may succeed; None if none failed, or time alone does not help."""
    error: str = ""
    """The fault of an adapter that broke; empty if none did."""

    @property
    def failed(self) -> tuple[StepRecord, ...]:
        """Return the steps that did not succeed."""
        return tuple(step for step in self.steps if step.outcome in {"refused", "failed"})


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """A whole run."""

    zones: tuple[ZoneOutcome, ...]
    head: str | None = None
    interrupted: bool = False
    note: str = ""

    @property
    def performed(self) -> int:
        """Return how many steps were carried out."""
        return sum(step.outcome in {"performed", "pending"} for zone in self.zones for step in zone.steps)

    @property
    def next_at(self) -> Instant | None:
        """Return when the next run may find something to do."""
        moments = [zone.plan.history.next_at for zone in self.zones if zone.plan.history.next_at is not None]
        return min(moments, default=None)


_ORDER = (
    ExitCode.INTERNAL,
    ExitCode.ERROR,
    ExitCode.LOCKED,
    ExitCode.STALE,
    ExitCode.PARTIAL,
    ExitCode.UNOBSERVED,
    ExitCode.REFUSED,
    ExitCode.MANUAL,
    ExitCode.CHANGES,
    ExitCode.WAITING,
)
"""Of several the first holds."""


def exit_code(result: RunResult, *, detailed: bool) -> ExitCode:
    """Return the exit code of `apply`."""
    if result.interrupted:
        return ExitCode.INTERRUPTED
    codes = set(_state_codes([zone.plan for zone in result.zones], detailed=detailed))
    codes |= _failures([bool(zone.failed or zone.error) or way_in_unusable(zone.plan) for zone in result.zones])
    if any(zone.stale for zone in result.zones):
        codes.add(ExitCode.STALE)
    return _first(codes)


def plan_exit_code(plan: Plan, *, detailed: bool) -> ExitCode:
    """Return the exit code of `plan`; without `detailed` a plan that could be made is 0."""
    codes = set(_state_codes(plan.zones, detailed=detailed))
    codes |= _failures([way_in_unusable(zone) for zone in plan.zones])
    if not detailed:
        codes.discard(ExitCode.REFUSED)
    if detailed and any(zone.timeline for zone in plan.zones):
        codes.add(ExitCode.CHANGES)
    return _first(codes)


def _failures(failed: list[bool]) -> set[ExitCode]:
    """Return what zones that failed mean: some of them, or all."""
    if not any(failed):
        return set()
    return {ExitCode.ERROR if all(failed) else ExitCode.PARTIAL}


def _state_codes(plans: list[ZonePlan] | tuple[ZonePlan, ...], *, detailed: bool) -> list[ExitCode]:
    codes = []
    unobserved = [plan for plan in plans if any(finding.code == "UNOBSERVED" for finding in plan.findings)]
    if plans and len(unobserved) == len(plans):
        codes.append(ExitCode.UNOBSERVED)
    for plan in plans:
        if is_internal(plan):
            codes.append(ExitCode.INTERNAL)
        elif not way_in_unusable(plan):
            codes.extend(code for move in plan.moves if (code := _move_code(move, detailed=detailed)) is not None)
    return codes


def _move_code(move: Move, *, detailed: bool) -> ExitCode | None:
    match move:
        case Blocked(guard=guard, counterexample=shown) if guard or shown:
            return ExitCode.REFUSED
        case Blocked() | NeedsHuman() | NeedsReview() if detailed:
            return ExitCode.MANUAL
        case Wait() if detailed:
            return ExitCode.WAITING
        case _:
            return None


def way_in_unusable(plan: ZonePlan) -> bool:
    """Tell whether a way in of the zone could not even be asked."""
    return any(finding.code == "WAY_IN_UNUSABLE" for finding in plan.findings)


def is_internal(plan: ZonePlan) -> bool:
    """Tell whether a fault of ours kept the zone from being judged."""
    return any(finding.code == "INTERNAL" for finding in plan.findings)


def _first(codes: set[ExitCode]) -> ExitCode:
    return next((code for code in _ORDER if code in codes), ExitCode.OK)
