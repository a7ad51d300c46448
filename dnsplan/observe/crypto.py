"""Which keys verifiably sign an RRset: real cryptography, bounded work, each result by content once.

Bounds guard against KeyTrap: colliding key tags and piles of signatures cost no more than a handful of tries.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import dns.dnssec
import dns.exception
import dns.name
import dns.node
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.RRSIG import RRSIG

from dnsplan.model.records import Dnskey, KeyId, dnskey_from_rdata

MOST_SIGNATURES = 8
MOST_COLLISIONS = 4


@dataclass(frozen=True, slots=True)
class Signed:
    """Keys whose signatures verify, the largest original TTL, when the first signature ends, why others fail."""

    keys: frozenset[KeyId]
    original_ttl: int
    ends: int | None
    problem: str = ""


UNSIGNED = Signed(frozenset(), 0, None, "no signature")


def keys_of(rrset: dns.rrset.RRset | dns.rdataset.Rdataset | None) -> tuple[Dnskey, ...]:
    """Return the zone keys (RFC 4034 2.1.1) of a DNSKEY RRset, sorted."""
    found = []
    for rdata in rrset or ():
        try:
            key = dnskey_from_rdata(rdata.to_wire() or b"")
        except ValueError:
            continue
        if key.flags & 0x0100:
            found.append(key)
    return tuple(sorted(found))


def signed_by(
    rrset: dns.rrset.RRset | None,
    rrsigs: dns.rrset.RRset | None,
    zone: dns.name.Name,
    keys: tuple[Dnskey, ...],
    now: int,
) -> Signed:
    """Return which of `keys` sign `rrset` with a signature that is valid at `now` (RFC 4035 section 5.3)."""
    if rrset is None or rrsigs is None or not len(rrsigs):
        return UNSIGNED
    good: set[KeyId] = set()
    problem, ttl, ends = "", 0, None
    for rrsig in list(rrsigs)[:MOST_SIGNATURES]:
        ttl = max(ttl, rrsig.original_ttl)
        if rrsig.signer != zone or rrsig.labels > len(rrset.name.labels) - 1:
            problem = "a signature names another zone or too many labels"
            continue
        if not rrsig.inception <= now <= rrsig.expiration:
            problem = "a signature has expired" if now > rrsig.expiration else "a signature is not valid yet"
            continue
        candidates = [
            k for k in keys if k.key_tag == rrsig.key_tag and k.algorithm == rrsig.algorithm and not k.flags & 0x80
        ]
        verified = next((k for k in candidates[:MOST_COLLISIONS] if _verifies(rrset, rrsig, zone, k, now)), None)
        if verified is None:
            problem = f"no key verifies the signature of key tag {rrsig.key_tag}"
            continue
        good.add(verified.id)
        ends = rrsig.expiration if ends is None else min(ends, rrsig.expiration)
    return Signed(frozenset(good), ttl, ends, problem)


_RESULTS: dict[tuple[bytes, KeyId], bool] = {}
"""Results by content: a verified signature stays verified, whichever server serves it."""
MOST_RESULTS = 200_000


def _verifies(rrset: dns.rrset.RRset, rrsig: RRSIG, zone: dns.name.Name, key: Dnskey, now: int) -> bool:
    digest = hashlib.sha256(rrset.name.to_wire() or b"")
    for wire in sorted(rdata.to_wire() or b"" for rdata in rrset):
        digest.update(len(wire).to_bytes(2, "big") + wire)
    digest.update(rrsig.to_wire() or b"")
    content = (digest.digest(), key.id)
    if content not in _RESULTS:
        if len(_RESULTS) >= MOST_RESULTS:
            _RESULTS.clear()
        _RESULTS[content] = _verify(rrset, rrsig, zone, key, now)
    return _RESULTS[content]


def _verify(rrset: dns.rrset.RRset, rrsig: RRSIG, zone: dns.name.Name, key: Dnskey, now: int) -> bool:
    keys: dict[dns.name.Name, dns.node.Node | dns.rdataset.Rdataset] = {
        zone: dns.rdataset.from_text("IN", "DNSKEY", 0, str(key))
    }
    try:
        dns.dnssec.validate_rrsig(rrset, rrsig, keys, now=now, policy=dns.dnssec.allow_all_policy)
    except (dns.exception.DNSException, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return False
    return True
