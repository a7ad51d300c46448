"""A sweep of one zone with dnspython alone: every address asked, every signature verified."""

from __future__ import annotations

import time
from collections.abc import Iterable

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
from lab import CC, CHILD_1, CHILD_2, TLD
from lab_dns import Server, ask

from dnsplan.model.observation import ChildAnswer, ChildView, Observation, ParentAnswer, ParentView, Unreachable
from dnsplan.model.records import Dnskey, KeyId, dnskey_from_rdata, ds_from_rdata

PARENTS = {"tld": TLD, "cc": CC}
Section = Iterable[dns.rrset.RRset]


def sweep(zone: str) -> Observation:
    """Return what every server of the zone and of its parent answers now."""
    parent = zone.partition(".")[2]
    children = tuple(_child(server, zone) for server in (CHILD_1, CHILD_2))
    return Observation(
        zone=zone,
        at=int(time.time()) + 1,  # noqa: TID251  # the lab lives in real time; rounded up, so that no wait is too short
        parent_zone=parent,
        parent=(_parent(PARENTS[parent], zone),),
        child=children,
    )


def _parent(server: Server, zone: str) -> ParentView:
    try:
        response = ask(server, f"{zone}.", "DS")
    except (OSError, dns.exception.DNSException) as error:
        return Unreachable(address=server.address, reason="timeout", detail=str(error))
    found = _of(response.answer, "DS")
    ds = tuple(sorted(ds_from_rdata(rdata.to_wire() or b"") for rdata in found or ()))
    return ParentAnswer(
        address=server.address,
        ds=ds,
        ttl=_ttl(response.answer) if ds else _negative_ttl(response.authority),
        trust="secure",
    )


def _child(server: Server, zone: str) -> ChildView:
    try:
        keys, soa, ns = (ask(server, f"{zone}.", rrtype) for rrtype in ("DNSKEY", "SOA", "NS"))
        absent = ask(server, f"{zone}.", "NULL")
    except (OSError, dns.exception.DNSException) as error:
        return Unreachable(address=server.address, reason="timeout", detail=str(error))
    found = _of(keys.answer, "DNSKEY")
    shown = tuple(sorted(dnskey_from_rdata(rdata.to_wire() or b"") for rdata in found or ()))
    samples = [soa.answer, ns.answer, absent.authority]
    signers = [_signers(section, zone, found, shown) for section in samples]
    negative = _negative_ttl(absent.authority)
    return ChildAnswer(
        address=server.address,
        keys=shown,
        key_signers=_signers(keys.answer, zone, found, shown),
        key_ttl=_ttl(keys.answer) if shown else negative,
        zone_signers=frozenset.intersection(*signers),
        zone_ttl=max(_ttl(section) for section in samples),
        negative_ttl=negative,
        zone_mixed=any(signers) and not frozenset.intersection(*signers),
    )


def _of(section: Section, rrtype: str) -> dns.rrset.RRset | None:
    return next((rrset for rrset in section if rrset.rdtype == dns.rdatatype.from_text(rrtype)), None)


def _ttl(section: Section) -> int:
    ttls = [rrset.ttl for rrset in section]
    ttls += [rdata.original_ttl for rrset in section if rrset.rdtype == dns.rdatatype.RRSIG for rdata in rrset]
    return max(ttls, default=0)


def _negative_ttl(section: Section) -> int:
    soa = _of(section, "SOA")
    return min(soa.ttl, soa[0].minimum) if soa else 0


def _signers(section: Section, zone: str, keys: dns.rrset.RRset | None, shown: tuple[Dnskey, ...]) -> frozenset[KeyId]:
    """Return the keys whose signatures verify over every RRset of a section."""
    verified: list[frozenset[KeyId]] = []
    apex = dns.name.from_text(f"{zone}.")
    signatures = [rrset for rrset in section if rrset.rdtype == dns.rdatatype.RRSIG]
    for rrset in section:
        if rrset.rdtype == dns.rdatatype.RRSIG:
            continue
        good = set()
        for signature in (rdata for found in signatures if found.name == rrset.name for rdata in found):
            if signature.covers() != rrset.rdtype:
                continue
            for key in shown:
                if key.key_tag == signature.key_tag and _verifies(rrset, signature, apex, keys, key):
                    good.add(key.id)
        verified.append(frozenset(good))
    return frozenset.intersection(*verified) if verified else frozenset()


def _verifies(rrset: dns.rrset.RRset, signature: object, apex: dns.name.Name, keys: object, key: Dnskey) -> bool:
    one = dns.rrset.from_rdata_list(apex, 0, [rdata for rdata in keys or () if rdata.to_wire() == key.rdata])
    try:
        dns.dnssec.validate_rrsig(rrset, signature, {apex: one})
    except dns.dnssec.ValidationFailure:
        return False
    return True
