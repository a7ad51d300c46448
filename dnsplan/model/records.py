"""DNSKEY and DS records as values, and the arithmetic that ties one to the other.

The identity of a key is its content, never its key tag: two keys may share a tag (RFC 4034 appendix B).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NewType

KeyId = NewType("KeyId", str)
"""First 32 hex digits of the SHA-256 of a DNSKEY's RDATA."""

ZONE_KEY, REVOKE, SEP = 0x0100, 0x0080, 0x0001

ALGORITHMS = {
    5: "RSASHA1",
    7: "RSASHA1-NSEC3-SHA1",
    8: "RSASHA256",
    10: "RSASHA512",
    13: "ECDSAP256SHA256",
    14: "ECDSAP384SHA384",
    15: "ED25519",
    16: "ED448",
}
"""Algorithms that validators commonly support (IANA DNS Security Algorithm Numbers)."""

DIGEST_TYPES = {1: "SHA-1", 2: "SHA-256", 4: "SHA-384"}
"""Digest types that validators commonly support (IANA DS RR Type Digest Algorithms)."""

_HASHES = {1: hashlib.sha1, 2: hashlib.sha256, 4: hashlib.sha384}


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Dnskey:
    """A DNSKEY's RDATA (RFC 4034 section 2.1); the protocol field is always 3."""

    flags: int
    algorithm: int
    public_key: bytes
    id: KeyId = field(init=False, compare=False, repr=False)
    """The identity by content."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", _key_id(self.rdata))

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def rdata(self) -> bytes:
        """Return the wire form."""
        return struct.pack("!HBB", self.flags, 3, self.algorithm) + self.public_key

    @property
    def key_tag(self) -> int:
        """Return the key tag (RFC 4034 appendix B)."""
        return _key_tag(self.rdata)

    @property
    def is_sep(self) -> bool:
        """Tell whether it is a zone key with the SEP flag and not revoked (RFC 4034 2.1.1, RFC 5011 2.1)."""
        return self.flags & (ZONE_KEY | REVOKE | SEP) == ZONE_KEY | SEP

    def __str__(self) -> str:
        """Return the presentation form of the RDATA."""
        return f"{self.flags} 3 {self.algorithm} {base64.b64encode(self.public_key).decode()}"


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Ds:
    """A DS's RDATA (RFC 4034 section 5.1)."""

    key_tag: int
    algorithm: int
    digest_type: int
    digest: bytes

    @property
    def rdata(self) -> bytes:
        """Return the wire form."""
        return struct.pack("!HBB", self.key_tag, self.algorithm, self.digest_type) + self.digest

    def __str__(self) -> str:
        """Return the presentation form of the RDATA, the digest in upper case."""
        return f"{self.key_tag} {self.algorithm} {self.digest_type} {self.digest.hex().upper()}"


@lru_cache(maxsize=65536)
def _key_tag(rdata: bytes) -> int:
    total = sum(byte if index & 1 else byte << 8 for index, byte in enumerate(rdata))
    return (total + (total >> 16)) & 0xFFFF


@lru_cache(maxsize=65536)
def _key_id(rdata: bytes) -> KeyId:
    return KeyId(hashlib.sha256(rdata).hexdigest()[:32])


def dnskey_from_rdata(rdata: bytes) -> Dnskey:
    """Return the DNSKEY (or CDNSKEY) of a wire RDATA; ValueError if it is too short or its protocol is not 3."""
    if len(rdata) < 4 or rdata[2] != 3:
        message = "not a DNSKEY: its RDATA is too short or its protocol is not 3"
        raise ValueError(message)
    flags, _, algorithm = struct.unpack("!HBB", rdata[:4])
    return Dnskey(flags=flags, algorithm=algorithm, public_key=rdata[4:])


def ds_from_rdata(rdata: bytes) -> Ds:
    """Return the DS (or CDS) of a wire RDATA; ValueError if it is too short."""
    if len(rdata) < 5:
        message = "not a DS: its RDATA is too short"
        raise ValueError(message)
    key_tag, algorithm, digest_type = struct.unpack("!HBB", rdata[:4])
    return Ds(key_tag=key_tag, algorithm=algorithm, digest_type=digest_type, digest=rdata[4:])


def parse_dnskey(text: str) -> Dnskey:
    """Return the DNSKEY of `257 3 13 base64…`; ValueError says what is wrong with it."""
    flags, protocol, algorithm, key = _fields(text, "DNSKEY", "257 3 13 mdssw…")
    if _number(protocol, 255) != 3:
        message = "the protocol field of a DNSKEY is always 3"
        raise ValueError(message)
    try:
        public_key = base64.b64decode(key, validate=True)
    except binascii.Error:
        message = "the public key is not valid base64"
        raise ValueError(message) from None
    return Dnskey(flags=_number(flags, 65535), algorithm=_number(algorithm, 255), public_key=public_key)


def parse_ds(text: str) -> Ds:
    """Return the DS of `20326 8 2 E06D…`; ValueError says what is wrong with it."""
    key_tag, algorithm, digest_type, digest = _fields(text, "DS", "20326 8 2 E06D…")
    try:
        raw = bytes.fromhex(digest)
    except ValueError:
        message = "the digest is not hexadecimal"
        raise ValueError(message) from None
    number = _number(digest_type, 255)
    if number in _HASHES and len(raw) != _HASHES[number]().digest_size:
        message = f"a digest of type {number} has {_HASHES[number]().digest_size} bytes, this one has {len(raw)}"
        raise ValueError(message)
    return Ds(key_tag=_number(key_tag, 65535), algorithm=_number(algorithm, 255), digest_type=number, digest=raw)


def make_ds(zone: str, key: Dnskey, digest_type: int) -> Ds:
    """Return the DS of `key` at `zone` (an A-label name), RFC 4034 5.1.4; KeyError for an unknown digest type."""
    return _make_ds(zone, key, digest_type)


@lru_cache(maxsize=65536)
def _make_ds(zone: str, key: Dnskey, digest_type: int) -> Ds:
    digest = _HASHES[digest_type](name_to_wire(zone) + key.rdata).digest()
    return Ds(key_tag=key.key_tag, algorithm=key.algorithm, digest_type=digest_type, digest=digest)


def name_to_wire(name: str) -> bytes:
    """Return the canonical wire form (lower case, RFC 4034 6.2) of an A-label name; escapes are not understood."""
    labels = [label.lower().encode("ascii") for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _fields(text: str, kind: str, example: str) -> tuple[str, str, str, str]:
    parts = text.split()
    if len(parts) < 4:
        message = f"a {kind} has four fields, such as {example!r}"
        raise ValueError(message)
    return parts[0], parts[1], parts[2], "".join(parts[3:])


def _number(text: str, largest: int) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > largest:
        message = f"{text!r} is not a number from 0 to {largest}"
        raise ValueError(message)
    return int(text)
