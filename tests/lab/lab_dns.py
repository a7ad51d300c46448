"""Questions to the lab's servers, asked with dnspython and nothing of the project."""

from __future__ import annotations

from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from dnsplan.model.records import Dnskey, Ds, dnskey_from_rdata, ds_from_rdata


@dataclass(frozen=True)
class Server:
    """Where a server listens."""

    address: str
    port: int = 53


def ask(server: Server, name: str, rrtype: str, *, recursion: bool = False, timeout: float = 2) -> dns.message.Message:
    """Return the answer of a server, over TCP if it does not fit."""
    flags = dns.flags.RD | dns.flags.AD if recursion else 0
    query = dns.message.make_query(name, rrtype, flags=flags, use_edns=0, payload=1232, want_dnssec=True)
    return dns.query.udp_with_fallback(query, server.address, timeout=timeout, port=server.port)[0]


def answers(server: Server, name: str, rrtype: str) -> bool:
    """Tell soon whether the server answers with authority and NOERROR."""
    try:
        response = ask(server, name, rrtype, timeout=0.2)
    except (OSError, dns.exception.DNSException):
        return False
    return response.rcode() == dns.rcode.NOERROR and bool(response.flags & dns.flags.AA)


def rrset(server: Server, name: str, rrtype: str) -> dns.rrset.RRset | None:
    """Return an RRset of the answer."""
    response = ask(server, name, rrtype)
    owner = dns.name.from_text(name)
    return response.get_rrset(response.answer, owner, dns.rdataclass.IN, dns.rdatatype.from_text(rrtype))


def wires(server: Server, name: str, rrtype: str) -> list[bytes]:
    """Return the RDATAs of an answer."""
    return [rdata.to_wire() or b"" for rdata in rrset(server, name, rrtype) or ()]


def ds_of(server: Server, zone: str) -> tuple[Ds, ...]:
    """Return the DS that a parent's server serves, sorted."""
    return tuple(sorted(ds_from_rdata(wire) for wire in wires(server, f"{zone}.", "DS")))


def keys_of(server: Server, zone: str) -> tuple[Dnskey, ...]:
    """Return the DNSKEYs that a child's server serves, sorted."""
    return tuple(sorted(dnskey_from_rdata(wire) for wire in wires(server, f"{zone}.", "DNSKEY")))


def signed_by(server: Server, zone: str, rrtype: str) -> set[int]:
    """Return the key tags in the signatures over an RRset at the apex."""
    response = ask(server, f"{zone}.", rrtype)
    return {
        signature.key_tag
        for found in response.answer
        if found.rdtype == dns.rdatatype.RRSIG and found.covers == dns.rdatatype.from_text(rrtype)
        for signature in found
    }
