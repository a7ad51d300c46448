"""Zones signed by the test itself, with exactly the keys, DNSKEY signers and data signers that it wants."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdatatype
import dns.rrset
import dns.transaction
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from dns.rdtypes.ANY.DNSKEY import DNSKEY

from dnsplan.model.records import Dnskey, dnskey_from_rdata

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey

LIFETIME = 86400
"""Seconds that signatures hold."""
RSA_BITS = 1280
"""As short as ZSKs used to be: signing takes a third of the time."""


@dataclass(frozen=True)
class Key:
    """A key by the name that a test gives it."""

    name: str
    private: PrivateKey = field(repr=False)
    rdata: DNSKEY

    @property
    def algorithm(self) -> int:
        """Return the number of its algorithm."""
        return int(self.rdata.algorithm)

    @property
    def record(self) -> Dnskey:
        """Return it as the project's value."""
        return dnskey_from_rdata(self.rdata.to_wire() or b"")


def _private(algorithm: int) -> PrivateKey:
    match algorithm:
        case 13:
            return ec.generate_private_key(ec.SECP256R1())
        case 14:
            return ec.generate_private_key(ec.SECP384R1())
        case 15:
            return ed25519.Ed25519PrivateKey.generate()
        case 16:
            return ed448.Ed448PrivateKey.generate()
        case _:
            return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)


def make_keys(named: dict[str, int], *, sep: Iterable[str]) -> dict[str, Key]:
    """Return new keys by name, with these algorithms, and no key tag twice."""
    keys: dict[str, Key] = {}
    tags: set[int] = set()
    for name, algorithm in named.items():
        flags = 257 if name in sep else 256
        while name not in keys:
            private = _private(algorithm)
            key = Key(name, private, dns.dnssec.make_dnskey(private.public_key(), algorithm, flags))
            if key.record.key_tag not in tags:
                keys[name] = key
                tags.add(key.record.key_tag)
    return keys


def sign(rrset: dns.rrset.RRset, zone: dns.name.Name, by: Iterable[Key]) -> list[dns.rdata.Rdata]:
    """Return the signatures over an RRset of a zone."""
    return [
        dns.dnssec.sign(
            rrset, key.private, zone, key.rdata, lifetime=LIFETIME, policy=dns.dnssec.allow_all_policy,
            deterministic=False,
        )
        for key in by
    ]  # fmt: skip


def self_signed(zone: str, text: str, key: Key) -> str:
    """Return a zone file (of the root, if empty) with a CSK, an NSEC chain and signatures over what is its own."""
    origin = dns.name.from_text(zone)
    minimum = dns.zone.from_text(text, origin, relativize=False).get_soa().minimum
    return Signing(published=[key], by_keys=[key], by_data=[key]).denying_zone_file(zone, text, minimum)


@dataclass(frozen=True)
class Signing:
    """Which keys a zone publishes, which of all keys sign these, and which sign the rest."""

    published: Sequence[Key]
    by_keys: Sequence[Key]
    by_data: Sequence[Key]

    def zone_file(self, zone: str, rrsets: Iterable[dns.rrset.RRset], key_ttl: int) -> str:
        """Return a zone file of these RRsets without any proof of what it has not."""
        origin, lines = dns.name.from_text(zone), []
        every = [(rrset, self.by_data) for rrset in rrsets]
        if self.published:
            every.append((dns.rrset.from_rdata(origin, key_ttl, *(key.rdata for key in self.published)), self.by_keys))
        for rrset, by in every:
            lines.append(rrset.to_text())
            lines += [f"{rrset.name} {rrset.ttl} RRSIG {signature.to_text()}" for signature in sign(rrset, origin, by)]
        return "\n".join(lines) + "\n"

    def denying_zone_file(self, zone: str, text: str, key_ttl: int) -> str:
        """Return the zone file of a text with an NSEC chain and signatures; without signers of data the text itself."""
        if not self.by_data:
            return text
        origin = dns.name.from_text(zone)
        of_keys = {dns.rdatatype.DNSKEY, dns.rdatatype.CDS, dns.rdatatype.CDNSKEY}

        def add_signatures(changes: dns.transaction.Transaction, rrset: dns.rrset.RRset) -> None:
            for signature in sign(rrset, origin, self.by_keys if rrset.rdtype in of_keys else self.by_data):
                changes.add(rrset.name, rrset.ttl, signature)

        parsed = dns.zone.from_text(text, origin, relativize=False)
        with parsed.writer() as changes:
            for key in self.published:
                changes.add(origin, key_ttl, key.rdata)
            dns.dnssec.sign_zone(parsed, txn=changes, add_dnskey=False, rrset_signer=add_signatures)
        return str(parsed.to_text(relativize=False))
