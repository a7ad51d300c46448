"""PowerDNS Authoritative Server as a signer, by its HTTP API.

Never keeps, logs or repeats a private key; never changes a presigned zone; publishes and activates before it withdraws.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import assert_never

from dnsplan.errors import AdapterError, SecretError
from dnsplan.model.action import (
    Action,
    CreateKey,
    DeleteKey,
    ImportKeys,
    SetCds,
    SetDs,
    SetKeys,
    SetNs,
    SetNsec3,
    SetTtl,
    SharedAction,
)
from dnsplan.model.plan import Capabilities, Receipt, Serving, SignerKey
from dnsplan.model.portfolio import Role, Secret, WayIn, ZoneName
from dnsplan.model.records import KeyId, parse_dnskey
from dnsplan.model.secret import SecretText
from dnsplan.model.settings import settings_of
from dnsplan.model.time import Seconds
from dnsplan.signers.http import JsonApi, json_api
from dnsplan.signers.powerdns_api import Cryptokey, ZoneApi, ZoneFacts

PRIMARY_KINDS = {"Master", "Primary", "Producer"}
"""Kinds whose secondaries fetch a change only when the serial has grown."""
FETCHED_KINDS = {"Slave", "Secondary", "Consumer"}
"""Kinds whose records, the SOA among them, come from a primary server and would be fetched again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PowerDns:
    """One PowerDNS server; a lost answer is healed by performing the action again."""

    api: JsonApi = field(repr=False)
    resign: Seconds
    timeout: Seconds
    turn: Lock = field(default_factory=Lock, repr=False, compare=False)
    """Held during a change: a PowerDNS on SQLite answers 500 when two changes meet."""

    def capabilities(self, zone: ZoneName) -> Capabilities:  # noqa: ARG002  # the same for all zones
        """Return that it signs online, divides the work by the SEP flag, and takes the DNSKEY TTL from the SOA."""
        return Capabilities(
            update="none",
            resign=self.resign,
            divides_by_sep=True,
            imports_keys=True,
            signer_ns=True,
            dnskey_ttl="negative",
            sets_nsec3=True,
        )

    def read(self, zone: ZoneName) -> tuple[SignerKey, ...]:
        """Return all keys of the zone; AdapterError when the server does not answer or does not have it."""
        keys = self._open(zone).cryptokeys()
        return tuple(
            SignerKey(key=key.key, role=_role(key, keys), published=key.published, active=key.active) for key in keys
        )

    def perform(self, zone: ZoneName, action: Action) -> Receipt:
        """Bring about the target; the repetition of an action finishes what an earlier one may have left undone."""
        with self.turn:
            return self._perform(zone, action)

    def _perform(self, zone: ZoneName, action: Action) -> Receipt:
        server = self._open(zone)
        match action:
            case CreateKey():
                return _create_key(server, action)
            case SetKeys():
                return _set_keys(server, action)
            case DeleteKey():
                return _delete_key(server, action)
            case SetCds():
                return _set_cds(server, action)
            case SetTtl(rrset="DNSKEY"):
                return _set_key_ttl(server, action)
            case SetNsec3():
                return _set_nsec3(server, action)
            case SetDs() | SetTtl():
                raise AdapterError(f"{zone}: PowerDNS as a signer does not hold the zone's DS")
            case _:
                assert_never(action)

    def serving(self, zone: ZoneName) -> Serving:
        """Return the servers in the zone's apex NS, with the addresses of those whose names lie in the zone."""
        server = self._open(zone)
        names = frozenset(name.lower().rstrip(".") for name in server.apex_records("NS"))
        inside = sorted(name for name in names if name.endswith(f".{zone}"))
        glue = ((name, address) for name in inside for kind in ("A", "AAAA") for address in server.records(name, kind))
        return Serving(names=names, glue=tuple(sorted(glue)))

    def share(self, zone: ZoneName, action: SharedAction) -> Receipt:
        """Publish keys of another signer as records, or change the apex NS; repeating it changes nothing."""
        with self.turn:
            server = self._open(zone)
            return _import_keys(server, action) if isinstance(action, ImportKeys) else _set_ns(server, action)

    def _open(self, zone: ZoneName) -> ZoneApi:
        return ZoneApi(api=self.api, zone=zone, deadline=time.monotonic() + self.timeout)


def connect(way_in: WayIn, resolve: Callable[[Secret], SecretText], root: Path) -> PowerDns:
    """Return the signer of an entry of type `powerdns`; the API key is resolved when it is first used."""
    settings = settings_of(way_in, "signers")
    reference = settings.secret("api_key")
    timeout = settings.seconds("timeout", 15)

    def api_key() -> str:
        key = resolve(reference).reveal().strip()
        if not key or not key.isascii() or not key.isprintable():
            raise SecretError(f"{settings.where}: api_key is empty or holds characters that no API key has")
        return key

    path = f"/api/v1/servers/{settings.text('server', 'localhost')}"
    api = json_api(settings, path, root, timeout, api_key)
    return PowerDns(api=api, resign=settings.seconds("resign", 0), timeout=timeout)


def _role(key: Cryptokey, keys: tuple[Cryptokey, ...]) -> Role:
    """Return the role by flags: PowerDNS itself calls any key without a partner a CSK."""
    if not key.sep:
        return "zsk"
    partnered = any(other.key.algorithm == key.key.algorithm and not other.sep for other in keys)
    return "ksk" if partnered else "csk"


def _create_key(server: ZoneApi, action: CreateKey) -> Receipt:
    _refuse_presigned(server)
    sep = action.role != "zsk"
    for held in server.cryptokeys():
        if held.sep == sep and held.key.algorithm == action.algorithm and held.key.id not in action.existing:
            return Receipt(state="accepted", message="the key exists already", created=held.key)
    return Receipt(state="accepted", created=server.create_key(action.role, action.algorithm))


def _set_keys(server: ZoneApi, action: SetKeys) -> Receipt:
    facts = _refuse_presigned(server)
    keys = server.cryptokeys()
    _refuse_foreign(server, keys, action)
    _refuse_inexpressible(server.zone, keys, action)
    published = {key.id for key in action.published}
    signing = action.sign_keys | action.sign_zone
    changes = [key for key in keys if (key.published, key.active) != (key.key.id in published, key.key.id in signing)]
    for key in sorted(changes, key=lambda key: (not _gains(key, published, signing), not key.sep, key.number)):
        server.set_key(key, published=key.key.id in published, active=key.key.id in signing)
    if signing and not (changes and any(key.active for key in keys)):
        server.rectify()
    if facts.kind in PRIMARY_KINDS:
        server.increase_serial(facts)
    server.flush_caches()
    if facts.kind in PRIMARY_KINDS:
        server.notify()
    return Receipt(state="accepted", message="" if changes else "the keys are already so")


def _gains(key: Cryptokey, published: set[KeyId], signing: frozenset[KeyId]) -> bool:
    """Tell whether a key becomes published or active: such changes come first, so that no signature is missing."""
    return (key.key.id in published and not key.published) or (key.key.id in signing and not key.active)


def _refuse_foreign(server: ZoneApi, keys: tuple[Cryptokey, ...], action: SetKeys) -> None:
    """Raise when a key is to be published or to sign that this server neither holds nor has as a plain record."""
    held = {key.key.id for key in keys}
    if unheld := (action.sign_keys | action.sign_zone) - held:
        raise AdapterError(f"{server.zone}: {len(unheld)} of the keys that are to sign are not held by PowerDNS")
    foreign = {str(key) for key in action.published if key.id not in held}
    if foreign and foreign - set(server.apex_records("DNSKEY")):
        raise AdapterError(
            f"{server.zone}: PowerDNS does not hold {len(foreign)} of the keys that are to be published",
            hint="import them, or add them as DNSKEY records with `direct-dnskey`",
        )


def _refuse_inexpressible(zone: ZoneName, keys: tuple[Cryptokey, ...], action: SetKeys) -> None:
    """Raise unless PowerDNS's fixed division of labour gives the signers that are wanted.

    In each algorithm, active keys with the SEP flag sign the DNSKEY RRset and active keys without it the data; where
    only one of the two sorts is active, it signs both. A key that is not published may sign the DNSKEY RRset as well as
    the data: nobody can verify that signature, and an algorithm comes and goes by such keys (RFC 6781 section 4.1.4).
    """
    published = {key.id for key in action.published}
    signing = [key for key in keys if key.key.id in action.sign_keys | action.sign_zone]
    for algorithm in {key.key.algorithm for key in signing}:
        active = [key for key in signing if key.key.algorithm == algorithm]
        divided = len({key.sep for key in active}) == 2
        for key in active:
            signs = (key.key.id in action.sign_keys, key.key.id in action.sign_zone)
            does = (key.sep, not key.sep) if divided else (True, True)
            if signs != does and (key.key.id in published or signs != (False, does[1])):
                raise AdapterError(
                    f"{zone}: PowerDNS cannot let key {key.key.key_tag} sign only "
                    f"{'the DNSKEY RRset' if signs[0] else 'the data'} beside these keys",
                    hint="in PowerDNS keys divide the work only where both a KSK and a ZSK are active",
                )


def _import_keys(server: ZoneApi, action: ImportKeys) -> Receipt:
    """Keep another signer's keys as DNSKEY records of the zone; PowerDNS shows them with `direct-dnskey` alone."""
    facts = _refuse_presigned(server)
    if action.foreign and server.setting("direct-dnskey") != "yes":
        raise AdapterError(
            f"{server.zone}: PowerDNS does not publish keys that it does not hold",
            hint="set `direct-dnskey=yes` in its configuration and restart it",
        )
    before = server.apex_records("DNSKEY")
    kept = {text for text in before if parse_dnskey(text) not in action.gone}
    after = kept | {str(key) for key in action.foreign if key not in {parse_dnskey(text) for text in kept}}
    if after == set(before):
        return Receipt(state="accepted", message="the keys are already so")
    server.replace_apex({"DNSKEY": sorted(after)})
    return _announced(server, facts)


def _set_ns(server: ZoneApi, action: SetNs) -> Receipt:
    facts = _refuse_presigned(server)
    wanted = [f"{name}." for name in action.names]
    if {name.lower() for name in server.apex_records("NS")} == set(wanted):
        return Receipt(state="accepted", message="the NS are already so")
    server.replace_apex({"NS": wanted}, ttl=server.apex_ttl("NS"))
    return _announced(server, facts)


def _announced(server: ZoneApi, facts: ZoneFacts) -> Receipt:
    server.flush_caches()
    if facts.kind in PRIMARY_KINDS:
        server.notify()
    return Receipt(state="accepted")


def _delete_key(server: ZoneApi, action: DeleteKey) -> Receipt:
    _refuse_presigned(server)
    for key in server.cryptokeys():
        if key.key.id != action.key.id:
            continue
        if key.published or key.active:
            raise AdapterError(
                f"{server.zone}: key {key.key.key_tag} is still published or active in PowerDNS and is not deleted",
                hint="plan again: it is withdrawn first",
            )
        server.delete_key(key)
        return Receipt(state="accepted")
    return Receipt(state="accepted", message="the key is already gone")


def _set_cds(server: ZoneApi, action: SetCds) -> Receipt:
    """Write CDS and CDNSKEY as records of the zone: PowerDNS's own choice would change whenever its keys do."""
    facts = _refuse_presigned(server)
    for kind in facts.automatic_cds:
        server.delete_metadata(kind)
    server.replace_apex({"CDS": [str(ds) for ds in action.cds], "CDNSKEY": [str(key) for key in action.cdnskey]})
    server.flush_caches()
    if facts.kind in PRIMARY_KINDS:
        server.notify()
    return Receipt(state="accepted")


def _set_key_ttl(server: ZoneApi, action: SetTtl) -> Receipt:
    """Set the last field of the SOA: it is the TTL of the DNSKEY RRset that PowerDNS makes, and the negative TTL."""
    facts = _refuse_presigned(server)
    if facts.kind in FETCHED_KINDS:
        raise AdapterError(
            f"{server.zone}: PowerDNS takes the TTL of the DNSKEY RRset from the SOA, which it fetches from elsewhere",
            hint="set the last field of the SOA at the zone's primary server",
        )
    ttl, fields = server.soa()
    already = fields[6] == str(action.ttl)
    if not already:
        server.write_soa(ttl, [*fields[:6], str(action.ttl)], facts)
    server.flush_caches()
    if facts.kind in PRIMARY_KINDS:
        server.notify()
    return Receipt(state="accepted", message="the TTL is already so" if already else "")


def _set_nsec3(server: ZoneApi, action: SetNsec3) -> Receipt:
    """Set iterations and salt of a zone that uses NSEC3; its hash, opt-out and narrow mode stay."""
    facts = _refuse_presigned(server)
    now = facts.nsec3param.split()
    if len(now) != 4:
        raise AdapterError(
            f"{server.zone}: the zone does not use NSEC3 in PowerDNS", hint="plan again: nothing is to be set there"
        )
    wanted = [*now[:2], str(action.iterations), action.salt or "-"]
    already = [part.lower() for part in now] == wanted
    if not already:
        server.set_nsec3(" ".join(wanted), narrow=facts.nsec3narrow)
    server.rectify()
    if facts.kind in PRIMARY_KINDS and not already:
        server.increase_serial(facts)
    server.flush_caches()
    if facts.kind in PRIMARY_KINDS:
        server.notify()
    return Receipt(state="accepted", message="the parameters are already so" if already else "")


def _refuse_presigned(server: ZoneApi) -> ZoneFacts:
    facts = server.facts()
    if facts.presigned:
        raise AdapterError(
            f"{server.zone}: the zone is presigned: PowerDNS only serves signatures made elsewhere",
            hint="name the system that signs it as the zone's signer",
        )
    return facts
