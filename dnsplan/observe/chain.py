"""Trust from the anchors down: which keys of which zone are believed, and what a parent's answer about a DS proves."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from dnsplan.model.observation import Trust
from dnsplan.model.records import (
    DIGEST_TYPES,
    ZONE_KEY,
    Dnskey,
    Ds,
    ds_from_rdata,
    make_ds,
    parse_dnskey,
    parse_ds,
)
from dnsplan.observe.crypto import keys_of, signed_by
from dnsplan.observe.transport import Failed, Transport
from dnsplan.observe.walk import Cut, Walk
from dnsplan.observe.wire import rrset, signatures

BUILTIN_ANCHORS = (
    "20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    "38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
)
"""The root's KSKs of 2017 and 2024, https://data.iana.org/root-anchors/root-anchors.xml."""

DS, DNSKEY, SOA, NSEC, NSEC3 = (int(getattr(dns.rdatatype, name)) for name in ("DS", "DNSKEY", "SOA", "NSEC", "NSEC3"))
MOST_ITERATIONS = 150
"""Above it a validator need not verify (RFC 9276 section 3.2)."""


@dataclass(frozen=True, slots=True)
class Believed:
    """A zone's trust and, where it is secure, its validated keys."""

    trust: Trust
    keys: tuple[Dnskey, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DsAnswer:
    """What one server says about a child's DS, and what it proves."""

    ds: tuple[Ds, ...]
    ttl: int
    trust: Trust
    detail: str = ""


class Chain:
    """One run's memory of validated zones."""

    def __init__(self, transport: Transport, walk: Walk, anchors: tuple[str, ...] | None, now: int) -> None:
        self._transport, self._walk, self._now = transport, walk, now
        self._anchors = BUILTIN_ANCHORS if anchors is None else anchors
        self._zones: dict[dns.name.Name, asyncio.Future[Believed]] = {}

    async def believed(self, cut: Cut) -> Believed:
        """Return the trust in a zone above the ones observed; validated once for a run."""
        if cut.zone not in self._zones:
            self._zones[cut.zone] = asyncio.ensure_future(self._believe(cut))
        return await self._zones[cut.zone]

    async def _believe(self, cut: Cut) -> Believed:
        if cut.parent is None:
            return await self._keys(cut, anchors=self._anchors)
        above = await self._walk.cut_above(cut.parent)
        if isinstance(above, str):
            return Believed("bogus", detail=above)
        parent = await self.believed(above)
        if parent.trust != "secure":
            return parent
        detail = f"no server of {above.zone} answers about the DS of {cut.zone}"
        for server in await self._walk.servers(above):
            message = await self._transport.ask(server, cut.zone, DS)
            answer = (
                None if isinstance(message, Failed) else ds_answer(message, cut.zone, above.zone, parent, self._now)
            )
            if not isinstance(answer, DsAnswer):
                continue
            if answer.trust == "secure":
                return await self._keys(cut, ds=answer.ds) if answer.ds else Believed("insecure", detail="it has no DS")
            if answer.trust == "insecure":
                return Believed("insecure", detail=answer.detail)
            detail = answer.detail
        return Believed("bogus", detail=detail)

    async def _keys(self, cut: Cut, *, anchors: tuple[str, ...] = (), ds: tuple[Ds, ...] = ()) -> Believed:
        """Return the zone's keys as validated by trust anchors or DS, from the first server whose answer validates."""
        if ds and not any(d.digest_type in DIGEST_TYPES for d in ds):
            return Believed("insecure", detail=f"the DS of {cut.zone} use no supported digest type")
        detail = f"no server of {cut.zone} answers for its DNSKEY"
        for server in await self._walk.servers(cut):
            message = await self._transport.ask(server, cut.zone, DNSKEY)
            if isinstance(message, Failed):
                continue
            records = rrset(message.answer, cut.zone, DNSKEY)
            keys = keys_of(records)
            entries = frozenset(key for key in keys if _vouched(key, cut.zone, anchors, ds))
            signed = signed_by(records, signatures(message.answer, cut.zone, DNSKEY), cut.zone, keys, self._now)
            if any(key.id in signed.keys for key in entries):
                return Believed("secure", keys)
            why = signed.problem if entries else "no key matches the DS or the trust anchor"
            detail = f"the DNSKEY RRset of {cut.zone} does not validate: {why}"
        return Believed("bogus", detail=detail)


def _vouched(key: Dnskey, zone: dns.name.Name, anchors: tuple[str, ...], ds: tuple[Ds, ...]) -> bool:
    name = zone.to_text(omit_final_dot=True)
    name = "" if name in {".", "@"} else name
    for anchor in anchors:
        fields = anchor.split()
        if fields[1] == "3" and int(fields[0]) & ZONE_KEY:
            if parse_dnskey(anchor) == key:
                return True
        elif _matches(key, name, parse_ds(anchor)):
            return True
    return any(_matches(key, name, record) for record in ds)


def _matches(key: Dnskey, name: str, ds: Ds) -> bool:
    return ds.digest_type in DIGEST_TYPES and make_ds(name, key, ds.digest_type) == ds


def ds_answer(
    message: dns.message.Message, child: dns.name.Name, parent: dns.name.Name, believed: Believed, now: int
) -> DsAnswer | Failed:
    """Return what an answer to the question for a DS says and proves; Failed if it is no answer of the parent's."""
    if message.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        reason = {dns.rcode.REFUSED: "refused", dns.rcode.SERVFAIL: "servfail"}.get(message.rcode(), "lame")
        return Failed(reason, dns.rcode.to_text(message.rcode()))  # type: ignore[arg-type]  # of the reasons
    if not message.flags & dns.flags.AA:
        return Failed("lame", "the answer is not authoritative")
    records = rrset(message.answer, child, DS)
    if records is not None:
        ds = tuple(sorted(ds_from_rdata(rdata.to_wire() or b"") for rdata in records))
        rrsigs = signatures(message.answer, child, DS)
        signed = signed_by(records, rrsigs, parent, believed.keys, now)
        ttl = max(records.ttl, signed.original_ttl)
        return _judged(ds, ttl, believed, "" if signed.keys else f"the DS: {signed.problem}")
    soa = rrset(message.authority, parent, SOA)
    if soa is None:
        return Failed("lame", "no DS, and no SOA of the parent that would prove it")
    ttl = min(soa.ttl, soa[0].minimum)
    return _judged((), ttl, believed, denial_problem(message, child, parent, believed.keys, now))


def _judged(ds: tuple[Ds, ...], ttl: int, believed: Believed, problem: str) -> DsAnswer:
    if believed.trust != "secure":
        return DsAnswer(ds, ttl, believed.trust, believed.detail)
    return DsAnswer(ds, ttl, "bogus" if problem else "secure", problem)


def denial_problem(
    message: dns.message.Message, child: dns.name.Name, parent: dns.name.Name, keys: tuple[Dnskey, ...], now: int
) -> str:
    """Return why an answer does not prove that there is no DS; empty if it does (RFC 4035 5.2, RFC 5155 8.6, 8.9)."""
    proofs = [records for records in message.authority if records.rdtype in {NSEC, NSEC3}]
    if not proofs:
        return "nothing proves that there is no DS"
    for records in proofs:
        rrsigs = signatures(message.authority, records.name, int(records.rdtype))
        signed = signed_by(records, rrsigs, parent, keys, now)
        if signed.keys and _denies(records, child, parent):
            return ""
    return "the proof that there is no DS does not validate"


def _denies(records: dns.rrset.RRset, child: dns.name.Name, parent: dns.name.Name) -> bool:
    rdata = records[0]
    if records.rdtype == NSEC:
        if records.name == child:
            return not _has(rdata, DS) and not _has(rdata, SOA)
        return bool(records.name < child < rdata.next or (rdata.next == parent and records.name < child))
    if rdata.iterations > MOST_ITERATIONS or rdata.algorithm != 1:
        return False
    hashed = _nsec3_hash(child, rdata.salt, rdata.iterations)
    owner = _base32(records.name.labels[0])
    if owner == hashed:
        return not _has(rdata, DS) and not _has(rdata, SOA)
    covered = owner < hashed < rdata.next if owner < rdata.next else hashed > owner or hashed < rdata.next
    return bool(rdata.flags & 1) and covered


def _has(rdata: object, rdtype: int) -> bool:
    for window, bitmap in rdata.windows:  # type: ignore[attr-defined]  # NSEC and NSEC3 have them
        offset = rdtype - window * 256
        if 0 <= offset < len(bitmap) * 8 and bitmap[offset // 8] & (0x80 >> offset % 8):
            return True
    return False


def _nsec3_hash(name: dns.name.Name, salt: bytes, iterations: int) -> bytes:
    digest = hashlib.sha1((name.canonicalize().to_wire() or b"") + salt).digest()  # noqa: S324  # RFC 5155 knows no other
    for _ in range(iterations):
        digest = hashlib.sha1(digest + salt).digest()  # noqa: S324  # same
    return digest


def _base32(label: bytes) -> bytes:
    import base64
    import binascii

    table = bytes.maketrans(b"0123456789ABCDEFGHIJKLMNOPQRSTUV", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    try:
        return base64.b32decode(label.upper().translate(table))
    except binascii.Error:
        return b""
