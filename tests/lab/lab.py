"""The whole world of real servers on loopback, in a network of its own.

Root (Knot) → tld. (BIND, dynamic update) and cc. (Knot, changed by a clerk) → children (PowerDNS signs, NSD is their
second server); Unbound, strict and lenient, and BIND resolve and validate from the world's root.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.exception
import dns.flags
import dns.rcode
from lab_bind import BindPrimary, parent_zone, start_primary, start_resolver
from lab_dns import Server, answers, ask, keys_of
from lab_knot import KnotPrimary, start_knot
from lab_network import private_network
from lab_nsd import start_secondary
from lab_powerdns import PowerDnsServer, start_powerdns
from lab_process import Daemon
from lab_unbound import start_unbound

from dnsplan.model.records import Dnskey, make_ds

ROOT, CC, TLD = Server("127.0.1.1"), Server("127.0.1.2"), Server("127.0.1.3")
CHILD_1, CHILD_2 = Server("127.0.1.11"), Server("127.0.1.12")
CHILD_SERVERS = (CHILD_1.address, CHILD_2.address)
RESOLVERS = {"unbound": "127.0.1.21", "unbound-hardened": "127.0.1.22", "bind": "127.0.1.23"}
ADDRESSES = (ROOT.address, CC.address, TLD.address, *CHILD_SERVERS, *RESOLVERS.values())
API_PORT = 8081


@dataclass
class Lab:
    """The running world; `children` are the names of its child zones."""

    folder: Path
    children: tuple[str, ...]
    root: KnotPrimary
    cc: KnotPrimary
    tld: BindPrimary
    signer: PowerDnsServer
    anchor: Dnskey
    daemons: list[Daemon] = field(repr=False)

    def is_secure(self, resolver: str, name: str, rrtype: str = "SOA") -> bool:
        """Tell whether a resolver validates an answer."""
        response = ask(Server(RESOLVERS[resolver]), name, rrtype, recursion=True)
        return response.rcode() == dns.rcode.NOERROR and bool(response.flags & dns.flags.AD)

    def resolves(self, resolver: str, name: str) -> bool:
        """Tell soon whether a resolver answers at all."""
        try:
            response = ask(Server(RESOLVERS[resolver]), name, "SOA", recursion=True, timeout=0.5)
        except (OSError, dns.exception.DNSException):
            return False
        return response.rcode() == dns.rcode.NOERROR

    def clerk_sets_ds(self, zone: str, key: Dnskey | None) -> None:
        """Let the registry's clerk of cc. type in the DS of a key, or remove it."""
        self.cc.edit_ds(zone, [make_ds(zone, key, 2)] if key else [])


@contextmanager
def running_lab(folder: Path, children: Sequence[str], *, key_ttl: int = 2) -> Iterator[Lab]:
    """Yield the world with unsigned children (names under tld. and cc.), and end every process afterwards."""
    with private_network(ADDRESSES), ExitStack() as stack:
        daemons: list[Daemon] = []

        def keep(daemon: Daemon) -> Daemon:
            daemons.append(daemon)
            stack.callback(daemon.stop)
            return daemon

        signer = start_powerdns(folder / "pdns", CHILD_1, API_PORT, (CHILD_2.address,))
        keep(signer.daemon)
        for child in children:
            signer.add_zone(child, CHILD_SERVERS, key_ttl=key_ttl)
        secondary = keep(start_secondary(folder / "nsd", CHILD_2, CHILD_1, children))
        cc = start_knot(folder / "cc", CC, "cc", parent_zone("cc", CC.address, _delegated(children, "cc")))
        keep(cc.daemon)
        tld = start_primary(folder / "tld", TLD, "tld", _delegated(children, "tld"))
        keep(tld.daemon)
        root = start_knot(folder / "root", ROOT, "", _root_zone())
        keep(root.daemon)
        (anchor,) = keys_of(ROOT, "")
        lab = Lab(
            folder=folder, children=tuple(children), root=root, cc=cc, tld=tld, signer=signer, anchor=anchor,
            daemons=daemons,
        )  # fmt: skip
        _start_resolvers(lab, keep)
        for child in children:
            secondary.wait_until(lambda name=child: answers(CHILD_2, f"{name}.", "SOA"), f"serving {child}")
        yield lab


def _start_resolvers(lab: Lab, keep: Callable[[Daemon], Daemon]) -> None:
    anchor = str(lab.anchor)
    addresses = {name: Server(address) for name, address in RESOLVERS.items()}
    running = {"bind": keep(start_resolver(lab.folder / "resolver", addresses["bind"], ROOT, anchor))}
    for name in ("unbound", "unbound-hardened"):
        running[name] = keep(
            start_unbound(name, lab.folder / name, addresses[name], ROOT, anchor, hardened=name == "unbound-hardened")
        )
    for name, daemon in running.items():
        for zone in ("tld.", "cc."):
            daemon.wait_until(lambda at=name, of=zone: lab.resolves(at, of), f"resolving {zone}")


def _delegated(children: Sequence[str], parent: str) -> dict[str, Sequence[str]]:
    return {child: CHILD_SERVERS for child in children if child.endswith(f".{parent}")}


def _root_zone() -> str:
    text = parent_zone("", ROOT.address, {"cc": (CC.address,), "tld": (TLD.address,)})
    for zone, server in (("cc", CC), ("tld", TLD)):
        for key in keys_of(server, zone):
            text += f"{zone}. DS {make_ds(zone, key, 2)}\n"
    return text
