"""A small tree on loopback: root, `test.` on two servers, `child.test.` on two servers, everything signed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from nameservers import NOW, Farm, Server, Zone, key

from dnsplan.model.observation import ChildAnswer, ChildView, Observation, ParentAnswer, ParentView, Unreachable
from dnsplan.model.portfolio import ObserveSettings, Resolution
from dnsplan.model.time import Instant
from dnsplan.observe import Observer
from dnsplan.ports import Sight

ROOT, PARENTS, CHILDREN = "127.1.1.1", ("127.1.2.1", "127.1.2.2"), ("127.1.3.1", "127.1.3.2")
PATIENT = ObserveSettings(timeout_ms=3000, tries=2, rate_per_server=10_000)
"""For servers that answer, on however busy a machine."""
IMPATIENT = ObserveSettings(timeout_ms=250, tries=2, rate_per_server=10_000)
"""For servers that do not."""


class Stopped:
    """A clock that stands still."""

    def now(self) -> Instant:
        return NOW

    def sleep_until(self, instant: Instant) -> None:
        raise AssertionError(instant)


@dataclass
class Tree:
    """Zones to change before the servers start, and the servers that have them."""

    root: Zone
    parent: Zone
    child: Zone
    servers: dict[str, Server]
    settings: ObserveSettings = PATIENT
    anchors: tuple[str, ...] = field(default=())

    def serve(self, address: str, *zones: Zone) -> Server:
        self.servers[address] = Server(list(zones))
        return self.servers[address]

    def observe(self, *zones: str | Sight, hints: Iterable[str] = (ROOT,)) -> list[Observation]:
        sights = [each if isinstance(each, Sight) else Sight(zone=each) for each in zones or ("child.test",)]
        with Farm(self.servers) as farm:
            resolution = Resolution(root_hints=tuple(hints), port=farm.port, trust_anchors=self.anchors)
            return Observer(resolution, self.settings, Stopped()).observe(sights)

    def look(self) -> Observation:
        return self.observe()[0]


def make_tree() -> Tree:
    """Return the correct tree; a test bends it before it looks."""
    root = Zone(".", [key("root")])
    root.add(".", "NS", "a.root.").add("a.root.", "A", ROOT)
    root.add("test.", "NS", "a.nic.test.", "b.nic.test.").add("test.", "DS", str(key("parent").ds("test")))
    parent = Zone("test.", [key("parent")]).add("test.", "NS", "a.nic.test.", "b.nic.test.")
    for label, address in zip("ab", PARENTS, strict=True):
        for zone in (root, parent):
            zone.add(f"{label}.nic.test.", "A", address)
    child = Zone("child.test.", [key("child")])
    delegate(parent, child, CHILDREN)
    parent.add("child.test.", "DS", str(key("child").ds("child.test")))
    servers = {ROOT: Server([root])}
    servers |= {address: Server([parent]) for address in PARENTS}
    servers |= {address: Server([child]) for address in CHILDREN}
    return Tree(root, parent, child, servers, anchors=(str(key("root").ds("")),))


def delegate(parent: Zone, child: Zone, addresses: Iterable[str]) -> None:
    """Give the child servers ns1, ns2 and so on in its own zone, with glue."""
    wanted = list(addresses)
    names = [f"ns{number}.{child.origin}" for number in range(1, len(wanted) + 1)]
    for zone in (parent, child):
        zone.add(child.origin, "NS", *names)
        for each, address in zip(names, wanted, strict=True):
            zone.add(each, "AAAA" if ":" in address else "A", address)


def parents_of(seen: Observation) -> list[ParentAnswer]:
    """Return the parent's answers; every server must have given one."""
    assert all(isinstance(view, ParentAnswer) for view in seen.parent), seen.parent
    return [view for view in seen.parent if isinstance(view, ParentAnswer)]


def children_of(seen: Observation) -> list[ChildAnswer]:
    """Return the child's answers; every server must have given one."""
    assert all(isinstance(view, ChildAnswer) for view in seen.child), seen.child
    return [view for view in seen.child if isinstance(view, ChildAnswer)]


def at(views: tuple[ParentView, ...] | tuple[ChildView, ...], address: str) -> ParentView | ChildView:
    """Return the view of one address."""
    return next(view for view in views if view.address == address)


def failures(views: tuple[ParentView, ...] | tuple[ChildView, ...]) -> dict[str, str]:
    """Return the reasons of the addresses that gave no usable answer."""
    return {view.address: view.reason for view in views if isinstance(view, Unreachable)}
