"""A parent zone that takes dynamic updates (RFC 2136) signed with TSIG (RFC 8945).

Every update carries the expected RRset as its prerequisite, so that a concurrent edit is refused by the server itself.
Never believes NOERROR alone: some servers ignore a DS at a name that is not a delegation, so the RRset is read back.
"""

from __future__ import annotations

import binascii
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import dns.update

from dnsplan.errors import AdapterError, ConfigError, SecretError
from dnsplan.model.action import SetDs, SetNs, SetTtl
from dnsplan.model.plan import Capabilities, Receipt
from dnsplan.model.portfolio import Accepts, Secret, WayIn, ZoneName
from dnsplan.model.records import Ds, ds_from_rdata
from dnsplan.model.secret import SecretText
from dnsplan.model.settings import Settings, accepted_by_account, settings_of
from dnsplan.model.time import Seconds

READ_BACK_SECONDS = 2.0
"""How long a server that signs inline may take until its signed zone shows the update."""

CHANGED_MEANWHILE = {dns.rcode.YXRRSET, dns.rcode.NXRRSET, dns.rcode.YXDOMAIN, dns.rcode.NXDOMAIN}
"""Answers to a prerequisite that does not hold (RFC 2136 section 3.2.5)."""

TSIG_ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha224", "hmac-sha1")

HINTS = {
    dns.rcode.REFUSED: "let the key update DS records: in BIND `update-policy { grant KEY subdomain ZONE DS; };`",
    dns.rcode.NOTAUTH: "check that the server is primary for the zone, and the name and secret of the TSIG key",
    dns.rcode.NOTZONE: "check the `zone` of this parent",
    dns.rcode.SERVFAIL: "look into the server's log",
}

NS_HINTS = HINTS | {
    dns.rcode.REFUSED: "let the key change NS: in BIND `update-policy { grant KEY subdomain ZONE NS A AAAA; };`"
}

Answer = dns.message.Message


@dataclass(frozen=True, kw_only=True, slots=True)
class TsigKey:
    """The name and algorithm of a TSIG key, and where its secret is kept."""

    name: str
    algorithm: str
    secret: Secret


@dataclass(frozen=True, kw_only=True, slots=True)
class UpdatedParent:
    """One primary server of one parent zone."""

    settings: Settings
    host: str
    port: int
    parent_zone: str
    tsig: TsigKey
    resolve: Callable[[Secret], SecretText]
    ds_ttl: Seconds | None
    ds_ttl_max: Callable[[ZoneName], Seconds]
    timeout: Seconds

    def capabilities(self, zone: ZoneName, accepts: Accepts) -> Capabilities:  # noqa: ARG002  # the same for all zones
        """Return that the whole RRset is replaced, and only if it is still the one expected."""
        return Capabilities(
            update="replace",
            accepts=accepted_by_account(accepts, self.settings),
            guarded_write=True,
            sets_ds_ttl=True,
            ds_ttl=self.ds_ttl,
            parent_ns=True,
        )

    def read(self, zone: ZoneName) -> tuple[Ds, ...]:
        """Return the DS that the primary server serves; AdapterError when it gives no authoritative answer."""
        return self._served(zone, self._deadline())[0]

    def perform(self, zone: ZoneName, action: SetDs | SetTtl) -> Receipt:
        """Replace the DS RRset, or its TTL, in one update, provided that it is exactly the one expected."""
        deadline = self._deadline()
        served, ttl = self._served(zone, deadline)
        if _is_done(action, served, ttl):
            return Receipt(state="accepted", message="the parent already holds these DS")
        expected = action.expected if isinstance(action, SetDs) else action.ds
        new_ttl = self._new_ttl(zone, ttl) if isinstance(action, SetDs) else action.ttl
        response = self._send_update(zone, self._update(zone, expected, action.ds, new_ttl), deadline)
        if response.rcode() in CHANGED_MEANWHILE:
            code = dns.rcode.to_text(response.rcode())
            message = f"the DS of {zone} changed meanwhile: {self._server} refused the update with {code}"
            return Receipt(state="refused", message=message)
        if response.rcode() != dns.rcode.NOERROR:
            raise self._rejected(zone, response, hint=HINTS.get(response.rcode(), ""))
        return self._read_back(zone, action, deadline)

    def delegate(self, zone: ZoneName, action: SetNs) -> Receipt:
        """Replace the delegation's NS RRset in one update, provided that it is exactly `action.expected`."""
        deadline = self._deadline()
        served, ttl = self._delegation(zone, deadline)
        if served == set(action.names):
            return Receipt(state="accepted", message="the parent already delegates so")
        update = dns.update.UpdateMessage(_absolute(self.parent_zone))
        owner = _absolute(zone)
        update.present(owner, *(_ns(name) for name in action.expected))
        update.delete(owner, dns.rdatatype.NS)
        update.add(owner, ttl, *(_ns(name) for name in action.names))
        for name, address in action.glue:
            update.add(_absolute(name), ttl, "AAAA" if ":" in address else "A", address)
        update.use_tsig(self._key(), algorithm=self.tsig.algorithm)
        response = self._send_update(zone, update, deadline)
        if response.rcode() in CHANGED_MEANWHILE:
            return Receipt(state="refused", message=f"the NS of {zone} changed meanwhile")
        if response.rcode() != dns.rcode.NOERROR:
            raise self._rejected(zone, response, hint=NS_HINTS.get(response.rcode(), ""))
        if self._delegation(zone, deadline)[0] != set(action.names):
            return Receipt(state="refused", message=f"{self._server} answered NOERROR and did not change the NS")
        return Receipt(state="accepted")

    def _delegation(self, zone: ZoneName, deadline: float) -> tuple[set[str], Seconds]:
        """Return the names of the delegation's servers, and the TTL."""
        query = dns.message.make_query(_absolute(zone), dns.rdatatype.NS, flags=0, use_edns=0, payload=1232)
        response = self._exchange(zone, query, deadline, sends_update=False)
        for section in (response.authority, response.answer):
            rrset = response.get_rrset(section, _absolute(zone), dns.rdataclass.IN, dns.rdatatype.NS)
            if rrset is not None:
                return {str(rdata.target).lower().rstrip(".") for rdata in rrset}, rrset.ttl
        raise AdapterError(
            f"{zone}: {self._server} does not delegate it", hint=f"check `server` and `zone` of {self.settings.where}"
        )

    @property
    def _server(self) -> str:
        return f"{self.host}:{self.port}"

    def _deadline(self) -> float:
        return time.monotonic() + self.timeout

    def _update(
        self, zone: ZoneName, expected: tuple[Ds, ...], wanted: tuple[Ds, ...], ttl: Seconds
    ) -> dns.update.UpdateMessage:
        update = dns.update.UpdateMessage(_absolute(self.parent_zone))
        owner = _absolute(zone)
        if expected:
            update.present(owner, *map(_rdata, expected))
        else:
            update.absent(owner, dns.rdatatype.DS)
        update.delete(owner, dns.rdatatype.DS)
        if wanted:
            update.add(owner, ttl, *map(_rdata, wanted))
        update.use_tsig(self._key(), algorithm=self.tsig.algorithm)
        return update

    def _new_ttl(self, zone: ZoneName, ttl: Seconds | None) -> Seconds:
        if self.ds_ttl is not None:
            return self.ds_ttl
        highest = self.ds_ttl_max(zone)
        return highest if ttl is None else min(ttl, highest)

    def _key(self) -> dns.tsig.Key:
        secret = self.resolve(self.tsig.secret)
        try:
            return dns.tsig.Key(_absolute(self.tsig.name), secret.reveal().strip(), self.tsig.algorithm)
        except (binascii.Error, ValueError):
            raise SecretError(
                f"{self.settings.where}: the secret of TSIG key {self.tsig.name} is not valid base64",
                hint="take it from the key file as it stands between the quotes",
            ) from None

    def _served(self, zone: ZoneName, deadline: float) -> tuple[tuple[Ds, ...], Seconds | None]:
        """Return the DS that the server holds, sorted, and their TTL."""
        query = dns.message.make_query(_absolute(zone), dns.rdatatype.DS, flags=0, use_edns=0, payload=1232)
        response = self._exchange(zone, query, deadline, sends_update=False)
        if response.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
            raise self._rejected(zone, response, hint=f"check `server` and `zone` of {self.settings.where}")
        if not response.flags & dns.flags.AA:
            raise AdapterError(
                f"{zone}: {self._server} has no authoritative answer for its DS",
                hint=f"`server` of {self.settings.where} must be the primary server of {self.parent_zone}",
            )
        rrset = response.get_rrset(response.answer, _absolute(zone), dns.rdataclass.IN, dns.rdatatype.DS)
        if rrset is None:
            return (), None
        return tuple(sorted(ds_from_rdata(rdata.to_wire() or b"") for rdata in rrset)), rrset.ttl

    def _send_update(self, zone: ZoneName, update: dns.update.UpdateMessage, deadline: float) -> Answer:
        response = self._exchange(zone, update, deadline, sends_update=True)
        if not response.had_tsig and response.rcode() == dns.rcode.NOERROR:
            raise AdapterError(
                f"{zone}: the answer of {self._server} to the update is not signed",
                hint="somebody may be in between: check the path to the server",
                unknown=True,
            )
        return response

    def _read_back(self, zone: ZoneName, action: SetDs | SetTtl, deadline: float) -> Receipt:
        give_up = min(deadline, time.monotonic() + READ_BACK_SECONDS)
        try:
            while not _is_done(action, *self._served(zone, deadline)):
                if time.monotonic() > give_up:
                    what, why = _cause_of_silence(action, self.parent_zone)
                    message = f"{self._server} answered NOERROR and did not change the {what} of {zone}: {why}"
                    return Receipt(state="refused", message=message)
                time.sleep(0.05)
        except AdapterError as error:
            return Receipt(state="accepted", message=f"could not be read back: {error}")
        return Receipt(state="accepted")

    def _exchange(self, zone: ZoneName, message: Answer, deadline: float, *, sends_update: bool) -> Answer:
        """Return the answer to a message over TCP, where a failed connection is known not to have delivered it."""
        try:
            connection = socket.create_connection((self.host, self.port), timeout=max(0.1, deadline - time.monotonic()))
        except OSError as error:
            raise AdapterError(
                f"{zone}: {self._server} cannot be reached: {error.strerror or 'timed out'}",
                hint=f"check that the server runs, and `server` of {self.settings.where}",
                retryable=True,
            ) from None
        with connection:
            connection.setblocking(False)
            try:
                return dns.query.tcp(message, self.host, max(0.1, deadline - time.monotonic()), sock=connection)
            except dns.tsig.PeerError as error:
                raise self._bad_key(zone, error) from None
            except (dns.exception.DNSException, OSError, EOFError, ValueError) as error:
                raise AdapterError(
                    f"{zone}: no usable answer from {self._server}: {type(error).__name__}",
                    hint="look at what the parent's servers show before trying again" if sends_update else "",
                    retryable=True,
                    unknown=sends_update,
                ) from None

    def _bad_key(self, zone: ZoneName, error: dns.tsig.PeerError) -> AdapterError:
        causes = {
            dns.tsig.PeerBadKey: ("BADKEY", "the server does not know a TSIG key of this name and algorithm"),
            dns.tsig.PeerBadSignature: ("BADSIG", "the secret of the TSIG key is not the server's"),
            dns.tsig.PeerBadTime: ("BADTIME", "the clocks of this machine and the server differ: set them by NTP"),
        }
        code, hint = causes.get(type(error), ("TSIG error", "the server does not take the TSIG of this message"))
        return AdapterError(f"{zone}: {self._server} refused TSIG key {self.tsig.name}: {code}", hint=hint)

    def _rejected(self, zone: ZoneName, response: Answer, *, hint: str) -> AdapterError:
        code = response.rcode()
        return AdapterError(
            f"{zone}: {self._server} answered {dns.rcode.to_text(code)} for the DS of {zone} in {self.parent_zone}",
            hint=hint,
            retryable=code == dns.rcode.SERVFAIL,
        )


def connect(
    way_in: WayIn, resolve: Callable[[Secret], SecretText], ds_ttl_max: Callable[[ZoneName], Seconds]
) -> UpdatedParent:
    """Return the parent of an entry of type `rfc2136`; ConfigError for a setting that cannot be used."""
    settings = settings_of(way_in, "parents")
    host, port = _endpoint(settings)
    tsig = settings.table("tsig")
    algorithm = tsig.text("algorithm", "hmac-sha256").lower()
    if algorithm not in TSIG_ALGORITHMS:
        raise ConfigError(
            f"{tsig.where}: {algorithm!r} is no TSIG algorithm", hint=f"use one of {', '.join(TSIG_ALGORITHMS)}"
        )
    return UpdatedParent(
        settings=settings,
        host=host,
        port=port,
        parent_zone=_ascii(settings),
        tsig=TsigKey(name=tsig.text("name"), algorithm=algorithm, secret=tsig.secret("secret")),
        resolve=resolve,
        ds_ttl=settings.seconds("ds_ttl") if "ds_ttl" in settings.values else None,
        ds_ttl_max=ds_ttl_max,
        timeout=settings.seconds("timeout", 10),
    )


def _is_done(action: SetDs | SetTtl, served: tuple[Ds, ...], ttl: Seconds | None) -> bool:
    return set(served) == set(action.ds) and (isinstance(action, SetDs) or ttl == action.ttl)


def _cause_of_silence(action: SetDs | SetTtl, parent_zone: str) -> tuple[str, str]:
    if isinstance(action, SetDs):
        return "DS", f"is it delegated in {parent_zone}?"
    return "TTL of the DS", "does the server limit TTLs?"


def _endpoint(settings: Settings) -> tuple[str, int]:
    """Return host and port of `192.0.2.1`, `192.0.2.1:5300`, `2001:db8::1` or `[2001:db8::1]:5300`."""
    server = settings.text("server")
    host, separator, port = server.rpartition(":")
    if not separator or (":" in host and not host.endswith("]")):
        host, port = server, "53"
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f"{settings.where}: server {server!r} is no address with a port", hint="write 192.0.2.1:53")
    return host.strip("[]"), int(port)


def _ascii(settings: Settings) -> str:
    """Return the parent zone as an A-label name; it may be written as U-labels (IDNA 2008, UTS 46)."""
    zone = settings.text("zone")
    try:
        return dns.name.from_text(zone, idna_codec=dns.name.IDNA_2008_UTS_46).to_text(omit_final_dot=True)
    except dns.exception.DNSException:
        raise ConfigError(f"{settings.where}: zone {zone!r} is no domain name") from None


def _absolute(name: str) -> dns.name.Name:
    return dns.name.from_text(name)


def _ns(name: str) -> dns.rdata.Rdata:
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.NS, f"{name}.")


def _rdata(ds: Ds) -> dns.rdata.Rdata:
    return dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.DS, ds.rdata, 0, len(ds.rdata))
