"""A signer of the lab's own: it signs zones into files that NSD serves, with exactly the keys that it is asked for.

Where PowerDNS divides the work by the SEP flag, this one lets any key sign any part, published or not, as BIND's and
NSD's offline tools do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lab_nsd import NsdPrimary
from lab_signing import Key, Signing, make_keys

from dnsplan.errors import AdapterError
from dnsplan.model.action import Action, CreateKey, DeleteKey, SetKeys
from dnsplan.model.plan import Capabilities, Receipt, SignerKey
from dnsplan.model.portfolio import Role
from dnsplan.model.records import KeyId

ZONE = """\
$TTL {ttl}
{zone}. SOA ns1.{zone}. hostmaster.{zone}. {serial} 60 1 3600 {key_ttl}
{zone}. NS ns1.{zone}.
{zone}. NS ns2.{zone}.
{zone}. A 192.0.2.1
*.{zone}. TXT "wildcard"
ns1.{zone}. A {first}
ns2.{zone}. A {second}
"""


@dataclass
class FiledZone:
    """A zone's keys by identity, in the order of their creation, and what they do."""

    keys: dict[KeyId, tuple[Key, Role]] = field(default_factory=dict)
    published: frozenset[KeyId] = frozenset()
    sign_keys: frozenset[KeyId] = frozenset()
    sign_zone: frozenset[KeyId] = frozenset()
    serial: int = 1


def unsigned(zone: str, addresses: tuple[str, ...], key_ttl: int, *, serial: int = 1, ttl: int = 3) -> str:
    """Return the text of a zone with short TTLs whose two name servers are in itself."""
    first, second = addresses
    return ZONE.format(zone=zone, ttl=ttl, key_ttl=key_ttl, serial=serial, first=first, second=second)


@dataclass
class FileSigner:
    """Signs zones on one NSD primary; a Signer as the executor wants it."""

    primary: NsdPrimary
    addresses: tuple[str, ...]
    key_ttl: int
    zones: dict[str, FiledZone]
    timeout: int = 5

    def capabilities(self, zone: str) -> Capabilities:
        """Return that all data are signed anew at once."""
        return Capabilities(update="none")

    def read(self, zone: str) -> tuple[SignerKey, ...]:
        """Return all keys of a zone."""
        held = self.zones[zone]
        active = held.sign_keys | held.sign_zone
        return tuple(
            SignerKey(key=key.record, role=role, published=identity in held.published, active=identity in active)
            for identity, (key, role) in held.keys.items()
        )

    def perform(self, zone: str, action: Action) -> Receipt:
        """Bring about the target."""
        held = self.zones[zone]
        match action:
            case CreateKey(role=role, algorithm=algorithm, existing=existing):
                for identity, (key, known) in held.keys.items():
                    if known == role and key.algorithm == algorithm and identity not in existing:
                        return Receipt(state="accepted", created=key.record)
                key = self._new_key(held, algorithm, sep=role != "zsk")
                held.keys[key.record.id] = (key, role)
                return Receipt(state="accepted", created=key.record)
            case SetKeys(published=published, sign_keys=sign_keys, sign_zone=sign_zone):
                held.published = frozenset(key.id for key in published)
                held.sign_keys, held.sign_zone = sign_keys, sign_zone
                self._serve(zone, held)
                return Receipt(state="accepted")
            case DeleteKey(key=gone):
                if gone.id in held.published | held.sign_keys | held.sign_zone:
                    raise AdapterError(f"{zone}: key {gone.key_tag} is in use")
                held.keys.pop(gone.id, None)
                return Receipt(state="accepted")
            case _:
                raise AdapterError(f"{zone}: files do not do that")

    def _new_key(self, held: FiledZone, algorithm: int, *, sep: bool) -> Key:
        tags = {key.record.key_tag for key, _ in held.keys.values()}
        while True:
            key = make_keys({"new": algorithm}, sep=("new",) if sep else ())["new"]
            if key.record.key_tag not in tags:
                return key

    def _serve(self, zone: str, held: FiledZone) -> None:
        held.serial += 1
        text = unsigned(zone, self.addresses, self.key_ttl, serial=held.serial)
        signing = Signing(
            published=self._keys(held, held.published),
            by_keys=self._keys(held, held.sign_keys),
            by_data=self._keys(held, held.sign_zone),
        )
        self.primary.replace({zone: signing.denying_zone_file(zone, text, self.key_ttl)})

    def _keys(self, held: FiledZone, wanted: Iterable[KeyId]) -> list[Key]:
        return [held.keys[identity][0] for identity in sorted(wanted)]
