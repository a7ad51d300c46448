"""The whole world of real servers on loopback, in a network of its own.

Root (Knot) → tld. (BIND, dynamic update) and cc. (Knot, changed by a clerk) → children; PowerDNS signs them, or the lab
into files that NSD serves, or BIND or Knot that roll their keys themselves, and another NSD is their second server.
Unbound, strict and lenient, and BIND resolve and validate from the world's root, and one more Unbound behind a caching
forwarder, which forgets each zone again and again: as many validators that were started at staggered times.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import dns.exception
import dns.flags
import dns.rcode
from lab_bind import BindPrimary, parent_zone, start_primary, start_resolver
from lab_dns import Server, answers, ask, keys_of
from lab_files import FiledZone, FileSigner, unsigned
from lab_knot import KnotPrimary, start_knot
from lab_network import private_network
from lab_nsd import start_primary as start_nsd_primary
from lab_nsd import start_secondary
from lab_powerdns import PowerDnsServer, start_powerdns
from lab_process import Daemon
from lab_rolling import RollingBind, Surroundings, start_rolling_bind, start_rolling_knot
from lab_unbound import forget, start_unbound

from dnsplan.model.records import Dnskey, make_ds

ROOT, CC, TLD = Server("127.0.1.1"), Server("127.0.1.2"), Server("127.0.1.3")
CHILD_1, CHILD_2 = Server("127.0.1.11"), Server("127.0.1.12")
"""PowerDNS, and the second server of every child."""
FILES, BIND, KNOT = Server("127.0.1.13"), Server("127.0.1.14"), Server("127.0.1.15")
NEW = Server("127.0.1.16")
"""Another PowerDNS, to which zones move."""
RESOLVERS = {
    "unbound": "127.0.1.21",
    "unbound-hardened": "127.0.1.22",
    "bind": "127.0.1.23",
    "unbound-forgetful": "127.0.1.24",
}
FORWARDER = Server("127.0.1.29")
SERVERS = (ROOT, CC, TLD, CHILD_1, CHILD_2, FILES, BIND, KNOT, NEW, FORWARDER)
ADDRESSES = (*(server.address for server in SERVERS), *RESOLVERS.values())
API_PORT = 8081
FORGETS_AFTER = 1.5
"""Seconds after which the forgetful validator begins anew with a zone."""


@dataclass(frozen=True)
class Elsewhere:
    """Children that PowerDNS does not sign: in files, by a BIND with the scheme of each, by a Knot."""

    files: Sequence[str] = ()
    bind: Mapping[str, str] = field(default_factory=dict)
    knot: str = ""
    lifetime: int = 36
    """Seconds after which BIND and Knot roll a KSK or CSK."""
    ds_ttl: int = 12
    moving: Sequence[str] = ()
    """Children of PowerDNS that stand at another PowerDNS as well, with servers and keys of its own."""


@dataclass
class Lab:
    """The running world; `children` are the names of its child zones, `primaries` their first servers."""

    folder: Path
    primaries: Mapping[str, Server]
    root: KnotPrimary
    cc: KnotPrimary
    tld: BindPrimary
    signer: PowerDnsServer
    files: FileSigner
    rolling: RollingBind | None
    anchor: Dnskey
    daemons: list[Daemon] = field(repr=False)
    second: PowerDnsServer | None = None

    @property
    def children(self) -> tuple[str, ...]:
        """Return the names of the child zones."""
        return tuple(self.primaries)

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
def running_lab(
    folder: Path, children: Sequence[str], *, key_ttl: int = 2, elsewhere: Elsewhere = Elsewhere()
) -> Iterator[Lab]:
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
            hosts = {"new1": NEW.address} if child in elsewhere.moving else {}
            signer.add_zone(child, (CHILD_1.address, CHILD_2.address), key_ttl=key_ttl, hosts=hosts)
        second = _start_second(folder / "pdns-new", elsewhere.moving, key_ttl, keep)
        files = _start_files(folder / "files", elsewhere.files, key_ttl, keep)
        rolling = _start_rolling(folder, elsewhere, key_ttl, keep)
        primaries = {
            **dict.fromkeys(children, CHILD_1),
            **dict.fromkeys(elsewhere.files, FILES),
            **dict.fromkeys(elsewhere.bind, BIND),
            **({elsewhere.knot: KNOT} if elsewhere.knot else {}),
        }
        secondary = keep(start_secondary(folder / "nsd", CHILD_2, primaries))
        cc = start_knot(folder / "cc", CC, "cc", parent_zone("cc", CC.address, _delegated(primaries, "cc")))
        keep(cc.daemon)
        tld = start_primary(folder / "tld", TLD, "tld", _delegated(primaries, "tld"))
        keep(tld.daemon)
        root = start_knot(folder / "root", ROOT, "", _root_zone())
        keep(root.daemon)
        (anchor,) = keys_of(ROOT, "")
        lab = Lab(
            folder=folder, primaries=primaries, root=root, cc=cc, tld=tld, signer=signer, files=files, rolling=rolling,
            anchor=anchor, daemons=daemons, second=second,
        )  # fmt: skip
        _start_resolvers(lab, keep)
        for child in primaries:
            secondary.wait_until(lambda name=child: answers(CHILD_2, f"{name}.", "SOA"), f"serving {child}")
        with _forgetting(folder / "unbound-forgetful", lab.children):
            yield lab


def _start_second(
    folder: Path, zones: Sequence[str], key_ttl: int, keep: Callable[[Daemon], Daemon]
) -> PowerDnsServer | None:
    if not zones:
        return None
    second = start_powerdns(folder, NEW, API_PORT)
    keep(second.daemon)
    old = {"ns1": CHILD_1.address, "ns2": CHILD_2.address}
    for zone in zones:
        second.add_zone(zone, (NEW.address,), key_ttl=key_ttl, prefix="new", hosts=old)
    return second


def _start_files(folder: Path, zones: Sequence[str], key_ttl: int, keep: Callable[[Daemon], Daemon]) -> FileSigner:
    addresses = (FILES.address, CHILD_2.address)
    texts = {zone: unsigned(zone, addresses, key_ttl) for zone in (*zones, "unused.tld")}
    primary = start_nsd_primary(folder, FILES, texts, secondary=CHILD_2)
    keep(primary.daemon)
    return FileSigner(
        primary=primary, addresses=addresses, key_ttl=key_ttl, zones={zone: FiledZone() for zone in zones}
    )


def _start_rolling(
    folder: Path, elsewhere: Elsewhere, key_ttl: int, keep: Callable[[Daemon], Daemon]
) -> RollingBind | None:
    around = Surroundings(
        secondary=CHILD_2, parent=TLD, key_ttl=key_ttl, ds_ttl=elsewhere.ds_ttl, lifetime=elsewhere.lifetime
    )
    if elsewhere.knot:
        keep(start_rolling_knot(folder / "rolling-knot", KNOT, elsewhere.knot, around))
    if not elsewhere.bind:
        return None
    rolling = start_rolling_bind(folder / "rolling-bind", BIND, elsewhere.bind, around)
    keep(rolling.daemon)
    return rolling


def _start_resolvers(lab: Lab, keep: Callable[[Daemon], Daemon]) -> None:
    anchor = str(lab.anchor)
    addresses = {name: Server(address) for name, address in RESOLVERS.items()}
    keep(start_unbound("forwarder", lab.folder / "forwarder", FORWARDER, ROOT, anchor, validates=False))
    running = {"bind": keep(start_resolver(lab.folder / "resolver", addresses["bind"], ROOT, anchor))}
    for name in ("unbound", "unbound-hardened", "unbound-forgetful"):
        hardened, behind = name == "unbound-hardened", FORWARDER if name == "unbound-forgetful" else None
        daemon = start_unbound(
            name, lab.folder / name, addresses[name], ROOT, anchor, hardened=hardened, forwarder=behind
        )
        running[name] = keep(daemon)
    for name, daemon in running.items():
        for zone in ("tld.", "cc."):
            daemon.wait_until(lambda at=name, of=zone: lab.resolves(at, of), f"resolving {zone}")


@contextmanager
def _forgetting(resolver: Path, zones: Sequence[str]) -> Iterator[None]:
    """Let a resolver forget one zone after the other meanwhile."""
    stopped = threading.Event()

    def forget_in_turn() -> None:
        for zone in cycle(zones):
            if stopped.wait(FORGETS_AFTER / len(zones)):
                return
            forget(resolver, f"{zone}.")

    thread = threading.Thread(target=forget_in_turn, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _delegated(primaries: Mapping[str, Server], parent: str) -> dict[str, Sequence[str]]:
    """Return the addresses of the children of a parent."""
    return {
        child: (primary.address, CHILD_2.address)
        for child, primary in primaries.items()
        if child.endswith(f".{parent}")
    }


def _root_zone() -> str:
    text = parent_zone("", ROOT.address, {"cc": (CC.address,), "tld": (TLD.address,)})
    for zone, server in (("cc", CC), ("tld", TLD)):
        for key in keys_of(server, zone):
            text += f"{zone}. DS {make_ds(zone, key, 2)}\n"
    return text
