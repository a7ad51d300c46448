"""What the kernel calls harmless beside an unknown version is harmless for every value that the version may have."""

from __future__ import annotations

from itertools import combinations, product
from random import Random

import pytest

from dnsplan.engine.unknown import harmless
from dnsplan.engine.validators import DsRef, KeySet, is_bogus
from dnsplan.model.portfolio import Profile

NAMES = {"a": 13, "b": 15, "c": 13}


def subsets(members: list) -> list[frozenset]:
    return [frozenset(some) for size in range(len(members) + 1) for some in combinations(members, size)]


DS = subsets([DsRef("a", 13, 1), DsRef("a", 13, 2), DsRef("c", 13, 2), DsRef("c", 13, 4), DsRef("b", 15, 2)])
SIGNERS = subsets(list(NAMES))
KEYS = [KeySet(frozenset((n, NAMES[n]) for n in names), signers) for names, signers in product(SIGNERS, SIGNERS)]
VALUES = (DS, KEYS, SIGNERS)


@pytest.mark.parametrize("profile", ["lenient", "rfc4509", "hardened", "strict4035"])
def test_what_is_called_harmless_is_harmless_for_every_unknown_value(profile: Profile) -> None:
    random = Random(profile)
    admitted = 0
    for _ in range(3000):
        old = [random.choice(values) for values in VALUES]
        new = [
            random.choice(values) if random.random() < 0.6 else value for values, value in zip(VALUES, old, strict=True)
        ]
        hidden = [index for index in range(3) if new[index] == old[index] and random.random() < 0.8]
        if not hidden or new == old:
            continue
        known_new = tuple(None if index in hidden else value for index, value in enumerate(new))
        known_old = tuple(None if index in hidden else value for index, value in enumerate(old))
        if not harmless(profile, known_new, known_old):
            continue
        admitted += 1
        for values in product(*(VALUES[index] for index in hidden)):
            for index, value in zip(hidden, values, strict=True):
                new[index] = old[index] = value
            assert not is_bogus(profile, *new) or is_bogus(profile, *old), (known_new, known_old, new)
    print(f"\n{profile}: {admitted} changes admitted beside an unknown version")
    assert admitted > 50
