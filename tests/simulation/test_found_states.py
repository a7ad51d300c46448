"""States found without a history go on at the earliest second that the unknown versions before them allow.

The moments are worked out by hand: margins 5 s (child) and 7 s (parent), lags 3 s and 10 s, registration 20 s, TTLs of
90 s (DS), 40 s (DNSKEY) and 60 s (data); one sweep, so that the state found is confirmed at 0. An unknown DNSKEY RRset
is gone at 45 s, unknown data at 65 s, an unknown DS RRset at 97 s, the trust in a DNSKEY set on its account at 137 s.
"""

from __future__ import annotations

import copy

import pytest
from wide_judge import objections
from worlds import ds, key

from dnsplan.forecast import simulate

EXAMPLE = {
    "now": "2026-11-24T00:00:00Z", "zone": "example.ch", "tick": 1, "until": 2000,
    "policy": {
        "policy": "world", "ds": {"ttl_max": "90s"}, "dnskey": {"ttl": "40s"},
        "timing": {
            "child_margin": "5s", "parent_margin": "7s", "registration_budget": "100s",
            "sweeps": {"count": 1, "spacing": "0s"},
        },
    },
    "goal": {"dnssec": "signed"},
    "start": {
        "ds": [], "ds_ttl": 90, "unpublished": [], "dnskey": {"keys": [], "signers": [], "ttl": 40},
        "zone": {"signers": [], "ttl": 60, "negative_ttl": 30},
    },
    "parent": {
        "update": "replace", "max_ds": 4, "form": "ds", "digest_types": [1, 2, 4], "checks_dnskey": False, "ttl": 90,
    },
    "signer": {"resign": 0, "dnskey_ttl": 40, "zone_ttl": 60},
    "truth": {
        "child_propagation": [0, 3], "parent_propagation": [0, 10], "registration": 20, "resign": 0,
        "unseen": {"child": 5, "parent": 7}, "ttl_after": {"ds": 10, "dnskey": 40, "zone": 60},
    },
}  # fmt: skip
K1, K2, Z1, Z2 = key("k1", "ksk"), key("k2", "ksk"), key("z1", "zsk"), key("z2", "zsk")
K8, Z8 = key("k8", "ksk", 15), key("z8", "zsk", 15)
STATES = {
    "signed, no DS": ("", [K1, Z1], "k1", "z1", "", 65 + 30),
    "keys signed, data not": ("", [K1, Z1], "k1", "", "", 3 + 65 + 30),
    "two KSKs, the first has a DS": ("k1", [K1, K2, Z1], "k1 k2", "z1", "k2 z1", 30 + 97 + 3),
    "two KSKs, both have a DS": ("k1 k2", [K1, K2, Z1], "k1 k2", "z1", "k2 z1", 97 + 3),
    "two KSKs, the second has a DS": ("k2", [K1, K2, Z1], "k1 k2", "z1", "k2 z1", 97 + 3),
    "a stale ZSK": ("k1", [K1, Z1, Z2], "k1", "z1", "", 65 + 3),
    "two ZSKs that sign": ("k1", [K1, Z1, Z2], "k1", "z1 z2", "", 65 + 3),
    "a DS of a key that is only held": ("k1 k2", [K1, Z1], "k1", "z1", "", 45 + 30),
    "no DS that matches a key that signs": ("f1", [K1, Z1], "k1", "z1", "", 30),
    "two algorithms, the DS of the old one": ("k1", [K1, Z1, K8, Z8], "k1 k8", "z1 z8", "k8 z8", 265),
    "insecure but for the signatures": ("", [K1, Z1], "k1", "z1", None, 137 + 3),
}


@pytest.mark.parametrize("state", STATES)
def test_a_state_that_is_found_goes_on_at_the_earliest_second(state: str) -> None:
    named, keys, signers, data, pinned, reached = STATES[state]
    described = copy.deepcopy(EXAMPLE) | {"id": state}
    start = described["start"]
    start["ds"] = [ds(name) for name in named.split()]
    start["dnskey"] |= {"keys": keys, "signers": signers.split()}
    start["zone"]["signers"] = data.split()
    start["unpublished"] = [K2] if "only held" in state else []
    if pinned is None:
        described["goal"] = {"dnssec": "insecure"}
    elif pinned:
        described["goal"]["keys"] = pinned.split()
        described["policy"]["algorithm"] = "ED25519" if "k8" in pinned else "ECDSAP256SHA256"

    result = simulate(described)

    assert objections(described, result) == []
    assert result["reached_at"] == reached
