"""What a validating resolver accepts: four profiles, each a few lines over sets of key identities.

A profile sees a DS set, a DNSKEY set and the keys that sign data. It never sees time, recipes or DNS messages.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from dnsplan.model.portfolio import Profile
from dnsplan.model.records import ALGORITHMS, DIGEST_TYPES


class DsRef(NamedTuple):
    """A DS resolved to the key that it vouches for; a DS of no known key has an identity of its own."""

    key: str
    algorithm: int
    digest_type: int


class KeySet(NamedTuple):
    """A DNSKEY RRset: its keys with their algorithms, and the keys that sign it."""

    keys: frozenset[tuple[str, int]]
    signers: frozenset[str]

    @property
    def ids(self) -> frozenset[str]:
        """Return the identities of the keys."""
        return frozenset(key for key, _ in self.keys)

    @property
    def working(self) -> frozenset[str]:
        """Return the keys that stand in the set and sign it."""
        return self.ids & self.signers


DsSet = frozenset[DsRef]
Signers = frozenset[str]


@lru_cache(maxsize=4096)
def considered(profile: Profile, ds: DsSet) -> DsSet:
    """Return the DS that the profile looks at; empty means that it takes the zone as insecure (RFC 4035 5.2).

    `rfc4509` and `strict4035` ignore SHA-1 beside a stronger digest (RFC 4509 section 3); `hardened` looks only at
    the strongest digest type, as Unbound does with harden-algo-downgrade.
    """
    supported = frozenset(d for d in ds if d.algorithm in ALGORITHMS and d.digest_type in DIGEST_TYPES)
    if profile == "lenient" or not supported:
        return supported
    strongest = max(d.digest_type for d in supported)
    if profile == "hardened":
        return frozenset(d for d in supported if d.digest_type == strongest)
    return frozenset(d for d in supported if d.digest_type != 1) if strongest > 1 else supported


@lru_cache(maxsize=4096)
def trusts_keys(profile: Profile, ds: DsSet, keys: KeySet) -> bool:
    """Tell whether the DNSKEY RRset validates under a DS RRset that the profile does not take as insecure."""
    looked_at = considered(profile, ds)
    working = keys.working
    good = {d.algorithm for d in looked_at if d.key in working}
    if profile == "hardened":
        return bool(good) and {d.algorithm for d in looked_at} <= good
    if profile == "strict4035":
        signing = {algorithm for key, algorithm in keys.keys if key in keys.signers}
        return bool(good) and {algorithm for _, algorithm in keys.keys} <= signing
    return bool(good)


def accepts_data(profile: Profile, ds: DsSet, keys: KeySet, signers: Signers) -> bool:
    """Tell whether data signed by `signers` validate under a DNSKEY RRset that was validated under `ds`."""
    signing = {algorithm for key, algorithm in keys.keys if key in signers}
    if profile == "hardened":
        return {d.algorithm for d in considered(profile, ds)} <= signing
    if profile == "strict4035":
        return {algorithm for _, algorithm in keys.keys} <= signing
    return bool(signing)


@lru_cache(maxsize=4096)
def is_bogus(profile: Profile, ds: DsSet, keys: KeySet, signers: Signers) -> bool:
    """Tell whether a resolver that holds exactly these three fails to validate the zone."""
    if not considered(profile, ds):
        return False
    return not (trusts_keys(profile, ds, keys) and accepts_data(profile, ds, keys, signers))
