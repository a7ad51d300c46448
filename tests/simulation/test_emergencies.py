"""Compromised keys: replaced in haste, or after the chain was broken on purpose; no resolver fails in either case.

Without instances that no sweep sees: an emergency leaves them out of account.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest
from oracle import ds_vanished, violations
from worlds import world

from dnsplan.forecast.simulate import Simulation
from dnsplan.model.history import HeldKey
from dnsplan.model.portfolio import Roll

EACH = int(os.environ.get("WORLDS", "40")) // 2
LOST = {"ksk": ("add-first", "k1"), "zsk": ("add-first", "z1"), "csk": ("csk", "k1")}


def stolen(role: str, seed: int, *, breaks: bool, faults: bool = False) -> tuple[dict[str, Any], Simulation]:
    """Return a world at rest in which a key is called compromised."""
    recipe, name = LOST[role]
    described = world(recipe, seed, faults=faults)
    described["goal"], described["truth"]["unseen"] = {"dnssec": "signed"}, {}
    simulation = Simulation(described)
    zone = simulation.truth.zone
    intent = replace(simulation.portfolio.zones[zone], compromised=(simulation.truth.keys[name],))
    simulation.portfolio = replace(simulation.portfolio, zones={zone: intent})
    simulation.breaks_chain = frozenset({zone}) if breaks else frozenset()
    return described, simulation


@pytest.mark.parametrize("breaks", [False, True], ids=["chain kept", "chain broken"])
@pytest.mark.parametrize("role", LOST)
def test_a_compromised_key_leaves_and_no_resolver_fails(role: str, breaks: bool) -> None:
    for seed in range(EACH):
        described, simulation = stolen(role, seed, breaks=breaks)
        result = simulation.result()

        assert violations(described, result) == [], described["id"]
        assert result["reached"], (described["id"], result["moves"][-3:])
        assert LOST[role][1] not in simulation.truth.held
        assert result["keys_created"] == 1
        assert ds_vanished(described, result) == breaks, described["id"]


@pytest.mark.parametrize("breaks", [False, True], ids=["chain kept", "chain broken"])
@pytest.mark.parametrize("role", LOST)
def test_no_resolver_fails_whatever_breaks_beside(role: str, breaks: bool) -> None:
    for seed in range(EACH):
        described, simulation = stolen(role, seed, breaks=breaks, faults=True)

        assert violations(described, simulation.result()) == [], described["id"]


def bereft(role: str, seed: int, *, faults: bool = False) -> tuple[dict[str, Any], Simulation]:
    """Return a world at rest whose signer has lost a key after it was known to hold it."""
    recipe, name = LOST[role]
    described = world(recipe, seed, faults=faults)
    described["goal"] = {"dnssec": "signed"}
    described["parent"] |= {"checks_dnskey": False, "max_ds": 8}
    simulation = Simulation(described)
    zone, key = simulation.truth.zone, simulation.truth.keys[name]
    held = HeldKey(key=key, role=role, created=0)  # type: ignore[arg-type]
    simulation.ledger.histories[zone] = replace(simulation.ledger.histories[zone], held=(held,))
    simulation.truth.held.remove(name)
    intent = replace(simulation.portfolio.zones[zone], roll=Roll(sep="lost"))  # the person who lost it asks for another
    simulation.portfolio = replace(simulation.portfolio, zones={zone: intent})
    return described, simulation


@pytest.mark.parametrize("faults", [False, True], ids=["calm", "faults"])
@pytest.mark.parametrize("role", LOST)
def test_a_lost_key_is_replaced_while_its_signatures_are_served(role: str, faults: bool) -> None:
    for seed in range(EACH):
        described, simulation = bereft(role, seed, faults=faults)
        result = simulation.result()

        assert violations(described, result) == [], described["id"]
        assert not ds_vanished(described, result), described["id"]
        if not faults:
            last = [event for event in result["events"] if event["rrset"] == "DNSKEY"][-1]
            assert result["reached"], (described["id"], result["moves"][-3:])
            assert LOST[role][1] not in {key["key"] for key in last["value"]["keys"]}
