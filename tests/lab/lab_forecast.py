"""What was forecast before the first step beside what the ledger recorded: the second of each step.

A step is forecast for the first moment at which it is safe; it is taken by the run that finds it so. Tolerance: beyond
the delay of the steps before it, a step may be late by the interval between the runs around it, and by the observation
time of the two changes before it (of which it waits for one): from the intent until every server was seen to have it,
as the ledger has it, less the spacing of the sweeps, which is forecast; and by what a look at all zones may take on a
busy machine. No step is early.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dnsplan.model.audit import Record, StepRecord
from dnsplan.model.forecast import Forecast
from dnsplan.model.history import ZoneHistory
from dnsplan.model.portfolio import Timing

WHOLE_SECONDS = 1
"""What the clock leaves out of a moment."""
BUSY = 3
"""What the look of the run that takes a step may take; the forecast itself took one."""


@dataclass(frozen=True)
class Pace:
    """When the runs began, and how they confirm a change."""

    runs: Sequence[float]
    timing: Timing

    def interval(self, moment: int) -> float:
        """Return how long before a moment the last run began that could not yet know of it."""
        running = bisect.bisect_right(self.runs, moment + WHOLE_SECONDS) - 1
        return moment - self.runs[max(0, running - 1)] + WHOLE_SECONDS

    def observation(self, step: StepRecord, history: ZoneHistory) -> int:
        """Return how long it took to see on every server what a step changed, beyond the spacing of the sweeps."""
        versions = (*history.ds, *history.dnskey, *history.zonedata)
        seen = [version.everywhere or 0 for version in versions if version.first == step.intent_at]
        spacing = self.timing.sweep_spacing * (self.timing.sweep_count - 1)
        return max(0, max(seen, default=0) - step.intent_at - spacing)


@dataclass(frozen=True)
class Row:
    """One step, in seconds from the forecast; None as `latest` where a person decides, as `actual` where not taken."""

    zone: str
    recipe: str
    stage: str
    rests_on: str
    earliest: int | None
    latest: int | None
    actual: int | None
    added: int
    """How much later it is than the steps before it were."""
    tolerance: float
    """How much later it may be."""

    @property
    def is_met(self) -> bool:
        """Tell whether the step came in its time."""
        return self.earliest is not None and self.actual is not None and self.is_on_time

    @property
    def is_on_time(self) -> bool:
        """Tell whether it is neither early nor later than it may be."""
        early = WHOLE_SECONDS if self.rests_on == "parent" else 0
        return (self.actual or 0) >= (self.earliest or 0) - early and self.added <= self.tolerance

    def __str__(self) -> str:
        span = f"{self.earliest}" if self.latest in {None, self.earliest} else f"{self.earliest} to {self.latest}"
        return (
            f"{self.zone:22} {self.recipe:22} {self.stage:7} {span:>9} {self.actual!s:>6} "
            f"{self.added:+5} of {self.tolerance:4.1f} {self.rests_on}"
        )


HEADER = f"{'zone':22} {'recipe':22} {'step':7} {'predicted':>9} {'actual':>6} {'later by':>5}"


def compare(forecast: Forecast, records: Iterable[Record], history: ZoneHistory, pace: Pace) -> Iterator[Row]:
    """Yield each step of a zone, and those that were taken and not forecast."""
    zone, at = forecast.plan.zone, forecast.at
    taken: dict[str, list[StepRecord]] = {}
    for record in records:
        for step in record.steps:
            if step.zone == zone:
                taken.setdefault(step.id.rpartition("-")[0], []).append(step)
    late, observed = 0, (0, 0)
    for dated in forecast.steps:
        found = taken.get(dated.step.stage, [])
        step = found.pop(0) if found else None
        actual = None if step is None else step.intent_at
        lag = late if actual is None or dated.earliest is None else actual - dated.earliest
        yield Row(
            zone=zone, recipe=forecast.plan.recipe, stage=dated.step.stage, rests_on=dated.rests_on,
            earliest=None if dated.earliest is None else dated.earliest - at,
            latest=None if dated.latest is None else dated.latest - at,
            actual=None if actual is None else actual - at, added=lag - late,
            tolerance=max(observed) + pace.interval(actual or at) + BUSY,
        )  # fmt: skip
        late, observed = max(late, lag), (observed[1], 0 if step is None else pace.observation(step, history))
    for stage, steps in taken.items():
        for step in steps:
            yield Row(
                zone=zone, recipe=forecast.plan.recipe, stage=stage, rests_on="nothing", earliest=None, latest=None,
                actual=step.intent_at - at, added=0, tolerance=0,
            )  # fmt: skip
