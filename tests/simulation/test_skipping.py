"""Runs in which nothing can change are left out of a simulation, and leaving them out changes nothing."""

from __future__ import annotations

import copy

import pytest
from worlds import RECIPES, world

from dnsplan.forecast import simulate
from dnsplan.forecast.simulate import Simulation

SAME = ("events", "reached", "reached_at", "calls", "parent_calls", "keys_created")


class EveryRun(Simulation):
    """A simulation that leaves no run out."""

    def _idle(self, at: int) -> int:
        del at
        return int(self.world["tick"])


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_simulation_that_leaves_runs_out_has_the_result_of_one_that_does_not(recipe: str) -> None:
    for seed in range(6):
        described = world(recipe, seed, faults=seed % 2 == 1)
        described["until"] = 500
        short, full = simulate(copy.deepcopy(described)), EveryRun(copy.deepcopy(described)).result()

        assert {name: short[name] for name in SAME} == {name: full[name] for name in SAME}, described["id"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_result_depends_on_its_world_alone(recipe: str) -> None:
    described = world(recipe, 3, faults=True)
    turned = copy.deepcopy(described)
    start, truth = turned["start"], turned["truth"]
    start["ds"].reverse()
    start["dnskey"]["keys"].reverse()
    for side in ("child_propagation", "parent_propagation"):
        count = len(truth[side])
        truth[side].reverse()
        for fault in truth.get("faults", []):
            name, _, index = fault.get("server", "").partition(":")
            if f"{name}_propagation" == side:
                fault["server"] = f"{name}:{count - 1 - int(index)}"

    first, again, other = simulate(described), simulate(copy.deepcopy(described)), simulate(turned)

    assert first == again
    assert {name: first[name] for name in SAME} == {name: other[name] for name in SAME}
