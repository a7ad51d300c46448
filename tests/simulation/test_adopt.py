"""Every recipe, abandoned after each change and taken over without its history, goes on to the keys that are pinned.

The judge knows what was served before; the engine does not.
"""

from __future__ import annotations

import copy

import pytest
from oracle import shortfall, violations
from worlds import RECIPES, world

from dnsplan.forecast import simulate

PINNABLE = [recipe for recipe in RECIPES if recipe not in ("insecure", "bootstrap")]


def abandoned(described: dict, result: dict, cut: int) -> dict:
    """Return the same world after the first `cut` events, and what was served before as its past.

    Nobody can know a TTL above the nominal one that he never saw; so the past has none.
    """
    events = result["events"][:cut]
    now = events[-1]["at"] + 1
    taken = copy.deepcopy(described)
    start, truth = taken["start"], taken["truth"]
    past = [{**entry, "until": entry["until"] - now} for entry in truth.get("past", [])]
    for rrset, place in (("DS", None), ("DNSKEY", "dnskey"), ("ZONE", "zone")):
        versions = [event for event in events if event["rrset"] == rrset]
        for event in versions:
            served = start["ds"] if place is None else {k: v for k, v in start[place].items() if "ttl" not in k}
            ttl = start["ds_ttl"] if place is None else start[place]["ttl"]
            past.append({"rrset": rrset, "until": event["at"] - now, "ttl": ttl, "value": copy.deepcopy(served)})
            if place is None:
                start["ds"], start["ds_ttl"] = event["value"], event["ttl"]
            else:
                start[place] = {**start[place], **event["value"], "ttl": event["ttl"]}
    signer = taken["signer"]
    nominal = {"DS": taken["parent"]["ttl"], "DNSKEY": signer["dnskey_ttl"], "ZONE": signer["zone_ttl"]}
    truth["past"] = [{**entry, "ttl": min(entry["ttl"], nominal[entry["rrset"]])} for entry in past]
    truth.pop("faults", None)
    truth.pop("changes", None)
    return taken


def everything(described: dict, result: dict) -> dict:
    """Every key of a run by its name."""
    served = [event["value"]["keys"] for event in result["events"] if event["rrset"] == "DNSKEY"]
    return {key["key"]: key for keys in (described["start"]["dnskey"]["keys"], *served) for key in keys}


@pytest.mark.parametrize("recipe", PINNABLE)
def test_a_rollover_found_half_done_is_finished_towards_the_pinned_keys(recipe: str) -> None:
    taken_over = 0
    for seed in range(12):
        described = world(recipe, seed)
        result = simulate(described)
        known = everything(described, result)
        last = [event["value"]["keys"] for event in result["events"] if event["rrset"] == "DNSKEY"]
        final = [key["key"] for key in (last[-1] if last else described["start"]["dnskey"]["keys"])]
        for cut in range(1, len(result["events"]) + 1):
            half = abandoned(described, result, cut)
            published = {key["key"] for key in half["start"]["dnskey"]["keys"]}
            half["start"]["unpublished"] = [key for name, key in known.items() if name not in published]
            half["goal"] = {"dnssec": "signed", "keys": final}

            after = simulate(half)

            assert violations(half, after) == [], (seed, cut)
            assert after["reached"], (seed, cut, after["moves"][-3:])
            assert shortfall(half, after) == [], (seed, cut)
            assert after["keys_created"] == 0, (seed, cut)
            taken_over += 1
    print(f"\n{recipe}: taken over {taken_over} times")


@pytest.mark.parametrize("recipe", ["insecure", "bootstrap"])
def test_signing_and_unsigning_found_half_done_go_on(recipe: str) -> None:
    for seed in range(12):
        described = world(recipe, seed)
        result = simulate(described)
        for cut in range(1, len(result["events"]) + 1):
            half = abandoned(described, result, cut)

            after = simulate(half)

            assert violations(half, after) == [], (seed, cut)
            assert after["reached"], (seed, cut, after["moves"][-3:])
            assert shortfall(half, after) == [], (seed, cut)
