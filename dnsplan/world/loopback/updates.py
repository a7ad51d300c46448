"""Dynamic updates (RFC 2136) of one zone of the loopback world, with TSIG (RFC 8945).

Takes changes of DS RRsets at delegations and nothing else; prerequisites are honoured as the RFC says.
"""

from __future__ import annotations

import struct

import dns.exception
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.update
from dns.rdtypes.ANY.TSIG import TSIG

from dnsplan.world.loopback.zones import Zone

ANY = dns.rdatatype.ANY
BADSIG, BADKEY = 16, 17
FUDGE = 300


def apply_update(request: dns.update.UpdateMessage, zone: Zone | None) -> dns.message.Message:
    """Carry out an update whose TSIG was verified, or refuse it; return the response."""
    response = dns.message.make_response(request)
    response.set_rcode(_carry_out(request, zone))
    return response


def refuse_key(wire: bytes, error: int) -> bytes | None:
    """Return NOTAUTH with an unsigned TSIG record that says why (RFC 8945 5.2); None for what is no request at all."""
    try:
        request = dns.message.from_wire(wire, keyring=False)
    except (dns.exception.DNSException, ValueError):
        return None
    if request.tsig is None:
        return None
    asked = request.tsig[0]
    refusal = TSIG(
        dns.rdataclass.ANY, dns.rdatatype.TSIG, asked.algorithm, asked.time_signed, FUDGE, b"", request.id, error, b""
    )  # type: ignore[no-untyped-call]
    rdata = refusal.to_wire() or b""
    owner = request.tsig.name.to_wire() or b""
    header = struct.pack("!HBBHHHH", request.id, wire[2] | 0x80, int(dns.rcode.NOTAUTH), 0, 0, 0, 1)
    fixed = struct.pack("!HHIH", dns.rdatatype.TSIG, dns.rdataclass.ANY, 0, len(rdata))
    return header + owner + fixed + rdata


def _carry_out(request: dns.update.UpdateMessage, zone: Zone | None) -> dns.rcode.Rcode:
    if not request.had_tsig:
        return dns.rcode.REFUSED
    if zone is None or request.zone[0].name != zone.origin:
        return dns.rcode.NOTAUTH
    with zone.lock:
        for wanted in _merged(request.prerequisite):
            if (code := _check(wanted, zone)) != dns.rcode.NOERROR:
                return code
        if any(not _allowed(change, zone) for change in request.update):
            return dns.rcode.REFUSED
        for name in dict.fromkeys(change.name for change in request.update):
            _change_ds(name, [change for change in request.update if change.name == name], zone)
    return dns.rcode.NOERROR


def _merged(prerequisites: list[dns.rrset.RRset]) -> list[dns.rrset.RRset]:
    """Return the prerequisites with the records of one RRset that is to be compared by value put together."""
    merged: dict[tuple[object, ...], dns.rrset.RRset] = {}
    for rrset in prerequisites:
        place = (rrset.name, rrset.rdtype, rrset.deleting)
        if place in merged:
            merged[place].union_update(rrset)  # type: ignore[no-untyped-call]
        else:
            merged[place] = rrset
    return list(merged.values())


def _check(wanted: dns.rrset.RRset, zone: Zone) -> dns.rcode.Rcode:
    """Return NOERROR when a prerequisite holds (RFC 2136 section 3.2)."""
    rdatasets = zone.newest.records.get(wanted.name, {})
    held = rdatasets.get(wanted.rdtype)
    exists = bool(rdatasets) if wanted.rdtype == ANY else held is not None
    if wanted.deleting == dns.rdataclass.NONE:
        absent_code = dns.rcode.YXDOMAIN if wanted.rdtype == ANY else dns.rcode.YXRRSET
        return absent_code if exists else dns.rcode.NOERROR
    missing_code = dns.rcode.NXDOMAIN if wanted.rdtype == ANY else dns.rcode.NXRRSET
    if not exists:
        return missing_code
    by_value = wanted.deleting is None and held is not None
    return missing_code if by_value and set(held or ()) != set(wanted) else dns.rcode.NOERROR


def _allowed(change: dns.rrset.RRset, zone: Zone) -> bool:
    is_delegation = change.name != zone.origin and zone.newest.find(change.name, dns.rdatatype.NS) is not None
    return change.rdtype == dns.rdatatype.DS and is_delegation


def _change_ds(name: dns.name.Name, changes: list[dns.rrset.RRset], zone: Zone) -> None:
    held = zone.newest.find(name, dns.rdatatype.DS)
    wanted, ttl = set(held or ()), held.ttl if held else 0
    for change in changes:
        if change.deleting == dns.rdataclass.ANY:
            wanted = set()
        elif change.deleting == dns.rdataclass.NONE:
            wanted -= set(change)
        else:
            wanted |= set(change)
            ttl = change.ttl
    zone.put(name, dns.rdatatype.DS, dns.rdataset.from_rdata_list(ttl, sorted(wanted)) if wanted else None)
