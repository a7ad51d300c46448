"""Triples (DS set, DNSKEY set with its signers, data signers), one signed zone each, so that nothing is shared.

The small ones are made of k1 and k2 (KSKs, algorithm 13), k8 (KSK, algorithm 8), z1 and z8 (ZSKs of these algorithms)
and `lost`, which is in no DNSKEY set. The edges ask what counts as a DS and as a signature at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, combinations, product

import dns.rrset
from lab_bind import parent_zone
from lab_signing import Key, Signing, make_keys

from dnsplan.engine.validators import DsRef, DsSet, KeySet, Signers
from dnsplan.model.records import ALGORITHMS, DIGEST_TYPES, Ds, make_ds

SMALL = {"k1": 13, "k2": 13, "k8": 8, "lost": 13, "z1": 13, "z8": 8}
UNPUBLISHED = {"a1": 13, "a2": 13, "zz1": 13, "zz2": 13}
"""Keys that sign data and are in no DNSKEY set; the names say on which side of z1 their signatures stand."""
CSKS = {f"c{algorithm}": algorithm for algorithm in ALGORITHMS}
KSKS = ("k1", "k2", "k8", "lost", *CSKS)

DS_ATOMS = (("k1", 1), ("k1", 2), ("k1", 4), ("k2", 2), ("k8", 2), ("k8", 4), ("lost", 2))
"""Keys and digest types that a DS set is made of."""
TWO_ALGORITHMS = ("k1", "k8", "z1", "z8")
KEY_SETS = (
    (), ("k1",), ("k1", "z1"), ("k8", "z8"), ("k1", "k2", "z1"), ("k1", "z1", "z8"), TWO_ALGORITHMS,
)  # fmt: skip
"""Nothing, a CSK, one algorithm, two KSKs, and the steps of an algorithm rollover; every subset of its KSKs signs."""

OTHER_ALGORITHMS = (0, 1, 2, 3, 6, 9, 11, 12, 17, 23, 123, 252, 253, 254, 255)
OTHER_DIGESTS = (3, 5, 6, 7, 128, 255)
"""Numbers that no validator supports: withdrawn, reserved, unassigned, private, or too new."""
FORGED = "forged"
"""A DS that has the key tag of k1 and the digest of nothing."""

ZONE_TTL, KEY_TTL = 3600, 3600
NAMESERVER, DATA = "ns.tld.", "data"


@dataclass(frozen=True)
class Triple:
    """What a resolver that asks for one zone would hold."""

    ds: DsSet
    keys: KeySet
    signers: Signers

    def __str__(self) -> str:
        ds = " ".join(f"{ref.key}({ref.algorithm})/{ref.digest_type}" for ref in sorted(self.ds)) or "-"
        keys = " ".join(f"{key}*" if key in self.keys.signers else key for key in sorted(self.keys.ids)) or "-"
        return f"DS {ds} | DNSKEY {keys} | data by {' '.join(sorted(self.signers)) or '-'}"


def make_all_keys() -> dict[str, Key]:
    """Return the keys of every triple."""
    return make_keys({**SMALL, **UNPUBLISHED, **CSKS}, sep=KSKS)


def _subsets(items: Iterable[str]) -> Iterator[tuple[str, ...]]:
    pool = tuple(items)
    return chain.from_iterable(combinations(pool, size) for size in range(len(pool) + 1))


def _key_states(key_sets: Iterable[tuple[str, ...]]) -> Iterator[tuple[KeySet, Signers]]:
    for names in key_sets:
        ksks = [name for name in names if name.startswith("k")]
        zsks = ("z1", "z8") if any(name.startswith("z") for name in names) else ksks
        for by_keys, by_data in product(_subsets(ksks), _subsets(zsks)):
            keys = frozenset((name, SMALL[name]) for name in names)
            yield KeySet(keys=keys, signers=frozenset(by_keys)), frozenset(by_data)


def small_triples() -> list[Triple]:
    """Return all: every set of up to two DS with every state of every key set, and of three DS with two algorithms.

    A state of a key set is a subset of its KSKs that signs it and a subset of both ZSKs (in it or not) that signs data.
    """
    atoms = [DsRef(key, SMALL[key], digest) for key, digest in DS_ATOMS]
    few = chain.from_iterable(combinations(atoms, size) for size in (0, 1, 2))
    every = chain(
        product(few, _key_states(KEY_SETS)),
        product(combinations(atoms, 3), list(_key_states((TWO_ALGORITHMS,)))),
    )
    return [Triple(ds=frozenset(ds), keys=keys, signers=signers) for ds, (keys, signers) in every]


def _plain(*ds: DsRef, by_keys: Iterable[str] = ("k1",), by: Iterable[str] = ("z1",)) -> Triple:
    keys = KeySet(keys=frozenset({("k1", 13), ("z1", 13)}), signers=frozenset(by_keys))
    return Triple(ds=frozenset(ds), keys=keys, signers=frozenset(by))


def edge_triples() -> list[Triple]:
    """Return triples of every algorithm and digest type that the model knows, of others, and of odd signatures."""
    good, weak, lost, forged = DsRef("k1", 13, 2), DsRef("k1", 13, 1), DsRef("lost", 13, 2), DsRef(FORGED, 13, 2)
    alone = [
        Triple(
            ds=frozenset({DsRef(name, algorithm, digest)}),
            keys=KeySet(keys=frozenset({(name, algorithm)}), signers=frozenset({name})),
            signers=frozenset({name}),
        )
        for (name, algorithm), digest in product(CSKS.items(), DIGEST_TYPES)
    ]
    others = [DsRef("lost", algorithm, 2) for algorithm in OTHER_ALGORITHMS]
    others += [DsRef(key, 13, digest) for key, digest in product(("k1", "lost"), OTHER_DIGESTS)]
    beside = [_plain(other, *ds) for other, ds in product(others, ((), (good,), (weak,), (lost,)))]
    signed = [_plain(good, by=by) for by in (("a1",), ("a1", "z1"), ("a1", "a2", "z1"), ("z1", "zz1", "zz2"))]
    signing = (("lost",), ("k1", "lost"), ("z1",), ("k1", "z1"), ("z1", "lost"))
    signed += [_plain(ds, by_keys=by) for ds, by in product((good, lost, DsRef("z1", 13, 2)), signing)]
    return [*alone, *beside, _plain(forged), _plain(forged, good), *signed]


def _ds(zone: str, ref: DsRef, keys: Mapping[str, Key]) -> Ds:
    known = keys["k1" if ref.key == FORGED else ref.key].record
    if ref.key != FORGED and ref.algorithm == known.algorithm and ref.digest_type in DIGEST_TYPES:
        return make_ds(zone, known, ref.digest_type)
    digest = bytes(range(32))
    return Ds(key_tag=known.key_tag, algorithm=ref.algorithm, digest_type=ref.digest_type, digest=digest)


def child_zone(zone: str, triple: Triple, keys: Mapping[str, Key]) -> str:
    """Return the zone file of a triple's zone."""
    rrsets = [
        dns.rrset.from_text(f"{zone}.", ZONE_TTL, "IN", "SOA", f"{NAMESERVER} clerk.{zone}. 1 3600 600 86400 60"),
        dns.rrset.from_text(f"{zone}.", ZONE_TTL, "IN", "NS", NAMESERVER),
        dns.rrset.from_text(f"{DATA}.{zone}.", ZONE_TTL, "IN", "A", "192.0.2.1"),
    ]
    signing = Signing(
        published=[keys[name] for name in sorted(triple.keys.ids)],
        by_keys=[keys[name] for name in sorted(triple.keys.signers)],
        by_data=[keys[name] for name in sorted(triple.signers)],
    )
    return signing.zone_file(zone, rrsets, KEY_TTL)


def delegations(zones: Mapping[str, Triple], keys: Mapping[str, Key], *, own: str, children: str) -> str:
    """Return the unsigned zone file of tld., whose server listens at `own`, and that of its children at `children`."""
    lines = [parent_zone("tld", own, {}, ZONE_TTL), f"{NAMESERVER} A {children}"]
    for zone, triple in zones.items():
        lines.append(f"{zone}. NS {NAMESERVER}")
        lines += [f"{zone}. DS {_ds(zone, ref, keys)}" for ref in sorted(triple.ds)]
    return "\n".join(lines) + "\n"
