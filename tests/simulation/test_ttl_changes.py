"""TTLs brought to the policy by the engine itself, before a rollover or after it, and never with a gate too short."""

from __future__ import annotations

import copy
import os
from dataclasses import replace

import pytest
from oracle import ds_vanished, shortfall, violations
from settable import (
    CHANGING,
    Document,
    settable_world,
    simulate_settable,
    ttl_events,
    wide_settable_world,
)

import dnsplan.engine.journal

EACH = int(os.environ.get("WORLDS", "0")) or 12


@pytest.mark.parametrize("recipe", CHANGING)
def test_no_resolver_fails_and_the_ttls_are_those_of_the_policy(recipe: str) -> None:
    lowered = raised = 0
    for seed in range(EACH):
        described = settable_world(recipe, seed)
        before = copy.deepcopy(described)
        result = simulate_settable(described)

        assert violations(before, result) == [], described["id"]
        assert shortfall(before, result) == [], described["id"]
        assert result["reached"], (described["id"], result["moves"][-3:])
        changed = ttl_events(result, before)
        if recipe == "insecure":
            assert changed == []
            continue
        for rrset, key, nominal in (("DNSKEY", "dnskey", "signer"), ("DS", "ds_ttl", "parent")):
            wanted = described[nominal]["dnskey_ttl" if rrset == "DNSKEY" else "ttl"]
            served = before["start"]["dnskey"]["ttl"] if rrset == "DNSKEY" else before["start"][key]
            mine = [event["ttl"] for event in changed if event["rrset"] == rrset]
            assert mine == ([wanted] if served > wanted or (served != wanted and rrset == "DNSKEY") else []), rrset
            lowered, raised = lowered + (mine != [] and served > wanted), raised + (mine != [] and served < wanted)
    print(f"\n{recipe}: {EACH} worlds, {lowered} TTLs lowered, {raised} raised")


@pytest.mark.parametrize("recipe", CHANGING)
def test_no_ttl_changes_between_the_first_and_the_last_change_of_a_rollover(recipe: str) -> None:
    for seed in range(EACH):
        described = settable_world(recipe, seed)
        before = copy.deepcopy(described)
        result = simulate_settable(described)
        ours = [event for event in result["events"] if event["call"] is not None]
        ttls = ttl_events(result, before)
        contents = [event["call"] for event in ours if event not in ttls]

        for event in ttls:
            assert contents == [] or not min(contents) <= event["call"] < max(contents), described["id"]


@pytest.mark.parametrize("recipe", CHANGING)
def test_no_resolver_fails_whatever_breaks(recipe: str) -> None:
    for seed in range(2 * EACH):
        described = settable_world(recipe, seed, faults=True)
        before = copy.deepcopy(described)
        result = simulate_settable(described)

        assert violations(before, result) == [], described["id"]
        assert not ds_vanished(before, result), described["id"]
        assert shortfall(before, result) == [], described["id"]


@pytest.mark.parametrize("batch", range(4))
def test_worlds_of_any_kind_are_left_unharmed(batch: int) -> None:
    changed = 0
    for seed in range(batch * 2 * EACH, (batch + 1) * 2 * EACH):
        described = wide_settable_world(seed)
        before = copy.deepcopy(described)
        result = simulate_settable(described)

        assert violations(before, result) == [], described["id"]
        assert not ds_vanished(before, result), described["id"]
        changed += len(ttl_events(result, before))
    print(f"\n{2 * EACH} worlds, {changed} TTLs changed")
    assert changed


def lowered(recipe: str, seed: int, rrset: str) -> Document:
    """Return a world in which every gate is exact and the old TTL of one RRset is the longest time of all."""
    described = settable_world(recipe, seed, exact=True)
    described["tick"] = 1
    described["truth"]["registration"] = 0
    described["truth"]["past"] = []
    described["policy"]["timing"]["sweeps"] = {"count": 1, "spacing": "0s"}
    described["parent"]["max_ds"] = 2 if recipe == "swap" else 8
    start, after = described["start"], described["truth"]["ttl_after"]
    start["dnskey"]["ttl"] = after["dnskey"] = 700 if rrset == "DNSKEY" else described["signer"]["dnskey_ttl"]
    start["ds_ttl"] = after["ds"] = 700 if rrset == "DS" else described["parent"]["ttl"]
    return described


@pytest.mark.parametrize(
    ("recipe", "changed", "rrset", "number"),
    [
        ("add-first", "DNSKEY", "DS", 1),
        ("double-rrset", "DNSKEY", "DS", 1),
        ("add-first", "DS", "DNSKEY", 1),
        ("double-ds", "DS", "DNSKEY", 0),
        ("zsk", "DNSKEY", "ZONE", 0),
    ],
)
def test_a_gate_waits_for_the_ttl_before_the_lower_one_to_the_second(
    recipe: str, changed: str, rrset: str, number: int
) -> None:
    failing = 0
    for seed in range(EACH):
        described = lowered(recipe, seed, changed)
        before = copy.deepcopy(described)
        result = simulate_settable(described, known=True)
        assert result["reached"], (described["id"], result["moves"][-3:])
        assert violations(before, result) == []
        ttls = ttl_events(result, before)
        assert [event["rrset"] for event in ttls] == [changed]
        early = copy.deepcopy(result)
        event = [e for e in early["events"] if e["rrset"] == rrset and e["call"] is not None and e not in ttls][number]
        assert event["call"] >= 700
        event["at"] -= 1
        event["everywhere"] -= 1
        failing += bool(violations(before, early))

    print(f"\n{recipe}: {failing} of {EACH} worlds fail with one second less")
    assert failing > EACH // 4


def test_an_engine_that_takes_a_lower_ttl_at_its_word_at_once_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(versions, ttl, now):
        return (*versions[:-1], replace(versions[-1], ttl_star=ttl, ttl=ttl))

    monkeypatch.setattr(dnsplan.engine.journal, "with_ttl", at_once)
    caught = 0
    for seed in range(EACH):
        described = lowered("add-first", seed, "DNSKEY")
        described["truth"]["child_propagation"] = 0
        before = copy.deepcopy(described)
        caught += bool(violations(before, simulate_settable(described, known=True)))

    assert caught > EACH // 4
