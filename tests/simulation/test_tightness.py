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
    ("bootstrap", "DS", 0, "A3: no cache holds data without signatures", {"zone": 80, "dnskey": 20}),
    ("bootstrap", "DS", 0, "A3: no cache holds a DNSKEY answer without the key", {"zone": 10, "dnskey": 80}),
    ("swap", "DS", 0, "B2: no cache holds a DNSKEY RRset without the new KSK", {}),
    ("add-first", "DS", 1, "B2b: no cache holds a DNSKEY RRset without the new KSK", {}),
    ("swap", "DNSKEY", 1, "B3: no cache holds a DS RRset without the new DS", {}),
    ("add-first", "DNSKEY", 1, "B3: no cache holds a DS RRset without the new DS", {}),
    ("one-at-a-time", "DNSKEY", 1, "B3: no cache holds a DS RRset without the new DS", {}),
    ("double-ds", "DNSKEY", 0, "C2: no cache holds a DS RRset without the new DS", {}),
    ("double-ds", "DS", 1, "C3: no cache holds a DNSKEY RRset that the new key does not sign", {}),
    ("double-rrset", "DS", 1, "R2b: no cache holds a DNSKEY RRset without the new KSK", {}),
    ("double-rrset", "DNSKEY", 1, "R3: no cache holds a DS RRset without the new DS", {}),
    ("zsk", "ZONE", 0, "D2: no cache holds a DNSKEY RRset without the new ZSK", {}),
    ("zsk", "DNSKEY", 1, "D3: no cache holds data that only the old ZSK signs", {}),
    ("csk", "ZONE", 0, "E3: no cache holds a DNSKEY RRset without the new CSK", {}),
    ("csk", "DNSKEY", 1, "E4: no cache holds data that only the old key signs", {"zone": 90, "ds": 5, "most": 4}),
    ("csk", "DNSKEY", 1, "E4: no cache holds a DS RRset without the new DS", {"zone": 5, "ds": 90, "most": 4}),
    ("to-csk", "DNSKEY", 1, "E4: no cache holds a DS RRset without the new DS", {"zone": 5, "ds": 90, "most": 4}),
    ("to-split", "ZONE", 0, "E3: no cache holds a DNSKEY RRset without the new ZSK", {}),
    ("liberal", "DS", 0, "L2: no cache holds data without the new signatures", {"zone": 90, "dnskey": 10}),
    ("liberal", "DS", 0, "L2: no cache holds a DNSKEY RRset that the new key does not sign", {"zone": 5, "dnskey": 80}),
    ("liberal", "DNSKEY", 1, "L3: no cache holds a DS of the old algorithm", {}),
    ("liberal", "ZONE", 1, "L4: nor is a DNSKEY RRset trusted on account of one", {}),
    ("conservative", "DNSKEY", 0, "F2: no cache holds data without the new signatures", {}),
    ("conservative", "DS", 0, "F3: no cache holds a DNSKEY RRset that the new key does not sign", {}),
    ("conservative", "DNSKEY", 1, "F4: no cache holds a DS of the old algorithm", {}),
    ("conservative", "ZONE", 1, "F5: no cache holds a DNSKEY RRset with an old key", {}),
    ("insecure", "ZONE", 0, "G2: no cache holds a DS, nor trusts a DNSKEY RRset on account of one", {}),
]


def exact(recipe: str, seed: int, chosen: dict) -> dict:
    """Return a world in which every gate is as long as it must be; `chosen` are TTLs and the parent's limit."""
    described = world(recipe, seed, gates_exact=True)
    start, signer = described["start"], described["signer"]
    described["tick"] = 1
    described["truth"]["registration"] = 0
    described["policy"]["timing"]["sweeps"] = {"count": 1, "spacing": "0s"}
    described["policy"]["ds"]["digest_types"] = ["SHA-256"]
    start["ds"] = start["ds"][:1] and [{"key": "k1", "algorithm": 13, "digest_type": 2}]
    described["parent"]["max_ds"] = chosen.get("most", {"swap": 1, "one-at-a-time": 2}.get(recipe, 4))
    if "ds" in chosen:
        described["parent"]["ttl"] = start["ds_ttl"] = chosen["ds"]
    if "zone" in chosen:
        signer["zone_ttl"] = start["zone"]["ttl"] = start["zone"]["negative_ttl"] = chosen["zone"]
    if "dnskey" in chosen:
        signer["dnskey_ttl"] = chosen["dnskey"]
        start["dnskey"]["ttl"] = chosen["dnskey"] if start["dnskey"]["keys"] else chosen["zone"]
    described["truth"]["past"] = [unvouched(signer)] if recipe == "bootstrap" else []
    return described


def unvouched(signer: dict) -> dict:
    """Return a DNSKEY RRset served until now that no DS to come will vouch for."""
    stranger = {"key": "k0", "algorithm": 13, "role": "ksk"}
    value = {"keys": [stranger], "signers": ["k0"]}
    return {"rrset": "DNSKEY", "until": 0, "ttl": signer["dnskey_ttl"], "value": value}


@pytest.mark.parametrize(
    ("recipe", "rrset", "number", "gate", "chosen"), GATES, ids=[f"{g[0]}-{g[3][:3]}-{i}" for i, g in enumerate(GATES)]
)
def test_a_gate_shortened_by_one_second_fails_in_some_world(
    recipe: str, rrset: str, number: int, gate: str, chosen: dict
) -> None:
    failing = 0
    for seed in range(40):
        described = exact(recipe, seed, chosen)
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
