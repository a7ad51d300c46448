"""Worlds of every start state, goal, parent and policy: what is wrong in none of them, and what is reached."""

from __future__ import annotations

import copy
import os
from collections import Counter

import pytest
from wide_judge import impossible, objections, reason_of
from wide_worlds import STATES, wide_world

from dnsplan.forecast import simulate

EACH = int(os.environ.get("WORLDS", "40")) // 4
SAME = ("events", "reached", "reached_at", "calls", "parent_calls", "keys_created")


@pytest.mark.parametrize("number", range(len(STATES)), ids=STATES)
def test_a_world_of_any_kind_is_led_to_its_goal_or_said_to_be_stuck(number: int) -> None:
    said: Counter[str] = Counter()
    for seed in range(number, number + EACH * len(STATES), len(STATES)):
        described = wide_world(seed)
        described["until"] = 12000
        result = simulate(described)

        assert objections(described, result) == [], described["id"]
        if not result["reached"]:
            why = impossible(described)
            unsigned_past = STATES[number] == "ksk-published-not-signing" and "KEY_MISSING" in reason_of(result)
            assert why or unsigned_past, (described["id"], reason_of(result))
            said[f"{why}: {reason_of(result)[:60]}"] += 1
    print(f"\n{STATES[number]}: {dict(said)}")


@pytest.mark.parametrize("number", range(len(STATES)), ids=STATES)
def test_a_world_of_any_kind_is_left_unharmed_whatever_breaks(number: int) -> None:
    for seed in range(number, number + EACH * len(STATES), len(STATES)):
        described = wide_world(seed, faults=True)

        assert objections(described, simulate(described)) == [], described["id"]


def test_the_order_of_servers_keys_and_ds_does_not_matter() -> None:
    for seed in range(4 * EACH):
        described = wide_world(seed, faults=seed % 2 == 1)
        turned = copy.deepcopy(described)
        turned["seed"] = 1
        start, truth = turned["start"], turned["truth"]
        for listed in (start["ds"], start["unpublished"], start["dnskey"]["keys"], start["dnskey"]["signers"]):
            listed.reverse()
        start["zone"]["signers"].reverse()
        for side in ("child", "parent"):
            lags = truth[f"{side}_propagation"]
            if not isinstance(lags, list):
                continue
            lags.reverse()
            for fault in truth.get("faults", []):
                name, _, index = fault.get("server", "").partition(":")
                if name == side:
                    fault["server"] = f"{name}:{len(lags) - 1 - int(index)}"

        first, again, other = simulate(described), simulate(copy.deepcopy(described)), simulate(turned)

        assert first == again
        assert {name: first[name] for name in SAME} == {name: other[name] for name in SAME}, described["id"]
