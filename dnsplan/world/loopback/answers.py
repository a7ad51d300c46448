"""Answers of an authoritative server: data, referrals, proofs of absence (RFC 1034 4.3.2, RFC 4035 3.1).

Pure: it sees one query and the zone versions that one server has. A signed zone denies names as if they existed
without records, which every validator accepts and needs no search for neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataset
import dns.rdatatype
import dns.rrset

from dnsplan.world.loopback.zones import ZoneVersion

PAYLOAD = 1232
"""Largest UDP answer, and the EDNS size that is offered."""

Message = dns.message.Message
Section = list[dns.rrset.RRset]
Addresses = (dns.rdatatype.A, dns.rdatatype.AAAA)


def answer(query: dns.message.QueryMessage, zones: Mapping[dns.name.Name, ZoneVersion]) -> Message:
    """Return the response of a server that has these zones."""
    response = dns.message.make_response(query)
    if query.edns >= 0:
        response.use_edns(0, query.ednsflags & dns.flags.DO, PAYLOAD)
    if len(query.question) != 1:
        response.set_rcode(dns.rcode.FORMERR)
        return response
    name, rdtype = query.question[0].name, query.question[0].rdtype
    zone = _zone_of(name, rdtype, zones)
    if zone is None:
        response.set_rcode(dns.rcode.REFUSED)
        return response
    _Reply(response, zone, wants_dnssec=bool(query.ednsflags & dns.flags.DO)).fill(name, rdtype)
    return response


def to_wire(response: Message, *, limit: int) -> bytes:
    """Return the wire form, truncated with TC when it is larger than `limit` octets (RFC 2181 section 9)."""
    wire = response.to_wire()
    if len(wire) <= limit:
        return wire
    response.flags |= dns.flags.TC
    response.answer, response.authority, response.additional = [], [], []
    return response.to_wire()


def _zone_of(
    name: dns.name.Name, rdtype: dns.rdatatype.RdataType, zones: Mapping[dns.name.Name, ZoneVersion]
) -> ZoneVersion | None:
    """Return the closest zone; for a DS the one above, where this server has it (RFC 4035 3.1.4.1)."""
    enclosing = sorted((origin for origin in zones if name.is_subdomain(origin)), key=len, reverse=True)
    if rdtype == dns.rdatatype.DS and len(enclosing) > 1 and enclosing[0] == name:
        return zones[enclosing[1]]
    return zones[enclosing[0]] if enclosing else None


class _Reply:
    """A response under construction."""

    def __init__(self, response: Message, zone: ZoneVersion, *, wants_dnssec: bool) -> None:
        self.response = response
        self.zone = zone
        self.wants_dnssec = wants_dnssec

    def fill(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> None:
        cut = self.zone.cut_above(name)
        if cut is not None and (cut != name or rdtype != dns.rdatatype.DS):
            self._refer(cut)
            return
        self.response.flags |= dns.flags.AA
        found = self._found(name, rdtype)
        for rdataset in found:
            self._add(self.response.answer, name, rdataset)
        if not found:
            self._deny(name)

    def _found(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> list[dns.rdataset.Rdataset]:
        if rdtype == dns.rdatatype.ANY:
            return list(self.zone.records.get(name, {}).values())[:1]
        if rdtype == dns.rdatatype.NSEC and self.zone.signed and name in self.zone.records:
            return [self.zone.no_such(name)]
        rdataset = self.zone.find(name, rdtype) or self.zone.find(name, dns.rdatatype.CNAME)
        return [rdataset] if rdataset else []

    def _refer(self, cut: dns.name.Name) -> None:
        servers = self.zone.records[cut][dns.rdatatype.NS]
        self._add(self.response.authority, cut, servers, signed=False)
        ds = self.zone.find(cut, dns.rdatatype.DS)
        if self.wants_dnssec and self.zone.signed:
            self._add(self.response.authority, cut, ds or self.zone.no_such(cut))
        for server in servers:
            for rdtype in Addresses:
                if glue := self.zone.find(server.target, rdtype):
                    self._add(self.response.additional, server.target, glue, signed=False)

    def _deny(self, name: dns.name.Name) -> None:
        soa = self.zone.records[self.zone.origin][dns.rdatatype.SOA]
        self._add(self.response.authority, self.zone.origin, soa)
        if self.zone.signed and self.wants_dnssec:
            self._add(self.response.authority, name, self.zone.no_such(name))
        elif not self.zone.signed and not self.zone.exists(name):
            self.response.set_rcode(dns.rcode.NXDOMAIN)

    def _add(
        self, section: Section, name: dns.name.Name, rdataset: dns.rdataset.Rdataset, *, signed: bool = True
    ) -> None:
        section.append(dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset)))
        signature = self.zone.signature(name, rdataset) if signed and self.wants_dnssec else None
        if signature is not None:
            section.append(dns.rrset.from_rdata_list(name, signature.ttl, list(signature)))
