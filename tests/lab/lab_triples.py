"""Small triples (DS set, DNSKEY set with its signers, data signers), one signed zone each, so that nothing is shared.

The keys are k1 and k2 (KSK, algorithm 13), k8 (KSK, algorithm 8), z1 and z8 (ZSKs of these algorithms), and `lost`,
a key that is in no DNSKEY set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, combinations

from lab_bind import parent_zone
from lab_signing import Key, signed_zone

from dnsplan.engine.validators import DsRef, DsSet, KeySet, Signers
from dnsplan.model.records import make_ds

ALGORITHMS = {"k1": 13, "k2": 13, "k8": 8, "lost": 13, "z1": 13, "z8": 8}
KSKS = ("k1", "k2", "k8", "lost")
DS_ATOMS = (("k1", 1), ("k1", 2), ("k1", 4), ("k2", 2), ("k8", 2), ("k8", 4), ("lost", 2))
"""Keys and digest types that a DS set is made of."""

KEY_SETS = (
    (), ("k1",), ("k1", "z1"), ("k8", "z8"), ("k1", "k2", "z1"), ("k1", "k8", "z1"), ("k1", "z1", "z8"),
    ("k1", "k8", "z1", "z8"), ("k1", "k2", "k8", "z1", "z8"),
)  # fmt: skip
"""Nothing, a CSK, one algorithm, two KSKs, and the steps of an algorithm rollover; every subset of its KSKs signs."""

ZONE_TTL, KEY_TTL = 3600, 3600
PARENT, NAMESERVER, DATA = "tld", "ns.tld.", "data"


@dataclass(frozen=True)
class Triple:
    """What a resolver that asks for one zone would hold."""

    ds: DsSet
    keys: KeySet
    signers: Signers

    def __str__(self) -> str:
        ds = " ".join(f"{ref.key}/{ref.digest_type}" for ref in sorted(self.ds)) or "-"
        keys = " ".join(f"{key}*" if key in self.keys.signers else key for key in sorted(self.keys.ids)) or "-"
        return f"DS {ds} | DNSKEY {keys} | data by {' '.join(sorted(self.signers)) or '-'}"


def _subsets(items: Iterable[str], most: int | None = None) -> Iterator[tuple[str, ...]]:
    pool = tuple(items)
    return chain.from_iterable(combinations(pool, size) for size in range((len(pool) if most is None else most) + 1))


def _key_states() -> Iterator[tuple[KeySet, Signers]]:
    for names in KEY_SETS:
        ksks = [name for name in names if name.startswith("k")]
        data = ("z1", "z8") if any(name.startswith("z") for name in names) else ksks
        for signers in _subsets(ksks):
            for by in _subsets(data):
                keys = frozenset((name, ALGORITHMS[name]) for name in names)
                yield KeySet(keys=keys, signers=frozenset(signers)), frozenset(by)


def small_triples(most_ds: int) -> list[Triple]:
    """Return every DS set up to a size with every DNSKEY set and every subset of the ZSKs as signers of data."""
    atoms = [DsRef(key, ALGORITHMS[key], digest) for key, digest in DS_ATOMS]
    sets = chain.from_iterable(combinations(atoms, size) for size in range(most_ds + 1))
    states = list(_key_states())
    return [Triple(ds=frozenset(ds), keys=keys, signers=signers) for ds in sets for keys, signers in states]


def child_zone(zone: str, triple: Triple, keys: Mapping[str, Key]) -> str:
    """Return the zone file of a triple's zone."""
    text = (
        f"$TTL {ZONE_TTL}\n{zone}. SOA {NAMESERVER} clerk.{zone}. 1 3600 600 86400 60\n{zone}. NS {NAMESERVER}\n"
        f"{DATA}.{zone}. A 192.0.2.1\n"
    )
    if not triple.keys.keys and not triple.signers:
        return text
    named = [keys[name] for name in sorted(triple.keys.ids)]
    by_keys = [keys[name] for name in sorted(triple.keys.signers)]
    by_data = [keys[name] for name in sorted(triple.signers)]
    return signed_zone(f"{zone}.", text, named, by_keys, by_data, KEY_TTL)


def delegations(zones: Mapping[str, Triple], keys: Mapping[str, Key], *, address: str, own: str) -> str:
    """Return the unsigned zone file of the parent, whose server listens at `own`."""
    lines = [parent_zone(PARENT, own, {}, ZONE_TTL), f"{NAMESERVER} A {address}"]
    for zone, triple in zones.items():
        lines.append(f"{zone}. NS {NAMESERVER}")
        lines += [f"{zone}. DS {make_ds(zone, keys[ref.key].record, ref.digest_type)}" for ref in sorted(triple.ds)]
    return "\n".join(lines) + "\n"
