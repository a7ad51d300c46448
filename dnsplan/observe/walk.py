"""The delegation, walked from the root hints: zone cuts, their servers, and the addresses of both families.

Every cut and every name is resolved once for a run, whoever needs it. Referrals are believed only about the name that
was asked for, glue only below the zone that gave it.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from dnsplan.model.portfolio import Resolution
from dnsplan.observe.transport import Failed, Transport, has_route
from dnsplan.observe.wire import rrset

K = TypeVar("K")
V = TypeVar("V")

DEEPEST = 12
MOST_SERVERS = 32
NS, A, AAAA = int(dns.rdatatype.NS), int(dns.rdatatype.A), int(dns.rdatatype.AAAA)


@dataclass(frozen=True, slots=True)
class Cut:
    """A zone as its parent delegates it; `parent` is None for the root."""

    zone: dns.name.Name
    parent: dns.name.Name | None
    names: frozenset[dns.name.Name]
    glue: tuple[tuple[dns.name.Name, str], ...]
    addresses: tuple[str, ...] = ()
    """Given ones, for the root."""


class Walk:
    """One run's memory of the tree."""

    def __init__(self, transport: Transport, resolution: Resolution, families: frozenset[int]) -> None:
        self._transport = transport
        self._families = families
        self._cuts: dict[dns.name.Name, asyncio.Future[Cut | str | None]] = {}
        self._addresses: dict[dns.name.Name, asyncio.Future[frozenset[str]]] = {}
        self._servers: dict[dns.name.Name, asyncio.Future[tuple[str, ...]]] = {}
        self._root = Cut(dns.name.root, None, frozenset(), (), tuple(resolution.root_hints))
        self.families_missing: set[int] = set()
        self._routes: dict[str, bool] = {}

    async def cut_above(self, name: dns.name.Name, depth: int = 0) -> Cut | str:
        """Return the deepest cut at or above a name; text says why the walk stopped."""
        current = self._root
        labels = len(name.labels)
        for count in range(2, labels + 1):
            found = await self.cut_at(name.split(count)[1], current, depth)
            if isinstance(found, str):
                return found
            current = found or current
        return current

    async def cut_at(self, zone: dns.name.Name, parent: Cut, depth: int) -> Cut | str | None:
        """Return the cut at a name below `parent`; None if there is none; text if no server could say."""
        return await _once(self._cuts, zone, lambda: self._find_cut(zone, parent, depth))

    async def _find_cut(self, zone: dns.name.Name, parent: Cut, depth: int) -> Cut | str | None:
        if depth > DEEPEST:
            return f"the delegation of {zone} goes in circles"
        failures = []
        for address in (await self.servers(parent, depth + 1))[:MOST_SERVERS]:
            answer = await self._transport.ask(address, zone, NS)
            if isinstance(answer, Failed):
                failures.append(f"{address} ({answer.reason})")
                continue
            if answer.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
                failures.append(f"{address} ({dns.rcode.to_text(answer.rcode())})")
                continue
            return _cut_of(answer, zone, parent)
        return f"no server of {parent.zone} answers: {', '.join(failures) or 'it has no address'}"

    async def servers(self, cut: Cut, depth: int = 0) -> tuple[str, ...]:
        """Return the addresses of a cut's servers that have a route from here, sorted."""
        return await _once(self._servers, cut.zone, lambda: self._find_servers(cut, depth))

    async def _find_servers(self, cut: Cut, depth: int) -> tuple[str, ...]:
        glue = {name: {a for n, a in cut.glue if n == name} for name in cut.names}
        found = set(cut.addresses).union(*glue.values()) if glue else set(cut.addresses)
        missing = [name for name in sorted(cut.names) if not glue[name]]
        if depth <= DEEPEST:
            for addresses in await asyncio.gather(*(self.addresses(name, depth + 1) for name in missing)):
                found |= addresses
        return self.in_sight(found)

    def in_sight(self, addresses: Iterable[str]) -> tuple[str, ...]:
        """Return those addresses of wanted families to which there is a route; the others' family is noted once."""
        result = []
        for address in sorted(set(addresses), key=lambda text: (":" in text, text)):
            family = 6 if ":" in address else 4
            if family not in self._families:
                continue
            if self._routes.setdefault(address, has_route(address)):
                result.append(address)
            else:
                self.families_missing.add(family)
        return tuple(result)

    async def addresses(self, name: dns.name.Name, depth: int = 0) -> frozenset[str]:
        """Return the authoritative A and AAAA of a server's name."""
        return await _once(self._addresses, name, lambda: self._find_addresses(name, depth))

    async def _find_addresses(self, name: dns.name.Name, depth: int) -> frozenset[str]:
        if depth > DEEPEST:
            return frozenset()
        cut = await self.cut_above(name, depth + 1)
        if isinstance(cut, str):
            return frozenset()
        found = {address for owner, address in cut.glue if owner == name}
        for server in (self.in_sight(found) or await self.servers(cut, depth + 1))[:MOST_SERVERS]:
            answers = await asyncio.gather(*(self._transport.ask(server, name, kind) for kind in (A, AAAA)))
            usable = [answer for answer in answers if isinstance(answer, dns.message.Message)]
            for answer in usable:
                for kind in (A, AAAA):
                    found |= _ip_addresses(rrset(answer.answer, name, kind))
            if usable:
                break
        return frozenset(found)


def _cut_of(answer: dns.message.Message, zone: dns.name.Name, parent: Cut) -> Cut | None:
    """Return the cut that an answer to the question for NS shows; None if there is none at this name."""
    records = rrset(answer.answer, zone, NS) if answer.flags & dns.flags.AA else rrset(answer.authority, zone, NS)
    if records is None:
        return None
    names = frozenset(rdata.target for rdata in list(records)[:MOST_SERVERS])
    glue = tuple(
        (additional.name, address)
        for additional in answer.additional
        if additional.name in names and additional.name.is_subdomain(parent.zone)
        for address in sorted(_ip_addresses(additional))
    )
    return Cut(zone, parent.zone, names, glue)


def _ip_addresses(records: dns.rrset.RRset | None) -> set[str]:
    if records is None or records.rdtype not in {A, AAAA}:
        return set()
    return {str(ipaddress.ip_address(rdata.address)) for rdata in records}


async def _once(memory: dict[K, asyncio.Future[V]], key: K, make: Callable[[], Coroutine[Any, Any, V]]) -> V:
    """Return what `make` gives, called once for each key, however many wait for it."""
    if key not in memory:
        memory[key] = asyncio.ensure_future(make())
    return await memory[key]
