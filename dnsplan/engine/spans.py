"""Versions as spans of time: from when to when a cache may hold each, with every DS resolved to the key behind it.

A version may be in a cache on [first, T_all(next) + margin + TTL*), and for ever while nothing newer is everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

from dnsplan.engine.validators import DsRef, DsSet, KeySet, Signers
from dnsplan.model.history import DnskeyContent, DsContent, RRsetName, RRsetVersion, ZoneContent, ZoneHistory
from dnsplan.model.plan import Capabilities
from dnsplan.model.portfolio import Policy
from dnsplan.model.records import DIGEST_TYPES, Dnskey, Ds, make_ds
from dnsplan.model.time import Instant, Seconds

FOREVER: Instant = 1 << 62
OUT_OF_VANTAGE_MARGIN: Seconds = 86400
"""The least margin when an address family cannot be seen from here: the other one stands for it."""

UNKNOWN_KEY = "unknown:"
"""Begins the identity of a DS that no known key may have."""

Ring = Mapping[Ds, str]
"""Every DS that a known key may have, and that key's identity."""

ValueT = TypeVar("ValueT", DsSet, KeySet, Signers)


class Span(NamedTuple, Generic[ValueT]):
    """A version while caches may hold it: [start, end); `value` is None when the content is unknown."""

    value: ValueT | None
    start: Instant
    end: Instant
    ttl: Seconds
    base: Instant | None
    """T_all of the version that ended it; None while it is current."""


@dataclass(frozen=True, slots=True)
class Spans:
    """The spans of all three RRsets, oldest first; the newest is what is, or is about to be, served."""

    ds: tuple[Span[DsSet], ...]
    dnskey: tuple[Span[KeySet], ...]
    zone: tuple[Span[Signers], ...]


@dataclass(frozen=True, slots=True)
class Margins:
    """What is added to each T_all for instances that no sweep reaches (RFC 7583's DprpC, DprpP, Dsgn)."""

    parent: Seconds
    child: Seconds
    resign: Seconds

    def of(self, rrset: RRsetName) -> Seconds:
        """Return the margin of one RRset; that of data includes the delay until all of it is signed anew."""
        if rrset == "DS":
            return self.parent
        return self.child + (self.resign if rrset == "ZONE" else 0)


def margins(policy: Policy, capabilities: Capabilities, families_missing: frozenset[int]) -> Margins:
    """Return the margins that hold for a zone."""
    least = OUT_OF_VANTAGE_MARGIN if families_missing else 0
    return Margins(
        parent=max(policy.timing.parent_margin, least),
        child=max(policy.timing.child_margin, least),
        resign=capabilities.resign,
    )


@lru_cache(maxsize=4096)
def key_ring(zone: str, keys: frozenset[Dnskey]) -> Ring:
    """Return every DS of these keys at `zone`."""
    return {make_ds(zone, key, digest_type): key.id for key in keys for digest_type in DIGEST_TYPES}


def known_keys(history: ZoneHistory) -> frozenset[Dnskey]:
    """Return every key that was ever served or held, by the other signer of a zone that moves as well."""
    versions = (*history.dnskey, *(history.beside.dnskey if history.beside else ()))
    served = {key for version in versions if isinstance(version.content, DnskeyContent) for key in version.content.keys}
    return frozenset(served | {held.key for held in history.held})


def keys_value(content: DnskeyContent) -> KeySet:
    """Return a DNSKEY RRset as identities."""
    return KeySet(frozenset((key.id, key.algorithm) for key in content.keys), frozenset(content.signers))


def ds_value(records: Iterable[Ds], ring: Ring) -> DsSet:
    """Return DS records resolved to keys; one of no known key keeps an identity of its own."""
    return frozenset(DsRef(ring.get(ds) or f"{UNKNOWN_KEY}{ds}", ds.algorithm, ds.digest_type) for ds in records)


def spans_of(history: ZoneHistory, margin: Margins, ring: Ring) -> Spans:
    """Return the spans of everything that the history remembers."""
    ds = [ds_value(v.content.ds, ring) if isinstance(v.content, DsContent) else None for v in history.ds]
    keys = [keys_value(v.content) if isinstance(v.content, DnskeyContent) else None for v in history.dnskey]
    data = [v.content.signers if isinstance(v.content, ZoneContent) else None for v in history.zonedata]
    return Spans(
        ds=cached(history.ds, ds, margin.of("DS")),
        dnskey=cached(history.dnskey, keys, margin.of("DNSKEY")),
        zone=cached(history.zonedata, data, margin.of("ZONE")),
    )


def cached(
    versions: tuple[RRsetVersion, ...], values: Sequence[ValueT | None], margin: Seconds
) -> tuple[Span[ValueT], ...]:
    """Return versions, oldest first, as spans of their values."""
    result: list[Span[ValueT]] = []
    base: Instant | None = None
    for version, value in zip(reversed(versions), reversed(values), strict=True):
        end = FOREVER if base is None else base + margin + version.ttl_star
        result.append(Span(value, version.first, end, version.ttl_star, base))
        if version.everywhere is not None:
            base = version.everywhere if base is None else min(base, version.everywhere)
    return tuple(reversed(result))


def trust(ds: Span[DsSet], keys: Span[KeySet]) -> tuple[Instant, Instant] | None:
    """Return when `keys`, once validated under `ds`, is trusted on its account, beyond the DS's own end.

    T(S, D) = [max(first S, first D), min(end D, end(S and D together) + TTL*(D))): a resolver keeps a validated
    DNSKEY RRset for its TTL, with the algorithms of the DS that vouched for it. None if they never met.
    """
    start = max(ds.start, keys.start)
    together = min(ds.end, keys.end)
    if start >= together:
        return None
    return start, min(keys.end, together + keys.ttl)
