"""What the contract of parents needs of each: the adapter, the real state behind it, and somebody else's hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Protocol

import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
from lab_bind import parent_zone as zone_text
from lab_bind import start_primary
from lab_dns import Server, ds_of, rrset
from lab_knot import start_knot
from lab_process import free_port
from relay import Relay, is_dns_update

from dnsplan.model.portfolio import Secret, Setting, WayIn
from dnsplan.model.records import Ds
from dnsplan.model.secret import SecretText
from dnsplan.parents import Surroundings, connect_parent
from dnsplan.ports import Parent

CHILDREN = 60
WRONG_SECRET = "d3JvbmctYnV0LXdlbGwtZm9ybWVkLXNlY3JldA=="


class ParentRig(Protocol):
    """A parent under test; every rig starts with a delegated zone that has no DS."""

    zone: str
    adapter: Parent
    secrets: tuple[str, ...]
    """Texts that must never come to light."""


class WritingParentRig(ParentRig, Protocol):
    """A parent that the adapter itself changes."""

    stranger: Parent
    """The same with bad credentials."""

    def served(self) -> tuple[Ds, ...]:
        """Return the DS that the parent really serves, sorted."""

    def ttl(self) -> int:
        """Return the TTL of the DS RRset."""

    def edit(self, ds: Iterable[Ds]) -> None:
        """Replace the DS behind the adapter's back."""

    def edit_before_next_write(self, ds: Iterable[Ds]) -> None:
        """Do so after the adapter has read and before its change arrives."""

    def writes(self) -> int:
        """Return how many changes have been asked for so far."""

    def lose_next_answer(self) -> None:
        """Let the next change take effect and its answer vanish."""

    def die(self) -> None:
        """Let the parent be unreachable."""


@dataclass
class HandedOver:
    """A parent that only a person or the parent itself changes."""

    zone: str
    adapter: Parent
    secrets: tuple[str, ...] = ()


@dataclass
class Updated:
    """A real server that takes dynamic updates, behind a relay."""

    zone: str
    adapter: Parent
    stranger: Parent
    server: Server
    parent: str
    secret: str = field(repr=False)
    relay: Relay = field(repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.secret, WRONG_SECRET)

    def served(self) -> tuple[Ds, ...]:
        return ds_of(self.server, self.zone)

    def ttl(self) -> int:
        found = rrset(self.server, f"{self.zone}.", "DS")
        assert found is not None
        return found.ttl

    def edit(self, ds: Iterable[Ds]) -> None:
        update = dns.update.UpdateMessage(f"{self.parent}.", keyring=dns.tsigkeyring.from_text({"upd.": self.secret}))
        update.delete(f"{self.zone}.", "DS")
        for record in ds:
            update.add(f"{self.zone}.", 5, "DS", str(record))
        for _ in range(50):  # a server that has only just begun to sign its zone refuses the first updates
            code = dns.query.tcp(update, self.server.address, 5, self.server.port).rcode()
            if code == dns.rcode.NOERROR:
                return
            time.sleep(0.1)
        raise AssertionError(dns.rcode.to_text(code))

    def edit_before_next_write(self, ds: Iterable[Ds]) -> None:
        self.relay.before_write = lambda: self.edit(ds)

    def writes(self) -> int:
        return self.relay.writes

    def lose_next_answer(self) -> None:
        self.relay.lose_next_answer = True

    def die(self) -> None:
        self.relay.close()


RigMaker = Callable[[], AbstractContextManager[ParentRig]]


def connected(kind: str, settings: dict[str, Setting], secrets: dict[str, str]) -> Parent:
    """Return an adapter as the command line would."""
    surroundings = Surroundings(resolve=lambda secret: SecretText(secrets[secret.env or ""]), root=Path())
    return connect_parent(WayIn(name="under-test", type=kind, settings=settings), surroundings)


def updated_rigs(server: Server, parent: str, secret: str) -> RigMaker:
    """Return a maker of rigs, each with a child of its own."""
    numbers = count()

    @contextmanager
    def make() -> Iterator[ParentRig]:
        with Relay(server.address, server.port, is_dns_update) as relay:
            settings: dict[str, Setting] = {
                "server": f"127.0.0.1:{relay.port}",
                "zone": parent,
                "tsig": {"name": "upd", "algorithm": "hmac-sha256", "secret": Secret(env="TSIG")},
                "ds_ttl": "5s",
            }
            yield Updated(
                zone=f"child{next(numbers)}.{parent}",
                adapter=connected("rfc2136", settings, {"TSIG": secret}),
                stranger=connected("rfc2136", settings, {"TSIG": WRONG_SECRET}),
                server=server,
                parent=parent,
                secret=secret,
                relay=relay,
            )

    return make


def _children(parent: str) -> dict[str, tuple[str, ...]]:
    return {f"child{number}.{parent}": ("127.0.0.1",) for number in range(CHILDREN)}


@contextmanager
def bind_parents(folder: Path) -> Iterator[RigMaker]:
    """Yield rigs at a signed zone of BIND."""
    bind = start_primary(folder, Server("127.0.0.1", free_port()), "tld", _children("tld"))
    try:
        yield updated_rigs(bind.server, "tld", bind.secret)
    finally:
        bind.daemon.stop()


@contextmanager
def knot_parents(folder: Path) -> Iterator[RigMaker]:
    """Yield rigs at a signed zone of Knot."""
    text = zone_text("knot", "127.0.0.1", _children("knot"))
    knot = start_knot(folder, Server("127.0.0.1", free_port()), "knot", text)
    try:
        yield updated_rigs(knot.server, "knot", knot.secret)
    finally:
        knot.daemon.stop()


@contextmanager
def manual_parents(folder: Path) -> Iterator[RigMaker]:
    """Yield rigs at a parent that a person changes."""
    yield _handed_over("manual", {"contact": "registry desk"})


@contextmanager
def scanning_parents(folder: Path) -> Iterator[RigMaker]:
    """Yield rigs at a parent that scans."""
    yield _handed_over("cds", {})


def _handed_over(kind: str, settings: dict[str, Setting]) -> RigMaker:
    @contextmanager
    def make() -> Iterator[ParentRig]:
        yield HandedOver(zone="child.tld", adapter=connected(kind, settings, {}))

    return make
