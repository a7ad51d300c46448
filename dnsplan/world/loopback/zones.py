"""Zones of the loopback world: immutable versions, and the mutable zone that strings them together.

A version signs its RRsets when they are first asked for and keeps the signatures. It never changes once it is served.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec
from dns.dnssectypes import Algorithm, DSDigest
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.NSEC import NSEC
from dns.rdtypes.util import Bitmap

SEP_FLAGS, ZONE_FLAGS = 257, 256
SIGNATURE_BACKDATED, SIGNATURE_VALIDITY = 3600, 14 * 86400
KEEP_VERSIONS = 600.0
"""How long an old version is kept for servers that lag, in seconds."""

Records = Mapping[dns.name.Name, Mapping[dns.rdatatype.RdataType, dns.rdataset.Rdataset]]


@dataclass(frozen=True, kw_only=True, slots=True)
class ZoneKey:
    """A key of a zone; always ECDSAP256SHA256."""

    number: int
    private: ec.EllipticCurvePrivateKey = field(repr=False)
    dnskey: DNSKEY
    published: bool
    active: bool

    @property
    def sep(self) -> bool:
        """Tell whether it has the SEP flag."""
        return bool(self.dnskey.flags & 1)


def make_key(number: int, *, sep: bool, published: bool, active: bool) -> ZoneKey:
    """Return a fresh key."""
    private = ec.generate_private_key(ec.SECP256R1())
    flags = SEP_FLAGS if sep else ZONE_FLAGS
    dnskey = dns.dnssec.make_dnskey(private.public_key(), Algorithm.ECDSAP256SHA256, flags=flags)
    return ZoneKey(number=number, private=private, dnskey=dnskey, published=published, active=active)


@dataclass(frozen=True, kw_only=True, slots=True)
class ZoneVersion:
    """A zone's content at one moment, complete with its DNSKEY RRset."""

    origin: dns.name.Name
    records: Records
    keys: tuple[ZoneKey, ...]
    since: float
    """Monotonic clock."""
    signatures: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], dns.rdataset.Rdataset] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def signed(self) -> bool:
        """Tell whether any key signs."""
        return any(key.active for key in self.keys)

    def find(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> dns.rdataset.Rdataset | None:
        """Return an RRset, or None."""
        return self.records.get(name, {}).get(rdtype)

    def exists(self, name: dns.name.Name) -> bool:
        """Tell whether the name, or one below it, has records (an empty non-terminal exists, RFC 8020)."""
        return name in self.records or any(other.is_subdomain(name) for other in self.records)

    def cut_above(self, name: dns.name.Name) -> dns.name.Name | None:
        """Return the delegation at or above a name, the highest one; None when the zone itself holds it."""
        for depth in range(len(self.origin) + 1, len(name) + 1):
            candidate = name.split(depth)[1]
            if self.find(candidate, dns.rdatatype.NS) is not None:
                return candidate
        return None

    def no_such(self, name: dns.name.Name) -> dns.rdataset.Rdataset:
        """Return the NSEC that denies every type a name does not have, and covers no other name (RFC 4470)."""
        types = {*self.records.get(name, {}), dns.rdatatype.RRSIG, dns.rdatatype.NSEC}
        if name != self.origin and dns.rdatatype.NS in types:
            types &= {dns.rdatatype.NS, dns.rdatatype.DS, dns.rdatatype.RRSIG, dns.rdatatype.NSEC}
        following = dns.name.Name((b"\0", *name.labels))
        bitmap = Bitmap.from_rdtypes(sorted(types))
        nsec = NSEC(dns.rdataclass.IN, dns.rdatatype.NSEC, following, bitmap.windows)  # type: ignore[no-untyped-call]
        return dns.rdataset.from_rdata(self.negative_ttl, nsec)

    @property
    def negative_ttl(self) -> int:
        """Return the TTL of negative answers (RFC 2308 section 5)."""
        soa = self.records[self.origin][dns.rdatatype.SOA]
        return min(soa.ttl, int(soa[0].minimum))

    def signature(self, name: dns.name.Name, rdataset: dns.rdataset.Rdataset) -> dns.rdataset.Rdataset | None:
        """Return the RRSIGs of an RRset; None in an unsigned zone."""
        if not self.signed:
            return None
        place = (name, rdataset.rdtype)
        if place not in self.signatures:
            self.signatures[place] = self._sign(name, rdataset)
        return self.signatures[place]

    def _sign(self, name: dns.name.Name, rdataset: dns.rdataset.Rdataset) -> dns.rdataset.Rdataset:
        rrset = dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))
        now = int(time.time())  # noqa: TID251  # a name server signs by its own clock
        rrsigs = [
            dns.dnssec.sign(
                rrset,
                key.private,
                self.origin,
                key.dnskey,
                inception=now - SIGNATURE_BACKDATED,
                expiration=now + SIGNATURE_VALIDITY,
            )
            for key in self._signers(rdataset.rdtype)
        ]
        return dns.rdataset.from_rdata_list(rdataset.ttl, rrsigs)

    def _signers(self, rdtype: dns.rdatatype.RdataType) -> list[ZoneKey]:
        """Return who signs: SEP keys the DNSKEY RRset, the others the data; where one sort is missing, all."""
        active = [key for key in self.keys if key.active]
        wants_sep = rdtype == dns.rdatatype.DNSKEY
        return [key for key in active if key.sep == wants_sep] or active


class Zone:
    """A zone that changes; every change is a new version with the next serial, served at once or after a lag."""

    def __init__(self, origin: str, records: Iterable[tuple[str, int, str, str]]) -> None:
        self.origin = dns.name.from_text(origin)
        self.metadata: dict[str, tuple[str, ...]] = {}
        self.lock = threading.RLock()
        built: dict[dns.name.Name, dict[dns.rdatatype.RdataType, dns.rdataset.Rdataset]] = {}
        for owner, ttl, rdtype, rdata in records:
            name, parsed = dns.name.from_text(owner), dns.rdata.from_text("IN", rdtype, rdata)
            rdatasets = built.setdefault(name, {})
            if parsed.rdtype not in rdatasets:
                rdatasets[parsed.rdtype] = dns.rdataset.Rdataset(dns.rdataclass.IN, parsed.rdtype, ttl=ttl)
            rdatasets[parsed.rdtype].add(parsed, ttl)
        self._plain: Records = built
        self._versions = [self._version((), built)]

    @property
    def newest(self) -> ZoneVersion:
        """Return the version that a server without lag serves."""
        return self._versions[-1]

    @property
    def plain(self) -> Records:
        """Return the records without those that are made from the keys."""
        return self._plain

    def served(self, lag: float) -> ZoneVersion:
        """Return the version that a server serves which is `lag` seconds behind."""
        moment = time.monotonic() - lag
        versions = self._versions
        return next((version for version in reversed(versions) if version.since <= moment), versions[0])

    def put(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, rdataset: dns.rdataset.Rdataset | None) -> None:
        """Replace one RRset, or delete it."""
        with self.lock:
            changed = {owner: dict(rdatasets) for owner, rdatasets in self._plain.items()}
            changed.setdefault(name, {}).pop(rdtype, None)
            if rdataset:
                changed[name][rdtype] = rdataset
            self._plain = {owner: rdatasets for owner, rdatasets in changed.items() if rdatasets}
            self._advance(self.newest.keys)

    def change_keys(self, change: Callable[[tuple[ZoneKey, ...]], tuple[ZoneKey, ...]]) -> tuple[ZoneKey, ...]:
        """Replace the keys by what `change` makes of them, and return them."""
        with self.lock:
            keys = change(self.newest.keys)
            self._advance(keys)
            return keys

    def _advance(self, keys: tuple[ZoneKey, ...]) -> None:
        soa = self._plain[self.origin][dns.rdatatype.SOA]
        bumped = dns.rdataset.from_rdata(soa.ttl, soa[0].replace(serial=soa[0].serial + 1))
        self._plain = {**self._plain, self.origin: {**self._plain[self.origin], dns.rdatatype.SOA: bumped}}
        version = self._version(keys, self._plain)
        old = [kept for kept in self._versions if kept.since > version.since - KEEP_VERSIONS] or [self.newest]
        self._versions = [*old, version]

    def _version(self, keys: tuple[ZoneKey, ...], plain: Records) -> ZoneVersion:
        apex = dict(plain[self.origin])
        ttl = int(apex[dns.rdatatype.SOA][0].minimum)  # as PowerDNS does it
        if published := [key.dnskey for key in keys if key.published]:
            apex[dns.rdatatype.DNSKEY] = dns.rdataset.from_rdata_list(ttl, published)
        apex.update(self._automatic_cds([key.dnskey for key in keys if key.published and key.sep and key.active], ttl))
        records = {**plain, self.origin: apex}
        return ZoneVersion(origin=self.origin, records=records, keys=keys, since=time.monotonic())

    def _automatic_cds(self, keys: list[DNSKEY], ttl: int) -> dict[dns.rdatatype.RdataType, dns.rdataset.Rdataset]:
        """Return what PUBLISH-CDS and PUBLISH-CDNSKEY make PowerDNS serve."""
        made: dict[dns.rdatatype.RdataType, dns.rdataset.Rdataset] = {}
        digests = [digest for item in self.metadata.get("PUBLISH-CDS", ()) for digest in item.split(",")]
        if keys and digests:
            cds = [dns.dnssec.make_cds(self.origin, key, DSDigest(int(digest))) for key in keys for digest in digests]
            made[dns.rdatatype.CDS] = dns.rdataset.from_rdata_list(ttl, cds)
        if keys and self.metadata.get("PUBLISH-CDNSKEY"):
            cdnskeys = [dns.rdata.from_text("IN", "CDNSKEY", key.to_text()) for key in keys]
            made[dns.rdatatype.CDNSKEY] = dns.rdataset.from_rdata_list(ttl, cdnskeys)
        return made


def with_state(key: ZoneKey, *, published: bool, active: bool) -> ZoneKey:
    """Return the key with both properties set."""
    return replace(key, published=published, active=active)
