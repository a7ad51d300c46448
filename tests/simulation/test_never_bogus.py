"""Thousands of random worlds: no resolver ever fails, and a world that cooperates reaches its goal."""

from __future__ import annotations

import os

import pytest
from oracle import ds_vanished, shortfall, violations
from worlds import RECIPES, world

from dnsplan.forecast import simulate

BATCHES, EACH = 5, int(os.environ.get("WORLDS", "0"))
FIRST = ("bootstrap", "add-first", "swap", "one-at-a-time", "insecure")
CREATED = {"bootstrap": 2, "insecure": 0, "digest": 0, "to-split": 2, "liberal": 2, "conservative": 2}


def seeds(recipe: str, batch: int) -> range:
    """WORLDS=2000 for the long run: so many in each batch."""
    each = EACH or (40 if recipe in FIRST else 20)
    return range(batch * each, (batch + 1) * each)


@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize("recipe", RECIPES)
def test_no_resolver_fails_and_the_goal_is_reached(recipe: str, batch: int) -> None:
    for seed in seeds(recipe, batch):
        described = world(recipe, seed)
        result = simulate(described)

        assert violations(described, result) == [], described["id"]
        assert not ds_vanished(described, result), described["id"]
        assert shortfall(described, result) == [], described["id"]
        assert result["reached"], (described["id"], result["moves"][-3:])
        assert result["keys_created"] == CREATED.get(recipe, 1)


@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize("recipe", RECIPES)
def test_no_resolver_fails_whatever_breaks(recipe: str, batch: int) -> None:
    for seed in seeds(recipe, batch):
        described = world(recipe, seed, faults=True)
        result = simulate(described)

        assert violations(described, result) == [], described["id"]
        assert not ds_vanished(described, result), described["id"]
        assert shortfall(described, result) == [], described["id"]
        assert result["keys_created"] <= CREATED.get(recipe, 1), described["id"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_crash_at_any_call_costs_no_key_and_no_submission(recipe: str, when: str) -> None:
    for seed in range(4):
        calm = world(recipe, seed)
        expected = simulate(calm)
        for call in range(1, expected["calls"] + 1):
            broken = world(recipe, seed)
            broken["truth"]["faults"] = [{"kind": "crash", "call": call, "when": when}]
            result = simulate(broken)

            assert violations(broken, result) == []
            assert result["reached"], (broken["id"], call, result["moves"][-3:])
            assert result["keys_created"] == expected["keys_created"]
            submissions = [event for event in result["events"] if event["rrset"] == "DS"]
            assert len(submissions) == len([event for event in expected["events"] if event["rrset"] == "DS"])
            assert result["parent_calls"] <= expected["parent_calls"] + (when == "before")
