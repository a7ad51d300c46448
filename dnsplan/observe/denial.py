"""Does an answer prove that there is no DS: NSEC and NSEC3, with bounded work.

RFC 4035 section 5.4, RFC 5155 section 8, RFC 6840 section 4.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from functools import lru_cache

import dns.message
import dns.name
import dns.rdata
import dns.rrset

from dnsplan.model.records import Dnskey
from dnsplan.observe.crypto import signed_by
from dnsplan.observe.wire import DNAME, DS, NS, NSEC, NSEC3, SOA, signatures

MOST_ITERATIONS = 150
"""Above it a validator may treat the answer as insecure (RFC 9276 section 3.2)."""
MOST_PROOFS = 8
NOT_PROVEN = "the proof that there is no DS does not validate"
_TO_BASE32 = bytes.maketrans(b"0123456789ABCDEFGHIJKLMNOPQRSTUV", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


class TooManyIterationsError(Exception):
    """The proof is too dear to check; never leaves this package."""


def why_unproven(
    message: dns.message.Message, child: dns.name.Name, parent: dns.name.Name, keys: tuple[Dnskey, ...], now: int
) -> str:
    """Return why an answer does not prove that the parent has no DS for the child; empty if it does.

    Raise TooManyIterationsError where validators take the answer for insecure. An opt-out proof is one: there is no
    DS, whether the delegation exists or not (RFC 5155 section 8.6).
    """
    proofs = [records for records in message.authority if records.rdtype in {NSEC, NSEC3} and records.rdclass == 1]
    if not proofs:
        return "nothing proves that there is no DS"
    valid = []
    problem = ""
    for records in proofs[:MOST_PROOFS]:
        rrsigs = signatures(message.authority, records.name, int(records.rdtype))
        signed = signed_by(records, rrsigs, parent, keys, now)
        problem = problem or signed.problem
        if signed.keys:
            valid.append(records)
    if denies(valid, child, parent):
        return ""
    return f"{NOT_PROVEN}: {problem}" if problem else f"{NOT_PROVEN}: it is about other names"


def denies(proofs: list[dns.rrset.RRset], child: dns.name.Name, parent: dns.name.Name) -> bool:
    """Tell whether NSEC or NSEC3 that the parent has signed leave no room for a DS of the child."""
    if any(_nsec_denies(records, child, parent) for records in proofs if records.rdtype == NSEC):
        return True
    return _nsec3_denies([records for records in proofs if records.rdtype == NSEC3], child, parent)


def _nsec_denies(records: dns.rrset.RRset, child: dns.name.Name, parent: dns.name.Name) -> bool:
    rdata, owner = records[0], records.name
    if owner == child:
        return not has_type(rdata, DS) and not has_type(rdata, SOA)
    if child.is_subdomain(owner) and (has_type(rdata, DNAME) or (has_type(rdata, NS) and not has_type(rdata, SOA))):
        return False  # it stands above a cut or a DNAME, and says nothing about names below (RFC 6840 4.1)
    return bool(owner < child and (child < rdata.next or rdata.next == parent))


def _nsec3_denies(proofs: list[dns.rrset.RRset], child: dns.name.Name, parent: dns.name.Name) -> bool:
    ring = [(_owner_hash(records.name), records[0]) for records in proofs if records[0].algorithm == 1]
    if any(rdata.iterations > MOST_ITERATIONS for _, rdata in ring):
        raise TooManyIterationsError
    for rdata in (rdata for owner, rdata in ring if owner == _hash_of(child, rdata)):
        return not has_type(rdata, DS) and not has_type(rdata, SOA)
    closer = child
    while closer != parent and len(closer.labels) > 1:
        encloser = closer.parent()
        if any(owner == _hash_of(encloser, rdata) for owner, rdata in ring):
            return any(_covers(owner, rdata, closer) for owner, rdata in ring)
        closer = encloser
    return False


def _covers(owner: bytes, rdata: dns.rdata.Rdata, name: dns.name.Name) -> bool:
    hashed, following = _hash_of(name, rdata), bytes(rdata.next)  # type: ignore[attr-defined]  # an NSEC3
    if owner < following:
        return owner < hashed < following
    return hashed > owner or hashed < following


def has_type(rdata: dns.rdata.Rdata, rdtype: int) -> bool:
    """Tell whether the type bitmap of an NSEC or NSEC3 has a type."""
    for window, bitmap in rdata.windows:  # type: ignore[attr-defined]  # NSEC and NSEC3 have them
        offset = rdtype - window * 256
        if 0 <= offset < len(bitmap) * 8 and bitmap[offset // 8] & (0x80 >> offset % 8):
            return True
    return False


def _hash_of(name: dns.name.Name, rdata: dns.rdata.Rdata) -> bytes:
    return nsec3_hash(name.canonicalize(), rdata.salt, rdata.iterations)  # type: ignore[attr-defined]  # an NSEC3


@lru_cache(maxsize=8192)
def nsec3_hash(name: dns.name.Name, salt: bytes, iterations: int) -> bytes:
    """Return the hash of a name in canonical form (RFC 5155 section 5)."""
    digest = hashlib.sha1((name.to_wire() or b"") + salt).digest()  # noqa: S324  # RFC 5155 knows no other
    for _ in range(iterations):
        digest = hashlib.sha1(digest + salt).digest()  # noqa: S324  # same
    return digest


def _owner_hash(owner: dns.name.Name) -> bytes:
    try:
        return base64.b32decode(owner.labels[0].upper().translate(_TO_BASE32))
    except binascii.Error:
        return b""
