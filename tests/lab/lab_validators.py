"""A world of static zones, root → tld. → one child per triple, and the resolvers of five kinds that validate it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from itertools import cycle
from pathlib import Path
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.rcode
from lab_bind import parent_zone, start_resolver
from lab_dns import Server, ask
from lab_network import private_network
from lab_nsd import NsdPrimary, start_primary
from lab_process import Daemon, LabError
from lab_recursors import start_kresd, start_recursor
from lab_signing import Key, make_keys, self_signed
from lab_unbound import start_unbound

from dnsplan.model.records import Dnskey, make_ds

ROOT, TLD, CHILDREN = Server("127.0.1.1"), Server("127.0.1.2"), Server("127.0.1.3")
RESOLVERS = {
    "unbound": Server("127.0.1.21"),
    "unbound-hardened": Server("127.0.1.22"),
    "bind": Server("127.0.1.23"),
    "knot-resolver": Server("127.0.1.24"),
    "pdns-recursor": Server("127.0.1.25"),
}
TTL = 3600
WINDOW = 40
"""Questions that wait at one resolver at a time."""
PATIENCE = 4.0
"""Seconds until a question is asked again."""
ATTEMPTS = 3


class Verdict(Enum):
    """What a resolver says of a name."""

    SECURE = "secure"
    INSECURE = "insecure"
    BOGUS = "bogus"


def verdict(flags: int) -> Verdict:
    """Return what the header of a response says; LabError for what is neither NOERROR nor SERVFAIL."""
    match flags & 15:
        case dns.rcode.SERVFAIL:
            return Verdict.BOGUS
        case dns.rcode.NOERROR:
            return Verdict.SECURE if flags & dns.flags.AD else Verdict.INSECURE
        case other:
            raise LabError(f"a resolver answered {dns.rcode.to_text(dns.rcode.Rcode(other))}")


@dataclass
class World:
    """The running world."""

    tld: NsdPrimary
    children: NsdPrimary
    keys: Mapping[str, Key]
    resolvers: Mapping[str, Server]

    def sign_tld(self, text: str) -> str:
        """Return the zone file of tld., signed."""
        return self_signed("tld", text, self.keys["tld"])


@contextmanager
def running_world(
    folder: Path, tld: str, children: Mapping[str, str], resolvers: Iterable[str] = tuple(RESOLVERS)
) -> Iterator[World]:
    """Yield the world with an unsigned tld. and finished children, and end every process afterwards."""
    chosen = {name: RESOLVERS[name] for name in resolvers}
    addresses = [server.address for server in (ROOT, TLD, CHILDREN, *chosen.values())]
    keys = make_keys({"root": 13, "tld": 13}, sep=("root", "tld"))
    root = parent_zone("", ROOT.address, {"tld": (TLD.address,)}, TTL)
    root += f"tld. DS {make_ds('tld', keys['tld'].record, 2)}\n"
    with private_network(addresses), ExitStack() as stack:

        def keep(daemon: Daemon) -> Daemon:
            stack.callback(daemon.stop)
            return daemon

        child_server = start_primary(folder / "children", CHILDREN, children)
        keep(child_server.daemon)
        tld_server = start_primary(folder / "tld", TLD, {"tld": self_signed("tld", tld, keys["tld"])})
        keep(tld_server.daemon)
        keep(start_primary(folder / "root", ROOT, {"": self_signed("", root, keys["root"])}).daemon)
        _start_resolvers(folder, chosen, keys["root"].record, keep)
        yield World(tld=tld_server, children=child_server, keys=keys, resolvers=chosen)


def _start_resolvers(folder: Path, chosen: Mapping[str, Server], key: Dnskey, keep: Callable[[Daemon], Daemon]) -> None:
    running, anchor = {}, str(key)
    for name, server in chosen.items():
        match name:
            case "bind":
                daemon = start_resolver(folder / name, server, ROOT, anchor)
            case "knot-resolver":
                daemon = start_kresd(folder / name, server, ROOT, anchor)
            case "pdns-recursor":
                daemon = start_recursor(folder / name, server, ROOT, str(make_ds("", key, 2)))
            case _:
                hardened = name == "unbound-hardened"
                daemon = start_unbound(name, folder / name, server, ROOT, anchor, hardened=hardened)
        running[name] = keep(daemon)
    for name, daemon in running.items():
        daemon.wait_until(lambda at=chosen[name]: _validates_tld(at), "validating tld.")


def _validates_tld(server: Server) -> bool:
    try:
        return verdict(ask(server, "tld.", "SOA", recursion=True, timeout=0.5).flags) is Verdict.SECURE
    except (OSError, dns.exception.DNSException):
        return False


class Asker(asyncio.DatagramProtocol):
    """Questions to one resolver, many at a time; the answer to each goes to whoever waits for its id."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._ids = cycle(range(0x10000))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note of the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Wake who waits for this answer."""
        identity, flags = struct.unpack("!HH", data[:4])
        future = self._waiting.pop(identity, None)
        if future is not None and not future.done():
            future.set_result(flags)

    async def ask(self, wire: bytes) -> Verdict | None:
        """Return what the resolver says; None when it does not answer."""
        assert self._transport is not None
        for _ in range(ATTEMPTS):
            identity = next(self._ids)
            future = self._waiting[identity] = asyncio.get_running_loop().create_future()
            self._transport.sendto(identity.to_bytes(2) + wire[2:])
            with suppress(TimeoutError):
                return verdict(await asyncio.wait_for(future, PATIENCE))
        return None

    def close(self) -> None:
        """Close the socket."""
        assert self._transport is not None
        self._transport.close()


async def asker_of(server: Server) -> Asker:
    """Return a way to ask a resolver."""
    address = (server.address, server.port)
    return (await asyncio.get_running_loop().create_datagram_endpoint(Asker, remote_addr=address))[1]


def question(name: str, rrtype: str = "A") -> bytes:
    """Return a question with CD=0 and DO=1."""
    return dns.message.make_query(name, rrtype, use_edns=0, payload=1232, want_dnssec=True, id=0).to_wire()


async def _ask_all(server: Server, questions: Mapping[str, bytes], answers: dict[str, Verdict]) -> None:
    asker = await asker_of(server)
    left = iter(questions.items())

    async def work() -> None:
        for name, wire in left:
            if (said := await asker.ask(wire)) is not None:
                answers[name] = said

    await asyncio.gather(*(work() for _ in range(WINDOW)))
    asker.close()


def ask_everywhere(resolvers: Mapping[str, Server], names: Sequence[str]) -> dict[str, dict[str, Verdict]]:
    """Return, by resolver, what it says of the A of each name; a name that it never answers is left out."""
    answers: dict[str, dict[str, Verdict]] = {name: {} for name in resolvers}
    questions = {name: question(name) for name in names}

    async def everywhere() -> None:
        await asyncio.gather(*(_ask_all(server, questions, answers[name]) for name, server in resolvers.items()))

    asyncio.run(everywhere())
    return answers
