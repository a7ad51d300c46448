"""Stay until nothing is left to wait for, or a deadline: run, sleep until the next moment of interest, run again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from dnsplan.apply.executor import Stop
from dnsplan.apply.guards import NEXT_APPLY
from dnsplan.apply.outcome import RunResult, ZoneOutcome
from dnsplan.model.audit import StepRecord
from dnsplan.model.plan import Step, Wait
from dnsplan.model.portfolio import ZoneName
from dnsplan.model.time import Instant, Seconds
from dnsplan.ports import Clock

LONGEST_PAUSE = 300
"""Seconds between runs while nothing moves and no moment is known: a way in that refuses is not hammered."""


def apply_until(
    deadline: Instant,
    clock: Clock,
    once: Callable[[], RunResult],
    *,
    stop: Stop,
    progress: Callable[[RunResult], None] = lambda _: None,
) -> RunResult:
    """Return the last run's result with the steps of all; `once` takes and frees the lock itself."""
    results, pause = [once()], 1
    progress(results[-1])
    while not stop.asked:
        pause = 1 if results[-1].performed else min(2 * pause, LONGEST_PAUSE)
        wake = _wake(results[-1], clock.now(), pause, deadline)
        if wake is None or wake > deadline:
            break
        clock.sleep_until(wake)
        results.append(once())
        progress(results[-1])
    return _together(results)


def _wake(result: RunResult, now: Instant, pause: Seconds, deadline: Instant) -> Instant | None:
    """Return when a run may next find something to do; None if time alone brings nothing."""
    blind = min(now + pause, deadline) if now < deadline else now + pause
    moments = [_moment(zone, now, blind) for zone in result.zones]
    return min((moment for moment in moments if moment is not None), default=None)


def _moment(zone: ZoneOutcome, now: Instant, blind: Instant) -> Instant | None:
    """Return when a zone may go on by itself, `blind` when nobody can say, None for one that time does not help."""
    if zone.stale:
        return None
    if zone.retry_at is not None:
        return max(zone.retry_at, blind)
    waits = any(isinstance(move, Wait) and move.stage != NEXT_APPLY for move in zone.plan.moves)
    unfinished = any(isinstance(move, Step) for move in zone.plan.moves) and not zone.failed and not zone.error
    if not waits and not unfinished:
        return None
    until = zone.plan.history.next_at
    return until if until is not None and until > now else blind


def _together(results: Sequence[RunResult]) -> RunResult:
    """Return the last result with the steps of all runs, less the failures that passed."""
    last = results[-1]
    steps: dict[ZoneName, list[tuple[int, StepRecord]]] = {}
    for number, result in enumerate(results):
        for zone in result.zones:
            steps.setdefault(zone.zone, []).extend((number, step) for step in zone.steps)
    zones = tuple(
        replace(zone, steps=_lasting(steps[zone.zone], reached=zone.plan.headline == "OK")) for zone in last.zones
    )
    heads = [result.head for result in results if result.head]
    return replace(last, zones=zones, head=heads[-1] if heads else None)


def _lasting(steps: Sequence[tuple[int, StepRecord]], *, reached: bool) -> tuple[StepRecord, ...]:
    """Return the steps without failures that a later run made good."""
    good = {step.op: number for number, step in steps if step.outcome in {"performed", "pending"}}
    return tuple(
        step
        for number, step in steps
        if step.outcome not in {"failed", "refused"} or not (reached or good.get(step.op, -1) > number)
    )
