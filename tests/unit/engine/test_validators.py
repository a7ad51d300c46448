from __future__ import annotations

import pytest

from dnsplan.engine.validators import DsRef, KeySet, accepts_data, considered, is_bogus, trusts_keys

A, B = DsRef("a", 13, 2), DsRef("b", 8, 2)
BOTH = KeySet(frozenset({("a", 13), ("b", 8)}), frozenset({"a", "b"}))
ONLY_A = KeySet(frozenset({("a", 13)}), frozenset({"a"}))
PROFILES = ("lenient", "rfc4509", "hardened", "strict4035")


@pytest.mark.parametrize("profile", PROFILES)
def test_no_ds_means_insecure_never_bogus(profile: str) -> None:
    assert not is_bogus(profile, frozenset(), ONLY_A, frozenset())  # type: ignore[arg-type]


@pytest.mark.parametrize("profile", PROFILES)
def test_only_unsupported_ds_mean_insecure(profile: str) -> None:
    unsupported = frozenset({DsRef("a", 200, 2), DsRef("a", 13, 99)})

    assert considered(profile, unsupported) == frozenset()  # type: ignore[arg-type]
    assert not is_bogus(profile, unsupported, ONLY_A, frozenset())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("profile", "expected"), [("lenient", False), ("rfc4509", True), ("strict4035", True), ("hardened", True)]
)
def test_sha1_beside_sha2_is_ignored_by_all_but_the_lenient(profile: str, expected: bool) -> None:
    ds = frozenset({DsRef("a", 13, 1), DsRef("b", 13, 2)})

    assert is_bogus(profile, ds, ONLY_A, frozenset({"a"})) is expected  # type: ignore[arg-type]


def test_sha1_alone_counts() -> None:
    assert not is_bogus("rfc4509", frozenset({DsRef("a", 13, 1)}), ONLY_A, frozenset({"a"}))


@pytest.mark.parametrize(("profile", "expected"), [("lenient", False), ("rfc4509", False), ("hardened", True)])
def test_only_the_hardened_looks_at_the_strongest_digest_alone(profile: str, expected: bool) -> None:
    ds = frozenset({DsRef("a", 13, 2), DsRef("b", 13, 4)})

    assert is_bogus(profile, ds, ONLY_A, frozenset({"a"})) is expected  # type: ignore[arg-type]


def test_the_hardened_wants_every_algorithm_of_the_ds_to_sign() -> None:
    ds = frozenset({A, B})

    assert not trusts_keys("hardened", ds, ONLY_A)
    assert trusts_keys("hardened", ds, BOTH)
    assert not accepts_data("hardened", ds, BOTH, frozenset({"a"}))
    assert accepts_data("hardened", ds, BOTH, frozenset({"a", "b"}))


def test_the_strict_wants_every_algorithm_of_the_dnskey_set_to_sign_everything() -> None:
    half = KeySet(BOTH.keys, frozenset({"a"}))

    assert not trusts_keys("strict4035", frozenset({A}), half)
    assert trusts_keys("strict4035", frozenset({A}), BOTH)
    assert not accepts_data("strict4035", frozenset({A}), BOTH, frozenset({"a"}))
    assert accepts_data("strict4035", frozenset({A}), BOTH, frozenset({"a", "b"}))


def test_a_key_that_does_not_sign_vouches_for_nothing() -> None:
    silent = KeySet(frozenset({("a", 13)}), frozenset())

    assert not trusts_keys("lenient", frozenset({A}), silent)


def test_a_signer_outside_the_set_does_not_count() -> None:
    assert not accepts_data("lenient", frozenset({A}), ONLY_A, frozenset({"z"}))
