"""Authoritative servers on loopback for the tests of `observe`: real UDP, TCP and signatures, and ways to misbehave."""

from __future__ import annotations

import base64
import selectors
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Self

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataset
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec
from dns.rdtypes.dnskeybase import Flag

from dnsplan.model.records import Dnskey, Ds, dnskey_from_rdata, make_ds
from dnsplan.observe.denial import nsec3_hash

NOW = 1_800_000_000
TTL = 300


@dataclass(frozen=True, eq=False)
class Key:
    """A private key and its DNSKEY."""

    private: ec.EllipticCurvePrivateKey
    record: dns.rdata.Rdata

    @property
    def dnskey(self) -> Dnskey:
        return dnskey_from_rdata(self.record.to_wire())

    def ds(self, zone: str) -> Ds:
        return make_ds(zone, self.dnskey, 2)


@cache
def key(label: str, *, sep: bool = True) -> Key:
    """Return the key of this label; each is made once."""
    private = ec.generate_private_key(ec.SECP256R1())
    flags = Flag.ZONE | Flag.SEP if sep else Flag.ZONE
    return Key(private, dns.dnssec.make_dnskey(private.public_key(), "ECDSAP256SHA256", flags))


@cache
def _signature(origin: str, records: str, signer: Key, begins: int, ends: int) -> dns.rdata.Rdata:
    """Return the signature over an RRset in text; each is made once."""
    owner, ttl, _, rdtype, _ = records.split(maxsplit=4)
    rdatas = [line.split(maxsplit=4)[4] for line in records.splitlines()]
    rrset = dns.rrset.from_text_list(owner, int(ttl), "IN", rdtype, rdatas)
    zone = dns.name.from_text(origin)
    return dns.dnssec.sign(rrset, signer.private, zone, signer.record, inception=begins, expiration=ends)


def name(text: str) -> dns.name.Name:
    return dns.name.from_text(text)


@dataclass
class Zone:
    """A zone's data, its keys, and how it signs and denies."""

    origin: str
    keys: list[Key] = field(default_factory=list)
    data: dict[tuple[dns.name.Name, str], dns.rdataset.Rdataset] = field(default_factory=dict)
    denial: str = "nsec"
    iterations: int = 0
    begins: int = NOW - 3600
    ends: int = NOW + 86400
    signers: dict[str, list[Key]] = field(default_factory=dict)
    """By type, instead of `keys`."""
    original_ttl: int = 0

    def __post_init__(self) -> None:
        self.add(
            self.origin, "SOA", f"ns.{self.origin} hostmaster.{self.origin} 7 3600 600 86400 60".replace("..", ".")
        )
        if self.keys:
            self.publish(*self.keys)

    def add(self, owner: str, rdtype: str, *values: str, ttl: int = TTL) -> Self:
        if values:
            self.data[name(owner), rdtype] = dns.rdataset.from_text("IN", rdtype, ttl, *values)
        else:
            self.data.pop((name(owner), rdtype), None)
        return self

    def publish(self, *keys: Key) -> Self:
        return self.add(self.origin, "DNSKEY", *(each.record.to_text() for each in keys))

    def sign(self, owner: dns.name.Name, records: dns.rdataset.Rdataset) -> dns.rrset.RRset | None:
        signers = self.signers.get(dns.rdatatype.to_text(records.rdtype), self.keys)
        if not signers:
            return None
        nominal = dns.rrset.from_rdata_list(owner, self.original_ttl or records.ttl, list(records))
        made = [_signature(self.origin, nominal.to_text(), each, self.begins, self.ends) for each in signers]
        return dns.rrset.from_rdata_list(owner, records.ttl, made)

    def cut(self, owner: dns.name.Name) -> dns.name.Name | None:
        for depth in range(len(name(self.origin).labels) + 1, len(owner.labels) + 1):
            if (owner.split(depth)[1], "NS") in self.data:
                return owner.split(depth)[1]
        return None

    def types(self, owner: dns.name.Name) -> list[str]:
        return [rdtype for at, rdtype in self.data if at == owner]

    def names(self) -> list[dns.name.Name]:
        """Return the names that are denied around: no glue."""
        return sorted({at for at, _ in self.data if self.cut(at) in {None, at}})

    def deny(self, owner: dns.name.Name) -> list[tuple[dns.name.Name, dns.rdataset.Rdataset]]:
        if self.denial == "none" or not self.keys:
            return []
        return self._nsec(owner) if self.denial == "nsec" else self._nsec3(owner)

    def _nsec(self, owner: dns.name.Name) -> list[tuple[dns.name.Name, dns.rdataset.Rdataset]]:
        names = self.names()
        place = max(index for index, each in enumerate(names) if each <= owner)
        types = " ".join([*self.types(names[place]), "RRSIG", "NSEC"])
        following = names[(place + 1) % len(names)]
        return [(names[place], dns.rdataset.from_text("IN", "NSEC", 60, f"{following} {types}"))]

    def _nsec3(self, owner: dns.name.Name) -> list[tuple[dns.name.Name, dns.rdataset.Rdataset]]:
        opt_out = self.denial == "nsec3-opt-out"
        present = [each for each in self.names() if not (opt_out and self.types(each) == ["NS"])]
        ring = sorted((nsec3_hash(each, b"", self.iterations), each) for each in present)
        hashes = [hashed for hashed, _ in ring]

        def record(place: int) -> tuple[dns.name.Name, dns.rdataset.Rdataset]:
            types = " ".join([*self.types(ring[place][1]), "RRSIG"])
            following = _base32(hashes[(place + 1) % len(ring)])
            text = f"1 {int(opt_out)} {self.iterations} - {following} {types}"
            at = dns.name.Name((_base32(hashes[place]).encode(), *name(self.origin).labels))
            return at, dns.rdataset.from_text("IN", "NSEC3", 60, text)

        if owner in present:
            return [record(present_at(ring, owner))]
        closer = owner
        while closer.parent() not in present:
            closer = closer.parent()
        hashed = nsec3_hash(closer, b"", self.iterations)
        before = max((index for index, each in enumerate(hashes) if each < hashed), default=len(hashes) - 1)
        return [record(present_at(ring, closer.parent())), record(before)]


def present_at(ring: list[tuple[bytes, dns.name.Name]], owner: dns.name.Name) -> int:
    return next(index for index, (_, each) in enumerate(ring) if each == owner)


def _base32(raw: bytes) -> str:
    table = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHIJKLMNOPQRSTUV")
    return base64.b32encode(raw).decode().translate(table)


def respond(zones: Iterable[Zone], query: dns.message.Message) -> dns.message.Message:
    """Return what a correct server with these zones answers."""
    response = dns.message.make_response(query)
    asked, rdtype = query.question[0].name, dns.rdatatype.to_text(query.question[0].rdtype)
    found = sorted((z for z in zones if asked.is_subdomain(name(z.origin))), key=lambda z: len(name(z.origin).labels))
    if rdtype == "DS" and len(found) > 1 and name(found[-1].origin) == asked:
        found.pop()
    if not found:
        response.set_rcode(dns.rcode.REFUSED)
        return response
    zone = found[-1]
    cut = zone.cut(asked)
    if cut is not None and not (cut == asked and rdtype == "DS"):
        records = zone.data[cut, "NS"]
        response.authority.append(dns.rrset.from_rdata_list(cut, records.ttl, list(records)))
        for target in (rdata.target for rdata in records):
            for kind in ("A", "AAAA"):
                if (target, kind) in zone.data:
                    glue = zone.data[target, kind]
                    response.additional.append(dns.rrset.from_rdata_list(target, glue.ttl, list(glue)))
        return response
    response.flags |= dns.flags.AA
    if (asked, rdtype) in zone.data:
        add_signed(response.answer, zone, asked, zone.data[asked, rdtype])
        return response
    if not any(at.is_subdomain(asked) for at, _ in zone.data):
        response.set_rcode(dns.rcode.NXDOMAIN)
    add_signed(response.authority, zone, name(zone.origin), zone.data[name(zone.origin), "SOA"])
    for at, records in zone.deny(asked):
        add_signed(response.authority, zone, at, records)
    return response


def add_signed(section: list[dns.rrset.RRset], zone: Zone, at: dns.name.Name, records: dns.rdataset.Rdataset) -> None:
    section.append(dns.rrset.from_rdata_list(at, records.ttl, list(records)))
    signatures = zone.sign(at, records)
    if signatures is not None:
        section.append(signatures)


def _wire(response: dns.message.Message, *, tcp: bool) -> bytes:
    """Return the wire form, cut with TC where it is too large for UDP."""
    wire = response.to_wire(max_size=65535)
    if not tcp and len(wire) > 1232:
        response.flags |= dns.flags.TC
        response.answer, response.authority, response.additional = [], [], []
        wire = response.to_wire()
    return wire


Twist = Callable[[dns.message.Message, dns.message.Message, bool], "list[bytes | Elsewhere]"]
"""(query, correct response, over TCP) -> datagrams to send."""


@dataclass(frozen=True)
class Elsewhere:
    """A datagram that is sent from another port."""

    data: bytes


@dataclass
class Server:
    """The zones of one address, how it bends its answers, and what it was asked."""

    zones: list[Zone]
    twist: Twist | None = None
    asked: list[tuple[str, str, bool]] = field(default_factory=list)

    def answer(self, wire: bytes, *, tcp: bool) -> list[bytes | Elsewhere]:
        query = dns.message.from_wire(wire)
        self.asked.append((query.question[0].name.to_text(), dns.rdatatype.to_text(query.question[0].rdtype), tcp))
        response = respond(self.zones, query)
        return self.twist(query, response, tcp) if self.twist else [_wire(response, tcp=tcp)]


class Farm:
    """Servers at addresses of 127/8 (or ::1), all at one unprivileged port."""

    def __init__(self, servers: dict[str, Server]) -> None:
        self.servers = servers
        self._selector = selectors.DefaultSelector()
        self.port = self._bind()
        self._wake, stop = socket.socketpair()
        self._selector.register(stop, selectors.EVENT_READ, ("stop", ""))
        self._stop = stop
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wake.send(b"x")
        self._thread.join()
        for registered in list(self._selector.get_map().values()):
            registered.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()
        self._wake.close()

    def _bind(self) -> int:
        """Return a port that is free for UDP and TCP at every address; another process may take one in between."""
        for _ in range(20):
            made: list[tuple[socket.socket, str, str]] = []
            port = 0
            try:
                for address in self.servers:
                    for kind, label in ((socket.SOCK_STREAM, "tcp"), (socket.SOCK_DGRAM, "udp")):
                        made.append((_opened(address, kind, port), label, address))
                        port = made[-1][0].getsockname()[1]
            except OSError:
                for opened, _, _ in made:
                    opened.close()
                continue
            for opened, label, address in made:
                self._selector.register(opened, selectors.EVENT_READ, (label, address))
            return port
        raise OSError("no port is free at every address")

    def _run(self) -> None:
        while True:
            for registered, _ in self._selector.select():
                label, address = registered.data
                if label == "stop":
                    return
                handle = self._udp if label == "udp" else self._tcp
                handle(registered.fileobj, self.servers[address])  # type: ignore[arg-type]

    def _udp(self, receiver: socket.socket, server: Server) -> None:
        wire, source = receiver.recvfrom(4096)
        for each in server.answer(wire, tcp=False):
            if isinstance(each, Elsewhere):
                with socket.socket(receiver.family, socket.SOCK_DGRAM) as other:
                    other.bind((receiver.getsockname()[0], 0))
                    other.sendto(each.data, source)
            else:
                receiver.sendto(each, source)

    def _tcp(self, listener: socket.socket, server: Server) -> None:
        connection = listener.accept()[0]
        with connection:
            connection.settimeout(2)
            size = struct.unpack("!H", connection.recv(2))[0]
            for each in server.answer(connection.recv(size), tcp=True):
                assert isinstance(each, bytes)
                connection.sendall(struct.pack("!H", len(each)) + each)


def _opened(address: str, kind: socket.SocketKind, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    try:
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        if kind == socket.SOCK_STREAM:
            made.listen()
    except OSError:
        made.close()
        raise
    return made
