"""Every gate is as short as it can be: one second less, and some world has a resolver that fails.

The schedule of a run is moved, not the engine: the judge is asked what would have happened.
"""

from __future__ import annotations

import copy

import pytest
from oracle import violations
from worlds import world

from dnsplan.forecast import simulate

GATES = [
    ("swap", "DS", 0, "B2: no cache holds a DNSKEY RRset without the new KSK"),
    ("add-first", "DS", 1, "B2b: no cache holds a DNSKEY RRset without the new KSK"),
    ("swap", "DNSKEY", 1, "B3: no cache holds a DS RRset without the new DS"),
    ("add-first", "DNSKEY", 1, "B3: no cache holds a DS RRset without the new DS"),
    ("one-at-a-time", "DNSKEY", 1, "B3: no cache holds a DS RRset without the new DS"),
    ("bootstrap", "DS", 0, "A3: no cache holds data without signatures"),
    ("insecure", "ZONE", 0, "G2: no cache holds a DS, nor trusts a DNSKEY RRset on account of one"),
]


def exact(recipe: str, seed: int) -> dict:
    described = world(recipe, seed, gates_exact=True)
    described["tick"] = 1
    described["truth"]["registration"] = 0
    described["policy"]["timing"]["sweeps"] = {"count": 1, "spacing": "0s"}
    described["policy"]["ds"]["digest_types"] = ["SHA-256"]
    described["start"]["ds"] = described["start"]["ds"][:1] and [{"key": "k1", "algorithm": 13, "digest_type": 2}]
    described["parent"]["max_ds"] = {"swap": 1, "one-at-a-time": 2}.get(recipe, 4)
    return described


@pytest.mark.parametrize(("recipe", "rrset", "number", "gate"), GATES, ids=[f"{g[0]}-{g[3][:3]}-{g[1]}" for g in GATES])
def test_a_gate_shortened_by_one_second_fails_in_some_world(recipe: str, rrset: str, number: int, gate: str) -> None:
    failing = 0
    for seed in range(40):
        described = exact(recipe, seed)
        result = simulate(described)
        assert result["reached"]
        assert violations(described, result) == []
        early = copy.deepcopy(result)
        event = [e for e in early["events"] if e["rrset"] == rrset and e["call"] is not None][number]
        event["at"] -= 1
        event["everywhere"] -= 1
        failing += bool(violations(described, early))

    print(f"\n{gate}: {failing} of 40 worlds fail with one second less")
    assert failing > 0
