"""The lab's ways in as the project connects them, and zones changed through them by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lab import CHILD_1, CHILD_2, RESOLVERS, TLD, Lab
from lab_dns import keys_of, signed_by

from dnsplan.model.action import CreateKey, SetDs, SetKeys
from dnsplan.model.portfolio import Role, Secret, Setting, WayIn
from dnsplan.model.records import Dnskey, make_ds
from dnsplan.model.secret import SecretText
from dnsplan.parents import Surroundings as ParentSurroundings
from dnsplan.parents import connect_parent
from dnsplan.ports import Parent, Signer
from dnsplan.signers import Surroundings as SignerSurroundings
from dnsplan.signers import connect_signer

KEY_TTL, DS_TTL = 2, 12
"""A DS outlives several DNSKEY RRsets in a cache, as at every registry."""


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Return as soon as a condition holds; AssertionError when it does not in time."""
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up, f"not {what} within {seconds} s"
        time.sleep(0.1)


def wait_until_secure(lab: Lab, zones: Iterable[str]) -> None:
    """Return when every resolver validates every zone."""
    for zone in zones:
        for resolver in RESOLVERS:
            wait_until(lambda at=resolver, of=zone: lab.is_secure(at, f"{of}."), f"{zone} secure at {resolver}")


@dataclass(frozen=True)
class WaysIn:
    """The entries of a portfolio for the lab, and their secrets."""

    lab: Lab

    def resolve(self, secret: Secret) -> SecretText:
        """Return one of the lab's secrets by the name of its variable."""
        known = {"API": self.lab.signer.api_key, "TSIG": self.lab.tld.secret}
        if self.lab.second is not None:
            known["API_NEW"] = self.lab.second.api_key
        return SecretText(known[secret.env or ""])

    @property
    def signer_entry(self) -> WayIn:
        """Return the entry of PowerDNS."""
        settings: dict[str, Setting] = {"url": self.lab.signer.url, "api_key": Secret(env="API")}
        return WayIn(name="pdns", type="powerdns", settings=settings)

    def parent_entry(self, ds_ttl: int = DS_TTL) -> WayIn:
        """Return the entry of tld."""
        tsig: dict[str, Setting] = {"name": "upd", "algorithm": "hmac-sha256", "secret": Secret(env="TSIG")}
        settings: dict[str, Setting] = {"server": TLD.address, "zone": "tld", "tsig": tsig, "ds_ttl": ds_ttl}
        return WayIn(name="own", type="rfc2136", settings=settings)

    def second(self) -> Signer:
        """Return the other PowerDNS, connected."""
        assert self.lab.second is not None
        settings: dict[str, Setting] = {"url": self.lab.second.url, "api_key": Secret(env="API_NEW")}
        entry = WayIn(name="pdns-new", type="powerdns", settings=settings)
        return connect_signer(entry, SignerSurroundings(resolve=self.resolve, root=self.lab.folder))

    def signer(self) -> Signer:
        """Return PowerDNS, connected."""
        return connect_signer(self.signer_entry, SignerSurroundings(resolve=self.resolve, root=self.lab.folder))

    def parent(self, ds_ttl: int = DS_TTL) -> Parent:
        """Return tld., connected."""
        return connect_parent(self.parent_entry(ds_ttl), ParentSurroundings(resolve=self.resolve, root=self.lab.folder))


@dataclass(frozen=True)
class Hand:
    """Somebody who changes zones through the adapters without a plan."""

    signer: Signer
    parent: Parent

    def create(self, zone: str, role: Role, *existing: Dnskey) -> Dnskey:
        """Return a new key."""
        known = frozenset(key.id for key in existing)
        created = self.signer.perform(zone, CreateKey(role=role, algorithm=13, existing=known)).created
        assert created is not None
        return created

    def publish(self, zone: str, ksks: Iterable[Dnskey], zsk: Dnskey) -> None:
        """Let these keys be the zone's, all KSKs signing, and return when both servers show them."""
        keys = tuple(sorted((*ksks, zsk)))
        signing = frozenset(key.id for key in keys if key.is_sep)
        self.signer.perform(zone, SetKeys(published=keys, sign_keys=signing, sign_zone=frozenset({zsk.id})))
        tags = {key.key_tag for key in keys if key.is_sep}
        for server in (CHILD_1, CHILD_2):
            wait_until(
                lambda at=server: keys_of(at, zone) == keys and signed_by(at, zone, "DNSKEY") == tags,
                f"{zone} with its keys at {server.address}",
            )

    def point(self, zone: str, new: Dnskey, old: Dnskey | None = None) -> None:
        """Replace the DS of one key by that of another."""
        expected = (make_ds(zone, old, 2),) if old else ()
        receipt = self.parent.perform(zone, SetDs(ds=(make_ds(zone, new, 2),), keys=(new,), expected=expected))
        assert receipt.state == "accepted", receipt.message

    def sign(self, zone: str) -> tuple[Dnskey, Dnskey]:
        """Return the KSK and the ZSK that sign the zone from now on."""
        ksk, zsk = self.create(zone, "ksk"), self.create(zone, "zsk")
        self.publish(zone, (ksk,), zsk)
        return ksk, zsk
