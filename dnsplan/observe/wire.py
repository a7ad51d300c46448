"""Queries as templates, and answers accepted only when they match; parsing bounded by one message.

Whatever a server sends, nothing here raises: what cannot be parsed is None.
"""

from __future__ import annotations

import secrets
import struct
from functools import lru_cache

import dns.flags
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset

PAYLOAD = 1232
_HEADER = struct.Struct("!HHHHHH")
_OPT = b"\0" + struct.pack("!HHIH", 41, PAYLOAD, 0x8000, 0)
"""An OPT record with DO set and no options (RFC 6891 section 6.1)."""

NS, SOA, A, AAAA = (int(getattr(dns.rdatatype, name)) for name in ("NS", "SOA", "A", "AAAA"))
DS, DNSKEY, CDS, CDNSKEY = (int(getattr(dns.rdatatype, name)) for name in ("DS", "DNSKEY", "CDS", "CDNSKEY"))
NSEC, NSEC3, DNAME = (int(getattr(dns.rdatatype, name)) for name in ("NSEC", "NSEC3", "DNAME"))
_IN = dns.rdataclass.IN


@lru_cache(maxsize=65536)
def question(name: dns.name.Name, rdtype: int) -> bytes:
    """Return the question section of a query in class IN."""
    return (name.to_wire() or b"") + struct.pack("!HH", rdtype, 1)


def query(number: int, asked: bytes) -> bytes:
    """Return a query with this id: no recursion desired, DO, EDNS payload 1232."""
    return _HEADER.pack(number, 0, 1, 0, 0, 1) + asked + _OPT


def new_id() -> int:
    """Return an unpredictable query id (RFC 5452 section 4.3)."""
    return secrets.randbelow(65536)


def matches(data: bytes, number: int, asked: bytes) -> bool:
    """Tell whether a datagram answers exactly this query: id, QR, opcode and question (RFC 5452 section 9.1)."""
    if len(data) < 12 + len(asked):
        return False
    got, flags, questions = struct.unpack("!HHH", data[:6])
    end = 12 + len(asked)
    return (
        got == number
        and flags & 0xF800 == 0x8000
        and questions == 1
        and data[end - 4 : end] == asked[-4:]
        and data[12 : end - 4].lower() == asked[:-4].lower()
    )


def is_truncated(data: bytes) -> bool:
    """Tell whether TC is set."""
    return bool(data[2] & 0x02)


@lru_cache(maxsize=16384)
def _parsed(data: bytes) -> dns.message.Message | None:
    try:
        return dns.message.from_wire(b"\0\0" + data, ignore_trailing=True)
    except Exception:  # noqa: BLE001  # hostile bytes in a foreign parser: whatever it raises, they are malformed
        return None


def parse(data: bytes) -> dns.message.Message | None:
    """Return the message; None if it is malformed. Equal bytes (whatever their id) are parsed once."""
    return _parsed(data[2:])


def rrset(section: list[dns.rrset.RRset], name: dns.name.Name, rdtype: int, covers: int = 0) -> dns.rrset.RRset | None:
    """Return the RRset of a section; None if it is not there."""
    for records in section:
        if (
            records.rdtype == rdtype
            and records.rdclass == _IN
            and records.covers == covers
            and len(records)
            and records.name == name
        ):
            return records
    return None


def signatures(section: list[dns.rrset.RRset], name: dns.name.Name, covers: int) -> dns.rrset.RRset | None:
    """Return the RRSIG RRset that covers a type."""
    return rrset(section, name, int(dns.rdatatype.RRSIG), covers)


def rdatas(records: dns.rrset.RRset | None) -> tuple[bytes, ...]:
    """Return the wire form of each record's data."""
    return tuple(rdata.to_wire() or b"" for rdata in records or ())


def ns_names(records: dns.rrset.RRset | None) -> frozenset[dns.name.Name]:
    """Return the servers that an NS RRset names, in lower case."""
    return frozenset(rdata.target.canonicalize() for rdata in records or ())


def text_of(name: dns.name.Name) -> str:
    """Return a name as observations write it: lower case, without the final dot; the root is a dot."""
    return name.canonicalize().to_text(omit_final_dot=True) if len(name.labels) > 1 else "."
