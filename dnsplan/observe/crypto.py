"""Which keys verifiably sign an RRset: real cryptography, bounded work, each result by content once.

Bounds guard against KeyTrap: colliding key tags and piles of signatures cost no more than a handful of tries. Whatever
keys and signatures hold, nothing here raises.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import dns.dnssec
import dns.name
import dns.node
import dns.rdataset
import dns.rrset
from dns.rdtypes.ANY.RRSIG import RRSIG

from dnsplan.model.records import REVOKE, ZONE_KEY, Dnskey, KeyId, dnskey_from_rdata
from dnsplan.observe.wire import rdatas

MOST_SIGNATURES = 8
MOST_COLLISIONS = 4
MOST_RESULTS = 200_000


@dataclass(frozen=True, slots=True)
class Signed:
    """Keys whose signatures verify, the largest original TTL, when the first signature ends, why others fail.

    `validity` is the longest time from inception to expiration of a signature that verifies.
    """

    keys: frozenset[KeyId]
    original_ttl: int
    ends: int | None
    problem: str = ""
    validity: int = 0


UNSIGNED = Signed(frozenset(), 0, None, "no signature")


def keys_of(rrset: dns.rrset.RRset | None) -> tuple[Dnskey, ...]:
    """Return the keys of a DNSKEY RRset, sorted; records of another protocol are no keys (RFC 4034 2.1.2)."""
    return tuple(sorted(dnskey_from_rdata(wire) for wire in rdatas(rrset) if len(wire) >= 4 and wire[2] == 3))


def signed_by(
    rrset: dns.rrset.RRset | None,
    rrsigs: dns.rrset.RRset | None,
    zone: dns.name.Name,
    keys: tuple[Dnskey, ...],
    now: int,
) -> Signed:
    """Return which of `keys` sign `rrset` with a signature that is valid at `now` (RFC 4035 section 5.3).

    Only zone keys that are not revoked count (RFC 4034 section 2.1.1, RFC 5011 section 2.1).
    """
    if rrset is None or rrsigs is None:
        return UNSIGNED
    good: set[KeyId] = set()
    ends: list[int] = []
    validity = 0
    problem, tried = "", 0
    by_tag: dict[tuple[int, int], list[Dnskey]] = {}
    for key in keys:
        if key.flags & ZONE_KEY and not key.flags & REVOKE:
            by_tag.setdefault((key.key_tag, key.algorithm), []).append(key)
    for rrsig in sorted(rrsigs, key=lambda each: each.to_wire()):
        candidates = by_tag.get((rrsig.key_tag, rrsig.algorithm), [])
        unusable = _why_unusable(rrset, rrsig, zone, now)
        if unusable or not candidates:
            problem = unusable or f"no key of the zone has the key tag {rrsig.key_tag} of a signature"
            continue
        tried += 1
        if tried > MOST_SIGNATURES:
            problem = f"more than {MOST_SIGNATURES} signatures"
            break
        verified = next((key for key in candidates[:MOST_COLLISIONS] if _verifies(rrset, rrsig, zone, key, now)), None)
        if verified is None:
            problem = f"the signature of key tag {rrsig.key_tag} does not verify"
            continue
        good.add(verified.id)
        ends.append(rrsig.expiration)
        validity = max(validity, rrsig.expiration - rrsig.inception)
    return Signed(frozenset(good), original_ttl(rrsigs, zone), min(ends, default=None), problem, validity)


def original_ttl(rrsigs: dns.rrset.RRset | None, zone: dns.name.Name) -> int:
    """Return the largest original TTL in signatures of the zone; 0 without any (RFC 4034 section 3.1.4)."""
    return max((_ttl(rrsig.original_ttl) for rrsig in rrsigs or () if rrsig.signer == zone), default=0)


def _ttl(value: int) -> int:
    return value if value < 1 << 31 else 0  # RFC 2181 section 8


def _why_unusable(rrset: dns.rrset.RRset, rrsig: RRSIG, zone: dns.name.Name, now: int) -> str:
    if rrsig.signer != zone or not rrset.name.is_subdomain(zone):
        return "a signature names another zone"
    if rrsig.labels != len(rrset.name.labels) - 1 - (rrset.name.labels[0] == b"*"):
        return "a signature has the wrong number of labels"
    if now > rrsig.expiration:
        return f"a signature of key tag {rrsig.key_tag} has expired"
    return f"a signature of key tag {rrsig.key_tag} is not valid yet" if now < rrsig.inception else ""


_results: dict[tuple[bytes, KeyId], bool] = {}
"""Results by content: a verified signature stays verified, whichever server serves it."""


def _verifies(rrset: dns.rrset.RRset, rrsig: RRSIG, zone: dns.name.Name, key: Dnskey, now: int) -> bool:
    digest = hashlib.sha256(rrset.name.to_wire() or b"")
    for wire in sorted(rdatas(rrset)):
        digest.update(len(wire).to_bytes(2, "big") + wire)
    digest.update(rrsig.to_wire() or b"")
    content = (digest.digest(), key.id)
    if content not in _results:
        if len(_results) >= MOST_RESULTS:
            _results.clear()
        _results[content] = _verify(rrset, rrsig, zone, key, now)
    return _results[content]


def _verify(rrset: dns.rrset.RRset, rrsig: RRSIG, zone: dns.name.Name, key: Dnskey, now: int) -> bool:
    """Verify one signature with one key; SHA-1 too, since what is served is to be seen, not approved of."""
    try:
        keys: dict[dns.name.Name, dns.node.Node | dns.rdataset.Rdataset] = {
            zone: dns.rdataset.from_text("IN", "DNSKEY", 0, str(key))
        }
        dns.dnssec.validate_rrsig(rrset, rrsig, keys, now=now, policy=dns.dnssec.allow_all_policy)
    except Exception:  # noqa: BLE001  # hostile keys in foreign cryptography: whatever it raises, it does not verify
        return False
    return True
