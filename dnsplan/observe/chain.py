"""Trust from the anchors down: which keys of which zone are believed, and what a parent's answer about a DS proves."""

from __future__ import annotations

from dataclasses import dataclass

import dns.message
import dns.name

from dnsplan.model.observation import Trust
from dnsplan.model.records import (
    ALGORITHMS,
    DIGEST_TYPES,
    ZONE_KEY,
    Dnskey,
    Ds,
    ds_from_rdata,
    make_ds,
    parse_dnskey,
    parse_ds,
)
from dnsplan.observe.crypto import keys_of, original_ttl, signed_by
from dnsplan.observe.denial import TooManyIterationsError, why_unproven
from dnsplan.observe.memory import Memory
from dnsplan.observe.transport import Answer, Failed
from dnsplan.observe.walk import Cut, Walk, failure, is_authoritative
from dnsplan.observe.wire import DNSKEY, DS, SOA, rdatas, rrset, signatures, text_of

BUILTIN_ANCHORS = (
    "20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    "38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
)
"""The root's KSKs of 2017 and 2024, https://data.iana.org/root-anchors/root-anchors.xml."""


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

    def __init__(self, walk: Walk, anchors: tuple[str, ...] | None, now: int) -> None:
        self._walk, self._now = walk, now
        self._anchors = BUILTIN_ANCHORS if anchors is None else anchors
        self._memory = Memory()

    async def believed(self, cut: Cut) -> Believed:
        """Return the trust in a zone above the ones observed; validated once for a run."""
        circle = Believed("bogus", detail="the chain of trust goes in circles")
        return await self._memory.once(("believed", cut.zone), lambda: self._believe(cut), circular=circle)

    async def _believe(self, cut: Cut) -> Believed:
        if not self._anchors:
            return Believed("insecure", detail="no trust anchor is configured")
        if cut.parent is None:
            return await self._keys(cut, anchors=self._anchors)
        above = await self._walk.cut_above(cut.parent)
        if isinstance(above, str):
            return Believed("bogus", detail=above)
        parent = await self.believed(above)
        return parent if parent.trust != "secure" else await self._below(above, parent, cut)

    async def _below(self, above: Cut, parent: Believed, cut: Cut) -> Believed:
        """Return the trust in a zone whose parent is secure."""

        def judge(message: Answer) -> DsAnswer | Failed:
            seen = ds_answer(message, cut.zone, above.zone, parent, self._now)
            return Failed("malformed", seen.detail) if isinstance(seen, DsAnswer) and seen.trust == "bogus" else seen

        results = [result for _, result in await self._walk.first(above, cut.zone, DS, judge)]
        answer = next((result for result in results if isinstance(result, DsAnswer)), None)
        if answer is None:
            why = next((result.detail for result in results if isinstance(result, Failed)), "no address in sight")
            return Believed("bogus", detail=f"nothing valid is said about the DS of {text_of(cut.zone)}: {why}")
        if answer.trust == "secure" and answer.ds:
            return await self._keys(cut, ds=answer.ds)
        return Believed("insecure", detail=answer.detail or f"{text_of(cut.zone)} has no DS")

    async def _keys(self, cut: Cut, *, anchors: tuple[str, ...] = (), ds: tuple[Ds, ...] = ()) -> Believed:
        """Return the zone's keys as validated by trust anchors or DS, from the first server whose answer validates."""
        name = text_of(cut.zone)
        if ds and not any(each.digest_type in DIGEST_TYPES and each.algorithm in ALGORITHMS for each in ds):
            return Believed("insecure", detail=f"no DS of {name} has a supported algorithm and digest type")

        def judge(message: Answer) -> tuple[Dnskey, ...] | Failed:
            if not is_authoritative(message):
                return failure(message) or Failed("lame", "the answer is not authoritative")
            records = rrset(message.answer, cut.zone, DNSKEY)
            keys = keys_of(records)
            entries = frozenset(key.id for key in keys if _is_vouched(key, cut.zone, anchors, ds))
            signed = signed_by(records, signatures(message.answer, cut.zone, DNSKEY), cut.zone, keys, self._now)
            if entries & signed.keys:
                return keys
            return Failed("malformed", signed.problem if entries else "no key matches the DS or the trust anchor")

        results = [result for _, result in await self._walk.first(cut, cut.zone, DNSKEY, judge)]
        valid = next((result for result in results if not isinstance(result, Failed)), None)
        if valid is not None:
            return Believed("secure", valid)
        why = next((result.detail for result in results if isinstance(result, Failed)), "no address in sight")
        return Believed("bogus", detail=f"the DNSKEY RRset of {name} does not validate: {why}")


def _is_vouched(key: Dnskey, zone: dns.name.Name, anchors: tuple[str, ...], ds: tuple[Ds, ...]) -> bool:
    for anchor in anchors:
        fields = anchor.split()
        if fields[1] == "3" and int(fields[0]) & ZONE_KEY:
            if parse_dnskey(anchor) == key:
                return True
        elif _matches(key, zone, parse_ds(anchor)):
            return True
    return any(_matches(key, zone, record) for record in ds)


def _matches(key: Dnskey, zone: dns.name.Name, ds: Ds) -> bool:
    return ds.digest_type in DIGEST_TYPES and make_ds(text_of(zone), key, ds.digest_type) == ds


def ds_answer(
    message: Answer, child: dns.name.Name, parent: dns.name.Name, believed: Believed, now: int
) -> DsAnswer | Failed:
    """Return what an answer to the question for a DS says and proves; Failed if it is no answer of the parent's."""
    problem = failure(message)
    if problem is not None or isinstance(message, Failed):
        return problem or Failed("lame")
    if not is_authoritative(message):
        return Failed("lame", "the answer is not authoritative")
    records = rrset(message.answer, child, DS)
    if records is None:
        return _no_ds(message, child, parent, believed, now)
    rrsigs = signatures(message.answer, child, DS)
    try:
        ds = tuple(sorted(ds_from_rdata(wire) for wire in rdatas(records)))
    except ValueError as error:
        return Failed("malformed", str(error))
    ttl = max(records.ttl, original_ttl(rrsigs, parent))
    if believed.trust != "secure":
        return DsAnswer(ds, ttl, believed.trust, believed.detail)
    signed = signed_by(records, rrsigs, parent, believed.keys, now)
    return DsAnswer(ds, ttl, "secure") if signed.keys else DsAnswer(ds, ttl, "bogus", f"the DS: {signed.problem}")


def _no_ds(
    message: dns.message.Message, child: dns.name.Name, parent: dns.name.Name, believed: Believed, now: int
) -> DsAnswer | Failed:
    soa = rrset(message.authority, parent, SOA)
    if soa is None:
        return Failed("lame", "no DS, and no SOA of the parent that would say so")
    ttl = min(soa.ttl, soa[0].minimum)
    if believed.trust != "secure":
        return DsAnswer((), ttl, believed.trust, believed.detail)
    try:
        problem = why_unproven(message, child, parent, believed.keys, now)
    except TooManyIterationsError:
        return DsAnswer((), ttl, "insecure", "the proof that there is no DS has too many NSEC3 iterations")
    return DsAnswer((), ttl, "bogus" if problem else "secure", problem)
