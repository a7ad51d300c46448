"""One child server's answers at the apex: keys, who signs them, who signs the data, and what it signals."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rrset

from dnsplan.model.observation import ChildAnswer, ChildView, Denial, Unreachable
from dnsplan.model.records import Dnskey, KeyId, dnskey_from_rdata, ds_from_rdata
from dnsplan.observe.crypto import UNSIGNED, Signed, keys_of, signed_by
from dnsplan.observe.transport import Answer, Failed, Transport
from dnsplan.observe.walk import failure, is_authoritative
from dnsplan.observe.wire import (
    CDNSKEY,
    CDS,
    DNSKEY,
    NS,
    NSEC,
    NSEC3,
    SOA,
    A,
    ns_names,
    rdatas,
    rrset,
    signatures,
    text_of,
)

QUESTIONS = (DNSKEY, SOA, NS, A, CDS, CDNSKEY)
"""Asked of every server of the zone, at the apex; the address of a name that nobody has."""


@dataclass(frozen=True, slots=True)
class _Answers:
    """The usable answers to the questions."""

    dnskey: dns.message.Message
    soa: dns.message.Message
    ns: dns.message.Message
    negative: dns.message.Message
    cds: dns.message.Message
    cdnskey: dns.message.Message


@dataclass(frozen=True, slots=True)
class _Sample:
    """One RRset of the zone's data."""

    ttl: int
    signed: Signed
    denial: Denial | None = None
    """What it says about names that do not exist, if it is an NSEC or NSEC3."""


async def ask_child(
    transport: Transport, address: str, zone: dns.name.Name, now: int, known: frozenset[Dnskey] = frozenset()
) -> ChildView:
    """Return everything that one server says about the zone, or why it says nothing usable."""
    names = {A: _absent_name(zone)}
    answers = await asyncio.gather(*(transport.ask(address, names.get(rdtype, zone), rdtype) for rdtype in QUESTIONS))
    return judge_child(address, zone, answers, now, known)


def judge_child(
    address: str, zone: dns.name.Name, answers: Sequence[Answer], now: int, known: frozenset[Dnskey] = frozenset()
) -> ChildView:
    """Return what answers to `QUESTIONS` say; `known` keys may sign the data without being published."""
    try:
        seen = _judge(address, zone, answers, now, known)
    except ValueError as error:
        seen = Failed("malformed", str(error))
    return Unreachable(address=address, reason=seen.reason, detail=seen.detail) if isinstance(seen, Failed) else seen


def _absent_name(zone: dns.name.Name) -> dns.name.Name:
    """Return a name below the zone that nobody has; the zone itself where no longer name fits."""
    try:
        return dns.name.Name((f"dsplan-{secrets.token_hex(6)}".encode(), *zone.labels))
    except dns.exception.DNSException:
        return zone


def _judge(
    address: str, zone: dns.name.Name, answers: Sequence[Answer], now: int, known: frozenset[Dnskey]
) -> ChildAnswer | Failed:
    usable = []
    for answer in answers:
        problem = failure(answer)
        if problem is not None:
            return problem
        if not is_authoritative(answer):
            return Failed("lame", "the answer is not authoritative")
        usable.append(answer)
    seen = _Answers(*usable)
    soa = rrset(seen.soa.answer, zone, SOA)
    if soa is None:
        return Failed("lame", "it serves no SOA for the zone")
    keyset = rrset(seen.dnskey.answer, zone, DNSKEY)
    if keyset is None and (
        seen.dnskey.rcode() == dns.rcode.NXDOMAIN or rrset(seen.dnskey.authority, zone, SOA) is None
    ):
        return Failed("lame", "no DNSKEY, and no SOA that would say so")
    return _answer(address, zone, seen, soa, now, known)


def _answer(
    address: str,
    zone: dns.name.Name,
    seen: _Answers,
    soa: dns.rrset.RRset,
    now: int,
    known: frozenset[Dnskey],
) -> ChildAnswer:
    keyset = rrset(seen.dnskey.answer, zone, DNSKEY)
    keys = keys_of(keyset)
    signed = signed_by(keyset, signatures(seen.dnskey.answer, zone, DNSKEY), zone, keys, now)
    samples = _samples(seen, zone, tuple(sorted({*keys, *known})), now)
    anyone = frozenset[KeyId]().union(*(sample.signed.keys for sample in samples))
    everywhere = anyone.intersection(*(sample.signed.keys for sample in samples))
    judged = (signed, *(sample.signed for sample in samples))
    negative = min(soa.ttl, soa[0].minimum)
    ns = rrset(seen.ns.answer, zone, NS)
    return ChildAnswer(
        address=address,
        keys=keys,
        key_signers=signed.keys,
        key_ttl=negative if keyset is None else max(keyset.ttl, signed.original_ttl),
        zone_signers=everywhere,
        zone_ttl=max(max(sample.ttl, sample.signed.original_ttl) for sample in samples),
        negative_ttl=negative,
        zone_mixed=bool(anyone) and not everywhere,
        serial=soa[0].serial,
        ns=frozenset(text_of(name) for name in ns_names(ns)),
        ns_ttl=0 if ns is None else ns.ttl,
        cds=tuple(sorted(ds_from_rdata(wire) for wire in rdatas(rrset(seen.cds.answer, zone, CDS)))),
        cdnskey=_cdnskeys(rrset(seen.cdnskey.answer, zone, CDNSKEY)),
        signatures_end=min((each.ends for each in judged if each.ends is not None), default=None),
        signatures_validity=max(each.validity for each in judged),
        denial=_denial(samples),
        detail=next((each.problem for each in judged if each.problem), "") if keys else "",
    )


def _samples(seen: _Answers, zone: dns.name.Name, keys: tuple[Dnskey, ...], now: int) -> list[_Sample]:
    """Return the samples of the zone's data: SOA, NS, and every RRset that denies the absent name."""
    found = []
    for message, rdtype in ((seen.soa, SOA), (seen.ns, NS)):
        records = rrset(message.answer, zone, rdtype)
        if records is not None:
            found.append(_sample(message.answer, records, zone, keys, now))
    denials = [each for each in seen.negative.authority if each.rdtype in {NSEC, NSEC3, SOA} and each.rdclass == 1]
    found.extend(_sample(seen.negative.authority, each, zone, keys, now) for each in denials)
    if all(each.rdtype == SOA for each in denials):
        found.append(_Sample(0, UNSIGNED))  # a signed zone that denies without a proof does not sign its data
    return found


def _sample(
    section: list[dns.rrset.RRset], records: dns.rrset.RRset, zone: dns.name.Name, keys: tuple[Dnskey, ...], now: int
) -> _Sample:
    rrsigs = signatures(section, records.name, int(records.rdtype))
    return _Sample(records.ttl, signed_by(records, rrsigs, zone, keys, now), _denial_by(records))


def _denial_by(records: dns.rrset.RRset) -> Denial | None:
    if records.rdtype == NSEC3:
        rdata = records[0]
        return Denial(nsec3=True, iterations=rdata.iterations, salt=rdata.salt.hex(), opt_out=bool(rdata.flags & 1))
    return Denial(nsec3=False) if records.rdtype == NSEC else None


def _denial(samples: list[_Sample]) -> Denial | None:
    """Return the one way in which proofs that verify deny; None where there is none, or more than one."""
    found = {each.denial for each in samples if each.denial is not None and each.signed.keys}
    closed = {replace(each, opt_out=False) for each in found}
    if len(closed) != 1:
        return None
    return replace(closed.pop(), opt_out=any(each.opt_out for each in found))


def _cdnskeys(records: dns.rrset.RRset | None) -> tuple[Dnskey, ...]:
    return tuple(sorted(dnskey_from_rdata(wire) for wire in rdatas(records)))
