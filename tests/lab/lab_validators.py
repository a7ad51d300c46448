"""A world of static zones, root → tld. → one child per triple, and the resolvers of five kinds that validate it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

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


def _start_resolvers(
    folder: Path, chosen: Mapping[str, Server], key: Dnskey, keep: Callable[[Daemon], Daemon]
) -> None:
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


class _Asker(asyncio.DatagramProtocol):
    """Questions to one resolver; the answer to each goes to whoever waits for its id."""

    def __init__(self) -> None:
        self.waiting: dict[int, asyncio.Future[int]] = {}

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        identity, flags = struct.unpack("!HH", data[:4])
        future = self.waiting.pop(identity, None)
        if future is not None and not future.done():
            future.set_result(flags)


async def _ask_one(server: Server, questions: Mapping[str, bytes], answers: dict[str, Verdict]) -> None:
    loop = asyncio.get_running_loop()
    transport, asker = await loop.create_datagram_endpoint(_Asker, remote_addr=(server.address, server.port))
    left = iter(enumerate(questions.items()))

    async def work() -> None:
        for number, (name, wire) in left:
            for _ in range(ATTEMPTS):
                future = asker.waiting[number] = loop.create_future()
                transport.sendto(number.to_bytes(2) + wire[2:])
                try:
                    answers[name] = verdict(await asyncio.wait_for(future, PATIENCE))
                    break
                except TimeoutError:
                    continue

    await asyncio.gather(*(work() for _ in range(WINDOW)))
    transport.close()


def ask_everywhere(resolvers: Mapping[str, Server], names: Sequence[str]) -> dict[str, dict[str, Verdict]]:
    """Return, by resolver, what it says of the A of each name; a name that it never answers is left out."""
    answers: dict[str, dict[str, Verdict]] = {name: {} for name in resolvers}
    questions = {
        name: dns.message.make_query(name, "A", use_edns=0, payload=1232, want_dnssec=True, id=0).to_wire()
        for name in names
    }

    async def everywhere() -> None:
        await asyncio.gather(*(_ask_one(server, questions, answers[name]) for name, server in resolvers.items()))

    asyncio.run(everywhere())
    return answers
