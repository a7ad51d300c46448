"""The judge itself: it sees the published mistakes, and passes the right schedules."""

from __future__ import annotations

import pytest
from oracle import shortfall, violations
from worlds import ds, key

DS_TTL, KEY_TTL, ZONE_TTL = 90, 40, 60
K1, K2, Z1 = key("k1", "ksk"), key("k2", "ksk"), key("z1", "zsk")
K8 = {"key": "k8", "algorithm": 8, "role": "ksk"}
Z8 = {"key": "z8", "algorithm": 8, "role": "zsk"}
DS8 = {"key": "k8", "algorithm": 8, "digest_type": 2}
PROFILES = ["lenient", "rfc4509", "hardened", "strict4035"]


def keys(*members: dict, signers: str) -> dict:
    return {"keys": list(members), "signers": signers.split()}


OLD, BOTH, NEW = keys(K1, Z1, signers="k1"), keys(K1, K2, Z1, signers="k1 k2"), keys(K2, Z1, signers="k2")
TWO_ALGORITHMS = keys(K1, Z1, K8, Z8, signers="k1 k8")


def described(*, start_ds: list, goal: str = "signed", profiles: list | None = None) -> dict:
    """Return a world without lags: a version is everywhere in the second in which it appears."""
    return {
        "goal": {"dnssec": goal},
        "policy": {"validators": profiles or PROFILES[:3]},
        "start": {
            "ds": start_ds,
            "ds_ttl": DS_TTL,
            "dnskey": {**OLD, "ttl": KEY_TTL},
            "zone": {"signers": ["z1"], "ttl": ZONE_TTL, "negative_ttl": 30},
        },
        "truth": {"child_propagation": 0, "parent_propagation": 0, "resign": 0},
    }


def event(at: int, rrset: str, value: object, ttl: int = 60, lag: int = 0) -> dict:
    return {"at": at, "call": at, "rrset": rrset, "ttl": ttl, "value": value, "everywhere": at + lag}


def failing(world: dict, *events: dict) -> set[str]:
    return {line.split()[0] for line in violations(world, {"events": list(events)})}


def ksk_roll(swap: int, withdraw: int, *, lag: int = 0) -> list[dict]:
    return [
        event(0, "DNSKEY", BOTH, lag=lag),
        event(swap, "DS", [ds("k2")], ttl=10, lag=lag),
        event(withdraw, "DNSKEY", NEW, lag=lag),
    ]


@pytest.mark.parametrize("lag", [0, 10])
def test_a_rollover_that_waits_for_the_old_ttls_passes_and_a_second_less_fails(lag: int) -> None:
    world = described(start_ds=[ds("k1")])
    swap = lag + KEY_TTL
    withdraw = swap + lag + DS_TTL

    assert failing(world, *ksk_roll(swap, withdraw, lag=lag)) == set()
    assert failing(world, *ksk_roll(swap - 1, withdraw, lag=lag)) == set(PROFILES[:3])
    assert failing(world, *ksk_roll(swap, withdraw - 1, lag=lag)) == set(PROFILES[:3])


def test_waiting_on_the_ttl_of_the_new_ds_fails() -> None:
    assert failing(described(start_ds=[ds("k1")]), *ksk_roll(40, 40 + 10)) == set(PROFILES[:3])


def unsigning(ds_gone: int, unsigned: int) -> list[dict]:
    return [
        event(ds_gone, "DS", []),
        event(unsigned, "DNSKEY", keys(signers="")),
        event(unsigned, "ZONE", {"signers": []}),
    ]


def test_unsigning_waits_for_the_ds_and_for_the_trust_that_outlives_it() -> None:
    world = described(start_ds=[ds("k1")], goal="insecure")

    assert failing(world, *unsigning(50, 50 + DS_TTL + KEY_TTL)) == set()
    assert failing(world, *unsigning(50, 50 + DS_TTL + KEY_TTL - 1)) == set(PROFILES[:3])
    assert failing(world, *unsigning(50, 0)) == set(PROFILES[:3])


@pytest.mark.parametrize(("weak", "strong", "profiles"), [(1, 2, {"rfc4509", "hardened"}), (2, 4, {"hardened"})])
def test_a_double_ds_with_a_stronger_digest_fails(weak: int, strong: int, profiles: set) -> None:
    doubled = event(10, "DS", [ds("k1", weak), ds("k2", strong)])

    assert failing(described(start_ds=[ds("k1", weak)]), doubled) == profiles


def test_a_ds_of_a_new_algorithm_waits_for_its_signatures() -> None:
    world = described(start_ds=[ds("k1")])
    signed = event(0, "ZONE", {"signers": ["z1", "z8"]})
    published = event(ZONE_TTL, "DNSKEY", TWO_ALGORITHMS)
    late, early = (event(at, "DS", [ds("k1"), DS8]) for at in (ZONE_TTL + KEY_TTL, 1))

    assert failing(world, signed, published, late) == set()
    assert failing(world, published, late) == {"hardened"}
    assert failing(world, signed, early, published) == {"hardened"}


def test_an_old_ksk_withdrawn_while_its_ds_is_served_fails() -> None:
    world = described(start_ds=[ds("k1")])

    assert failing(world, event(0, "DNSKEY", BOTH), event(500, "DNSKEY", NEW)) == set(PROFILES[:3])


def test_what_was_bad_before_is_nobodys_fault() -> None:
    world = described(start_ds=[ds("lost")])

    assert failing(world, event(10, "DNSKEY", BOTH), event(500, "DS", [ds("k1")])) == set()


@pytest.mark.parametrize(
    ("events", "said"),
    [
        (ksk_roll(40, 130), []),
        (ksk_roll(40, 500), ["do not name the one key", "are left"]),
        (ksk_roll(40, 130, lag=20), ["not every server has the DNSKEY"]),
        ([], ["the key was not rolled"]),
    ],
)
def test_a_claim_of_the_goal_is_checked(events: list[dict], said: list[str]) -> None:
    world = described(start_ds=[ds("k1")])
    world["goal"]["roll"] = "ksk"
    world["parent"] = {"form": "ds"}
    world["policy"]["ds"] = {"digest_types": ["SHA-256"]}
    found = shortfall(world, {"events": events, "reached": True, "reached_at": 140})

    assert len(found) == len(said)
    assert all(words in line for words, line in zip(said, found, strict=True))
    assert shortfall(world, {"events": events, "reached": False, "reached_at": None}) == []
