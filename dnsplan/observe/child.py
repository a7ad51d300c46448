"""One child server's answers at the apex: keys, who signs them, who signs the data, and what it signals."""

from __future__ import annotations

import asyncio
import secrets

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from dnsplan.model.observation import ChildAnswer, ChildView, Unreachable
from dnsplan.model.records import Dnskey, Ds, KeyId, dnskey_from_rdata, ds_from_rdata
from dnsplan.observe.crypto import Signed, keys_of, signed_by
from dnsplan.observe.transport import Answer, Failed, Transport
from dnsplan.observe.wire import rrset, signatures

DNSKEY, SOA, NS, CDS, CDNSKEY, A, NSEC, NSEC3 = (
    int(getattr(dns.rdatatype, name)) for name in ("DNSKEY", "SOA", "NS", "CDS", "CDNSKEY", "A", "NSEC", "NSEC3")
)


async def ask_child(transport: Transport, address: str, zone: dns.name.Name, now: int) -> ChildView:
    """Return everything that one server says about the zone, or why it says nothing usable."""
    try:
        absent = dns.name.Name((f"dsplan-{secrets.token_hex(6)}".encode(), *zone.labels))
    except dns.exception.DNSException:
        absent = zone
    questions = ((zone, DNSKEY), (zone, SOA), (zone, NS), (absent, A), (zone, CDS), (zone, CDNSKEY))
    answers = await asyncio.gather(*(transport.ask(address, name, rdtype) for name, rdtype in questions))
    for answer in answers[:4]:
        problem = _problem(answer)
        if problem:
            return Unreachable(address=address, reason=problem.reason, detail=problem.detail)
    messages = [answer for answer in answers if isinstance(answer, dns.message.Message)]
    soa = rrset(messages[1].answer, zone, SOA)
    if soa is None or messages[0].rcode() == dns.rcode.NXDOMAIN:
        return Unreachable(address=address, reason="lame", detail="it serves no SOA for the zone")
    return _answer(address, zone, answers, soa, now)


def _problem(answer: Answer) -> Failed | None:
    if isinstance(answer, Failed):
        return answer
    if answer.rcode() == dns.rcode.REFUSED:
        return Failed("refused", "REFUSED")
    if answer.rcode() == dns.rcode.SERVFAIL:
        return Failed("servfail", "SERVFAIL")
    if answer.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        return Failed("lame", dns.rcode.to_text(answer.rcode()))
    return None if answer.flags & dns.flags.AA else Failed("lame", "the answer is not authoritative")


def _answer(address: str, zone: dns.name.Name, answers: list[Answer], soa: dns.rrset.RRset, now: int) -> ChildAnswer:
    dnskey, _, ns, _ = (answer for answer in answers[:4] if isinstance(answer, dns.message.Message))
    keyset = rrset(dnskey.answer, zone, DNSKEY)
    keys = keys_of(keyset)
    signed = signed_by(keyset, signatures(dnskey.answer, zone, DNSKEY), zone, keys, now)
    negative = min(soa.ttl, soa[0].minimum)
    samples = _samples(answers, zone, keys, now)
    ns_records = rrset(ns.answer, zone, NS)
    everyone = frozenset[KeyId]().union(*(sample.keys for _, sample in samples))
    all_samples = everyone.intersection(*(sample.keys for _, sample in samples))
    ends = [s.ends for s in (signed, *(sample for _, sample in samples)) if s.ends is not None]
    problems = [s.problem for s in (signed, *(sample for _, sample in samples)) if s.problem and keys]
    return ChildAnswer(
        address=address,
        keys=keys,
        key_signers=signed.keys,
        key_ttl=negative if keyset is None else max(keyset.ttl, signed.original_ttl),
        zone_signers=all_samples,
        zone_ttl=max(max(records.ttl, sample.original_ttl) for records, sample in samples),
        negative_ttl=negative,
        zone_mixed=bool(everyone) and not all_samples,
        serial=soa[0].serial,
        ns=frozenset(rdata.target.to_text(omit_final_dot=True).lower() for rdata in ns_records or ()),
        ns_ttl=ns_records.ttl if ns_records is not None else 0,
        cds=_cds(answers[4], zone),
        cdnskey=_cdnskey(answers[5], zone),
        signatures_end=min(ends, default=None),
        detail=problems[0] if problems else "",
    )


def _samples(
    answers: list[Answer], zone: dns.name.Name, keys: tuple[Dnskey, ...], now: int
) -> list[tuple[dns.rrset.RRset, Signed]]:
    """Return the sampled RRsets of the zone's data with the keys that sign each: SOA, NS, and the negative answer's."""
    found: list[tuple[dns.rrset.RRset, Signed]] = []
    for answer, kinds in ((answers[1], {SOA}), (answers[2], {NS}), (answers[3], {NSEC, NSEC3, SOA})):
        if isinstance(answer, dns.message.Message):
            records = answer.authority if NSEC in kinds else answer.answer
            for data in records:
                if data.rdtype in kinds and (data.name == zone or NSEC in kinds):
                    rrsigs = signatures(records, data.name, int(data.rdtype))
                    found.append((data, signed_by(data, rrsigs, zone, keys, now)))
    return found


def _cds(answer: Answer, zone: dns.name.Name) -> tuple[Ds, ...]:
    records = rrset(answer.answer, zone, CDS) if isinstance(answer, dns.message.Message) else None
    return tuple(sorted(ds_from_rdata(rdata.to_wire() or b"") for rdata in records or ()))


def _cdnskey(answer: Answer, zone: dns.name.Name) -> tuple[Dnskey, ...]:
    records = rrset(answer.answer, zone, CDNSKEY) if isinstance(answer, dns.message.Message) else None
    return tuple(sorted(dnskey_from_rdata(rdata.to_wire() or b"") for rdata in records or ()))
