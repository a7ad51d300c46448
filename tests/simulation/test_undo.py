"""Every recipe, taken back after each call that it makes, leads to the state before it; or says that it cannot.

The judge of caches is the same as for a rollover that goes on: no resolver fails on the way there, nor on the way back.
"""

from __future__ import annotations

import copy
import os
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from oracle import shortfall, violations
from worlds import RECIPES, world

from dnsplan.apply import RunResult
from dnsplan.forecast.simulate import Simulation
from dnsplan.model.portfolio import Roll, ZoneIntent
from dnsplan.portfolio.build import build_policy

Document = dict[str, Any]
EACH = int(os.environ.get("WORLDS", "40")) // 10
NAMES = {1: "SHA-1", 2: "SHA-256", 4: "SHA-384"}
BY_POLICY = ("to-csk", "to-split", "liberal", "conservative", "liberal-to-csk")


def as_before(described: Document) -> Document:
    """Return the same world with the goal of staying as it is."""
    before = copy.deepcopy(described)
    start, policy = before["start"], before["policy"]
    before["goal"] = {"dnssec": "signed" if start["ds"] else "insecure"}
    if start["ds"]:
        csk = any(key["role"] == "csk" for key in start["dnskey"]["keys"])
        policy["scheme"] = "csk" if csk else "ksk-zsk"
        policy["algorithm"] = "ECDSAP256SHA256"
        policy["ds"]["digest_types"] = sorted({NAMES[d["digest_type"]] for d in start["ds"]})
    return before


class TakenBack(Simulation):
    """A world in which the files ask for nothing any more as soon as a number of calls was made, or some time later."""

    def __init__(self, described: Document, *, calls: int, later: int = 0, pinned: bool = False) -> None:
        super().__init__(described)
        self._after, self._later, self._pinned = calls, later, pinned
        self._due: int | None = None
        self.taken_back_at: int | None = None
        self.was_under_way = False
        self.whys: list[str] = []

    def _run_at(self, at: int) -> bool:
        goes_on = super()._run_at(at)
        if self._due is None and self.calls.total >= self._after:
            self._due = at + self._later
        if self._due is not None and self.taken_back_at is None and at >= self._due and self.reached_at is None:
            self._take_back()
            self.taken_back_at = at
            return True
        return goes_on

    def _idle(self, at: int) -> int:
        tick = int(self.world["tick"])
        if self.taken_back_at is None and self._due is not None:
            return min(super()._idle(at), -(-(self._due - at) // tick) * tick)
        return super()._idle(at)

    def _note(self, at: int, result: RunResult, *, confirmed: bool) -> None:
        super()._note(at, result, confirmed=confirmed)
        self.whys.append(result.zones[0].plan.why)

    def _take_back(self) -> None:
        before, zone = as_before(dict(self.world)), self.truth.zone
        self.was_under_way = self.ledger.histories[zone].rollover is not None
        intent: ZoneIntent = replace(
            self.portfolio.zones[zone], dnssec=before["goal"]["dnssec"], roll=Roll(), compromised=()
        )
        if self._pinned:
            keys = tuple(self.truth.keys[key["key"]] for key in self.world["start"]["dnskey"]["keys"])
            self.portfolio = replace(self.portfolio, zones={zone: replace(intent, keys=keys)})
            return
        wanted, policy = build_policy({**before["policy"], "policy": "world"}), self.portfolio.policies["world"]
        policy = replace(
            policy, algorithm=wanted.algorithm, scheme=wanted.scheme, digest_types=wanted.digest_types
        )  # fmt: skip
        self.portfolio = replace(self.portfolio, zones={zone: intent}, policies={"world": policy})


def served(described: Document, result: Document, rrset: str) -> object:
    """Return what is served in the end, in a form that compares."""
    events = [event for event in result["events"] if event["rrset"] == rrset]
    start = described["start"]
    value = events[-1]["value"] if events else start["ds"] if rrset == "DS" else start[rrset.lower()]
    if rrset == "DS":
        return sorted((d["key"], d["digest_type"]) for d in value)
    return sorted(key["key"] for key in value.get("keys", [])), sorted(value["signers"])


def assert_as_before(described: Document, result: Document, simulation: TakenBack, place: object) -> None:
    """Check that the old state is reached again, record by record, and that the signer holds the keys of before."""
    nothing = {"events": []}
    for rrset in ("DS", "DNSKEY", "ZONE"):
        assert served(described, result, rrset) == served(described, nothing, rrset), (place, rrset)
    assert set(simulation.truth.held) == {key["key"] for key in described["start"]["dnskey"]["keys"]}, place


def outcome_of(simulation: TakenBack) -> str:
    if not simulation.was_under_way:
        return "ended before"
    return "too late" if any("too late" in why for why in simulation.whys) else "back"


def said_last(result: Document) -> str:
    return next(move["reason"] for move in reversed(result["moves"]) if move["move"] == "blocked")


def calls_of(described: Document) -> int:
    simulation = Simulation(described)
    simulation.result()
    return simulation.calls.total


@pytest.mark.parametrize(
    ("recipe", "pinned"), [*((recipe, False) for recipe in RECIPES), *((recipe, True) for recipe in BY_POLICY)]
)
def test_a_rollover_taken_back_after_any_call_leads_to_the_state_before(recipe: str, pinned: bool) -> None:
    said: Counter[str] = Counter()
    for seed in range(EACH):
        described = world(recipe, seed)
        described["until"] = 12000
        for calls in range(1, calls_of(described) + 1):
            for later in (0, Random(f"{recipe}/{seed}/{calls}").randint(1, 200)):
                simulation = TakenBack(described, calls=calls, later=later, pinned=pinned)
                result, place = simulation.result(), (described["id"], calls, later)

                outcome = outcome_of(simulation)
                said[outcome] += 1

                assert violations(described, result) == [], place
                if pinned and outcome in ("ended before", "too late"):
                    assert simulation.taken_back_at is None or said_last(result).startswith("CAPABILITY_MISSING"), place
                    continue
                assert result["reached"], (place, result["moves"][-3:])
                anew = outcome == "back" or (recipe in BY_POLICY and simulation.taken_back_at is not None)
                assert shortfall(as_before(described) if anew else described, result) == [], place
                if outcome == "back":
                    assert_as_before(described, result, simulation, place)
    print(f"\n{recipe}: {dict(said)}")


@pytest.mark.parametrize("recipe", RECIPES)
def test_no_resolver_fails_on_the_way_back_whatever_breaks(recipe: str) -> None:
    for seed in range(EACH):
        described = world(recipe, seed, faults=True)
        for calls in range(1, calls_of(described) + 1):
            later = Random(f"faults/{recipe}/{seed}/{calls}").randint(0, 200)
            simulation = TakenBack(described, calls=calls, later=later)
            result = simulation.result()

            assert violations(described, result) == [], (described["id"], calls, later)
            if outcome_of(simulation) == "back":
                assert shortfall(as_before(described), result) == [], (described["id"], calls, later)


def test_a_compromised_key_that_was_not_compromised_after_all_stays() -> None:
    """Without instances that no sweep sees: an emergency leaves them out of account."""
    for seed in range(2 * EACH):
        described = world("add-first", seed)
        described["goal"], described["truth"]["unseen"] = {"dnssec": "signed"}, {}
        described["policy"]["validators"] = ["lenient", "rfc4509", "hardened"]
        for calls in range(1, 7):
            simulation = TakenBack(described, calls=calls)
            zone = simulation.truth.zone
            intent = replace(simulation.portfolio.zones[zone], compromised=(simulation.truth.keys["k1"],))
            simulation.portfolio = replace(simulation.portfolio, zones={zone: intent})
            result, place = simulation.result(), (described["id"], calls)

            assert violations(described, result) == [], place
            assert result["reached"], (place, result["moves"][-3:])
            if outcome_of(simulation) == "back":
                assert_as_before(described, result, simulation, place)
