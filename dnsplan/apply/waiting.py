"""Stay until nothing is left to wait for, or a deadline: run, sleep until the next moment of interest, run again."""

from __future__ import annotations

from collections.abc import Callable

from dnsplan.apply.executor import Stop
from dnsplan.apply.outcome import RunResult
from dnsplan.model.plan import Step, Wait
from dnsplan.model.time import Instant
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
    while not stop.asked and _waits(results[-1]):
        now, until = clock.now(), results[-1].next_at
        pause = 1 if results[-1].performed else min(2 * pause, LONGEST_PAUSE)
        wake = until if until is not None and until > now else now + pause
        if wake > deadline:
            break
        clock.sleep_until(wake)
        results.append(once())
        progress(results[-1])
    return _together(results)


def _waits(result: RunResult) -> bool:
    """Tell whether time alone may bring something: a wait, or a step that failed and may succeed later."""
    return any(isinstance(move, Wait | Step) for zone in result.zones if not zone.stale for move in zone.plan.moves)


def _together(results: list[RunResult]) -> RunResult:
    from dataclasses import replace

    last = results[-1]
    steps = {
        zone.zone: tuple(s for r in results for z in r.zones if z.zone == zone.zone for s in z.steps)
        for zone in last.zones
    }
    zones = tuple(replace(zone, steps=_latest(steps[zone.zone])) for zone in last.zones)
    heads = [result.head for result in results if result.head]
    return replace(last, zones=zones, head=heads[-1] if heads else None)


def _latest(steps: tuple) -> tuple:  # type: ignore[type-arg]  # of StepRecord
    """Forget failures of a step that a later run carried out."""
    done = {step.id for step in steps if step.outcome in {"performed", "pending"}}
    return tuple(step for step in steps if step.outcome not in {"failed", "refused"} or step.id not in done)
