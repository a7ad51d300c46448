"""The forecast before the first step against what the engine then does: never early, late only by its looks."""

from __future__ import annotations

import pytest
from engine_builders import T0, TinyWorld, policy

from dnsplan.forecast.zone import forecast, with_goal
from dnsplan.model.forecast import ParentDelay
from dnsplan.model.plan import Capabilities
from dnsplan.model.portfolio import Accepts, KeyPolicy, Timing

ONE = Capabilities(update="replace", accepts=Accepts(max_ds=1))
SLOW = Capabilities(update="replace", resign=30)
START = 200


def keys(rollover: str) -> dict[str, object]:
    return {"ksk": KeyPolicy(lifetime=None, rollover=rollover)}  # type: ignore[arg-type]


@pytest.mark.parametrize("sweeps", [1, 3])
@pytest.mark.parametrize(
    ("goal", "rules", "capabilities"),
    [
        ("ksk", {}, None), ("ksk", {}, ONE), ("ksk", {}, Capabilities(update="one-at-a-time")),
        ("ksk", keys("double-ds"), None), ("ksk", keys("double-rrset"), None), ("zsk", {}, None), ("zsk", {}, SLOW),
        ("scheme:csk", {}, None), ("algorithm:ED25519", {}, None),
        ("algorithm:ED25519", {"algorithm_rollover": "conservative"}, None), ("digest:SHA-384", {}, None),
        ("insecure", {}, None),
    ],
)  # fmt: skip
def test_each_step_comes_when_it_was_forecast(
    goal: str, rules: dict, capabilities: Capabilities | None, sweeps: int
) -> None:
    """A change is seen by the look a second after it: so many changes before a step, so many seconds may it be late.

    The parent shows a DS after 20 s, two spacings of the sweeps, and is looked at once in a spacing: up to 8 s later.
    """
    timing = Timing(child_margin=5, parent_margin=7, registration_budget=100, sweep_count=sweeps, sweep_spacing=10)
    world = TinyWorld(
        policy=policy(timing=timing, **rules), capabilities=capabilities or Capabilities(update="replace")
    )
    for at in range(60):
        world.run(at)
    world.plan(START)
    asked = with_goal(world.situation(world.observe(START)), goal)
    delay = ParentDelay(parent="p", shortest=20, longest=20, rests_on="history", changes=3)
    found = forecast(asked, delay)
    world.intent, world.policy, world.history = asked.intent, asked.policy, asked.history
    world.log.clear()

    world.until_done(START)

    predicted = {one.step.stage: (one.earliest or 0) - T0 for one in found.steps}
    taken = {stage: at for at, stage in world.log}
    assert len(world.log) == len(found.steps)
    assert predicted.keys() == taken.keys()
    late = {stage: taken[stage] - predicted[stage] for stage in predicted}
    assert min(late.values()) >= 0, late
    parent = sum(one.step.op == "ds.set" for one in found.steps)
    assert max(late.values()) <= len(found.steps) + 9 * parent, late
    assert {one.latest == one.earliest for one in found.steps} == {True}
