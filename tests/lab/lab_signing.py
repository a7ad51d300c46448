"""Zones signed by the test itself, with exactly the keys, DNSKEY signers and data signers that it wants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

import dns.dnssec
import dns.dnssectypes
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


def signed_zone(
    origin: str, text: str, keys: Iterable[Key], key_signers: Iterable[Key], data_signers: Iterable[Key], key_ttl: int
) -> str:
    """Return a zone file: the text, these keys, an NSEC chain, and signatures by these keys only."""
    zone = dns.zone.from_text(text, origin, relativize=False)
    signing = partial(_sign, zone=zone, key_signers=tuple(key_signers), data_signers=tuple(data_signers))
    with zone.writer() as changes:
        for key in keys:
            changes.add(zone.origin, key_ttl, key.rdata)
        dns.dnssec.sign_zone(zone, txn=changes, add_dnskey=False, rrset_signer=signing)
    return str(zone.to_text(relativize=False))


def _sign(
    changes: dns.transaction.Transaction,
    rrset: dns.rrset.RRset,
    *,
    zone: dns.zone.Zone,
    key_signers: tuple[Key, ...],
    data_signers: tuple[Key, ...],
) -> None:
    for key in key_signers if rrset.rdtype == dns.rdatatype.DNSKEY else data_signers:
        signature = dns.dnssec.sign(
            rrset, key.private, zone.origin, key.rdata, lifetime=LIFETIME, policy=dns.dnssec.allow_all_policy,
            deterministic=False,
        )  # fmt: skip
        changes.add(rrset.name, rrset.ttl, signature)
