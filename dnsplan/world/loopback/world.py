"""The loopback world: a root, two TLDs and their children, served by real sockets until it is stopped.

`corp` takes dynamic updates; `is` changes only where its registry clerk says so; the children's keys are held by a
signer that speaks PowerDNS's API. Never opens a socket beyond 127.0.0.0/8.
"""

from __future__ import annotations

import base64
import secrets
import threading
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple, Self

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataset
import dns.rdatatype
import dns.tsig
import dns.update

from dnsplan.world.loopback.answers import PAYLOAD, answer, to_wire
from dnsplan.world.loopback.powerdns import SignerApi
from dnsplan.world.loopback.servers import Listeners
from dnsplan.world.loopback.updates import BADKEY, BADSIG, apply_update, refuse_key
from dnsplan.world.loopback.zones import Zone, make_key

ROOT = ("127.0.53.1",)
DYNAMIC_TLD, MANUAL_TLD = "corp", "is"
TLDS = {DYNAMIC_TLD: ("127.0.53.11", "127.0.53.12"), MANUAL_TLD: ("127.0.53.21", "127.0.53.22")}
CHILDREN = ("127.0.53.31", "127.0.53.32")
TTL = 3
"""Of every RRset that matters for a rollover, in seconds."""
TCP_LIMIT = 65535
TSIG_ALGORITHM = "hmac-sha256"


class Tsig(NamedTuple):
    """Name, secret (base64) and algorithm of the key that may update `corp`."""

    name: str
    secret: str
    algorithm: str


class World:
    """The running world; a context manager. Zones are named without a final dot."""

    def __init__(self, children: Iterable[str], ttl: int) -> None:
        children = tuple(children)
        if strange := [child for child in children if child.partition(".")[2] not in TLDS]:
            message = f"{strange[0]} is no direct child of {' or '.join(TLDS)}"
            raise ValueError(message)
        self.tsig = Tsig("updater", base64.b64encode(secrets.token_bytes(32)).decode(), TSIG_ALGORITHM)
        self.api_key = secrets.token_urlsafe(24)
        self.root_hints = ROOT
        self._ttl = ttl
        self._zones = {dns.name.from_text(name): _zone(name, children, ttl) for name in (".", *TLDS, *children)}
        self._hosted = {address: self._by_names(".") for address in ROOT}
        for tld, addresses in TLDS.items():
            self._hosted |= {address: self._by_names(tld) for address in addresses}
        self._hosted |= {address: self._by_names(*children) for address in CHILDREN}
        self._sign_parents()
        self._silent: set[str] = set()
        self._lag: dict[str, float] = {}
        self._asked: Counter[str] = Counter()
        self._asked_lock = threading.Lock()
        self._keyring = {
            dns.name.from_text(self.tsig.name): dns.tsig.Key(self.tsig.name, self.tsig.secret, TSIG_ALGORITHM)
        }
        self._listeners = Listeners(tuple(self._hosted), self._respond)
        self._api = SignerApi("127.0.0.1", self._by_names(*children), self.api_key)
        self.port, self.pdns_url = self._listeners.port, self._api.url

    @classmethod
    def start(cls, children: Iterable[str] = ("acme.corp", "shop.corp", "fiskur.is"), *, ttl: int = TTL) -> Self:
        """Return a world that answers, its children unsigned; ObservationError where loopback does not suffice."""
        world = cls(children, ttl)
        world._listeners.start()
        world._api.start()
        return world

    def stop(self) -> None:
        """Close every socket and end every thread."""
        self._api.stop()
        self._listeners.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def trust_anchor(self) -> str:
        """Return the DS of the root's key as text."""
        key = self._zones[dns.name.root].newest.keys[0]
        return dns.dnssec.make_ds(dns.name.root, key.dnskey, "SHA256").to_text()

    @property
    def update_server(self) -> str:
        """Return `address:port` of the primary server of the TLD that takes updates."""
        return f"{TLDS[DYNAMIC_TLD][0]}:{self.port}"

    def clerk_set_ds(self, zone: str, ds: Iterable[str]) -> None:
        """Let the registry serve exactly these DS (RDATA in text) for a zone."""
        parent = self._zones[dns.name.from_text(zone).parent()]
        rdatas = [dns.rdata.from_text("IN", "DS", text) for text in ds]
        rdataset = dns.rdataset.from_rdata_list(self._ttl, rdatas) if rdatas else None
        parent.put(dns.name.from_text(zone), dns.rdatatype.DS, rdataset)

    def rdata_served(self, zone: str, rdtype: str) -> tuple[bytes, ...]:
        """Return the RDATA of an RRset at a zone's apex, as its primary serves it; a DS is its parent's."""
        name, kind = dns.name.from_text(zone), dns.rdatatype.from_text(rdtype)
        holder = self._zones[name.parent() if kind == dns.rdatatype.DS else name]
        return tuple(rdata.to_wire() or b"" for rdata in holder.newest.find(name, kind) or ())

    def set_lag(self, address: str, seconds: float) -> None:
        """Let one server show every change that many seconds late."""
        self._lag[address] = seconds

    def set_silent(self, address: str, silent: bool) -> None:  # noqa: FBT001  # a switch of one server
        """Let one server stop answering, or answer again."""
        (self._silent.add if silent else self._silent.discard)(address)

    def query_log_count(self, address: str | None = None) -> int:
        """Return how many messages arrived at one address, or at all of them."""
        return self._asked[address] if address else self._asked.total()

    def _by_names(self, *names: str) -> dict[dns.name.Name, Zone]:
        return {name: self._zones[name] for name in map(dns.name.from_text, names)}

    def _sign_parents(self) -> None:
        for tld in TLDS:
            key = make_key(1, sep=True, published=True, active=True)
            name = dns.name.from_text(tld)
            self._zones[name].change_keys(lambda _, key=key: (key,))  # type: ignore[misc]  # a bound default
            self.clerk_set_ds(tld, [dns.dnssec.make_ds(name, key.dnskey, "SHA256").to_text()])
        root_key = make_key(1, sep=True, published=True, active=True)
        self._zones[dns.name.root].change_keys(lambda _: (root_key,))

    def _respond(self, address: str, wire: bytes, over_tcp: bool) -> bytes | None:  # noqa: FBT001  # a callback
        with self._asked_lock:
            self._asked[address] += 1
        if address in self._silent:
            return None
        try:
            query = dns.message.from_wire(wire, keyring=self._keyring)
        except (dns.tsig.BadSignature, dns.tsig.BadTime):
            return refuse_key(wire, BADSIG)
        except dns.message.UnknownTSIGKey:
            return refuse_key(wire, BADKEY)
        except (dns.exception.DNSException, ValueError):
            return _refusal(wire, dns.rcode.FORMERR)
        return self._respond_to(query, wire, address, over_tcp=over_tcp)

    def _respond_to(self, query: dns.message.Message, wire: bytes, address: str, *, over_tcp: bool) -> bytes | None:
        if isinstance(query, dns.update.UpdateMessage):
            dynamic = dns.name.from_text(DYNAMIC_TLD)
            zone = self._hosted[address].get(dynamic) if address == TLDS[DYNAMIC_TLD][0] else None
            return apply_update(query, zone).to_wire()
        if not isinstance(query, dns.message.QueryMessage) or query.flags & dns.flags.QR:
            return _refusal(wire, dns.rcode.NOTIMP)
        lag = self._lag.get(address, 0.0)
        response = answer(query, {name: zone.served(lag) for name, zone in self._hosted[address].items()})
        limit = min(max(query.payload, 512), PAYLOAD) if query.edns >= 0 else 512
        return to_wire(response, limit=TCP_LIMIT if over_tcp else limit)


def _refusal(wire: bytes, rcode: dns.rcode.Rcode) -> bytes | None:
    """Return a bare response with an error; None when there is not even a header, or it is a response."""
    if len(wire) < 12 or wire[2] & 0x80:
        return None
    return wire[:2] + bytes([(wire[2] & 0x78) | 0x80, int(rcode)]) + bytes(8)


def _zone(name: str, children: tuple[str, ...], ttl: int) -> Zone:
    """Return an unsigned zone with its servers, and the delegations below it."""
    records = _apex(name, ttl)
    below = tuple(TLDS) if name == "." else tuple(child for child in children if child.endswith(f".{name}"))
    for child in below:
        records += _servers(child, ttl)
    if name in children:
        records += [(f"www.{name}.", ttl, "A", "192.0.2.80"), (f"{name}.", ttl, "TXT", '"served on loopback"')]
    return Zone(f"{name.rstrip('.')}.", records)


def _apex(name: str, ttl: int) -> list[tuple[str, int, str, str]]:
    owner = f"{name.rstrip('.')}."
    soa = f"{_server_name(name, 1)} hostmaster.{owner.lstrip('.')} 1 60 30 3600 {ttl}"
    return [(owner, ttl, "SOA", soa), *_servers(name, ttl)]


def _servers(name: str, ttl: int) -> list[tuple[str, int, str, str]]:
    owner = f"{name.rstrip('.')}."
    addresses = ROOT if name == "." else TLDS.get(name, CHILDREN)
    records = []
    for number, address in enumerate(addresses, 1):
        server = _server_name(name, number)
        records += [(owner, ttl, "NS", server), (server, ttl, "A", address)]
    return records


def _server_name(name: str, number: int) -> str:
    return "a.root-servers.test." if name == "." else f"ns{number}.{name}."
