"""What every server of a zone and its parent was seen to answer at one time.

Unknown is a third state beside present and absent: a server that gave no usable answer is `Unreachable`, with a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dnsplan.model.portfolio import ZoneName
from dnsplan.model.records import Dnskey, Ds, KeyId
from dnsplan.model.time import Instant, Seconds

Reason = Literal["timeout", "refused", "servfail", "lame", "network", "malformed", "truncated", "no-address"]
Trust = Literal["secure", "insecure", "bogus"]
"""`secure`: validated from the trust anchor; `insecure`: proven to have no secure chain above; `bogus`: neither."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unreachable:
    """No usable answer from this address."""

    address: str
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ParentAnswer:
    """One parent server's answer about the delegation; no DS is an answer with `ds == ()` (AA, the parent's SOA)."""

    address: str
    ds: tuple[Ds, ...]
    """Sorted."""
    ttl: Seconds
    """The largest of the RRset's TTL and its RRSIGs' original TTLs; for no DS the negative TTL (RFC 2308 section 5)."""
    trust: Trust
    detail: str = ""
    """Why it is not secure."""
    ns: frozenset[str] = frozenset()
    ns_ttl: Seconds = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Denial:
    """How a negative answer was proven: by NSEC, or by NSEC3 with these parameters (RFC 5155 section 3)."""

    nsec3: bool
    iterations: int = 0
    salt: str = ""
    """In hexadecimal; empty for none."""
    opt_out: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ChildAnswer:
    """One child server's answers at its apex."""

    address: str
    keys: tuple[Dnskey, ...]
    """The DNSKEY RRset, sorted; empty when the server says there is none."""
    key_signers: frozenset[KeyId]
    """Keys whose RRSIG over the DNSKEY RRset verifies now."""
    key_ttl: Seconds
    """The largest of TTL and original TTLs; the negative TTL when there are no keys."""
    zone_signers: frozenset[KeyId]
    """Keys whose RRSIGs verify over every sample of the zone's data (SOA, NS, one negative answer)."""
    zone_ttl: Seconds
    """The largest TTL and original TTL among the samples."""
    negative_ttl: Seconds
    zone_mixed: bool = False
    """Samples are signed, but no key signs all of them: re-signing is under way."""
    serial: int = 0
    ns: frozenset[str] = frozenset()
    ns_ttl: Seconds = 0
    cds: tuple[Ds, ...] = ()
    cdnskey: tuple[Dnskey, ...] = ()
    signatures_end: Instant | None = None
    """When the first of the sampled signatures expires."""
    signatures_validity: Seconds = 0
    """The longest time for which one of the sampled signatures is valid, from its inception on; 0 without any."""
    denial: Denial | None = None
    """None where the negative answer held no proof that verifies, or proofs of more than one kind."""
    detail: str = ""
    """Why signatures did not verify."""


ParentView = ParentAnswer | Unreachable
ChildView = ChildAnswer | Unreachable


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """A server's name and its addresses that are in sight from here."""

    side: Literal["parent", "child"]
    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """One complete sweep of one zone; views are sorted by address."""

    zone: ZoneName
    at: Instant
    parent_zone: ZoneName | None
    """The zone that delegates; None when the walk did not get so far."""
    parent: tuple[ParentView, ...]
    child: tuple[ChildView, ...]
    extra: frozenset[str] = frozenset()
    """Addresses that were asked only because the history names them; they stand in no NS set any more."""
    beside: tuple[ChildView, ...] = ()
    """Servers of another signer, to which the zone is not delegated (yet, or any more)."""
    beside_at: frozenset[str] = frozenset()
    """Addresses of the other signer's servers, wherever their views stand."""
    families_missing: frozenset[int] = frozenset()
    """Address families without a route from here (out of vantage)."""
    hosts: tuple[Host, ...] = ()
    """The names in the NS sets; empty where nobody noted them."""
    problem: str = ""
    """Why the delegation could not be walked (not delegated, no parent answered); empty when it could."""
