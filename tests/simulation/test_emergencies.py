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
