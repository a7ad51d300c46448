"""How long a rollover takes over what theory allows: seconds, not gates, are all that is lost.

`strict` counts from the first second; the engine also waits until the state that it finds is confirmed (T_all) before
it changes anything, which `confirmed` allows for.
"""

from __future__ import annotations

import os
from statistics import median

import pytest
from minimum import minimum
from worlds import RECIPES, world

from dnsplan.forecast import simulate

EACH = int(os.environ.get("WORLDS", "40"))


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_goal_is_reached_within_a_few_seconds_of_the_theoretical_minimum(recipe: str) -> None:
    strict, confirmed = [], []
    for seed in range(EACH):
        described = world(recipe, seed)
        described["tick"] = 1
        reached = simulate(described)["reached_at"]
        assert reached is not None, described["id"]
        assert reached >= minimum(recipe, described) - 1, f"{described['id']}: faster than is safe"
        strict.append(reached / minimum(recipe, described))
        least = minimum(recipe, described, confirm=True)
        confirmed.append((reached / least, reached - least))
    strict.sort()
    confirmed.sort()
    p95, worst = strict[int(0.95 * len(strict))], strict[-1]
    print(
        f"\n{recipe:16} median {median(strict):.3f} p95 {p95:.3f} worst {worst:.3f} (confirmed {confirmed[-1][0]:.3f})"
    )
    assert median(strict) <= 1.02
    assert median(ratio for ratio, _ in confirmed) <= 1.02
    assert all(ratio <= 1.05 or lost <= 3 for ratio, lost in confirmed)  # a change of a run shows to the next one
