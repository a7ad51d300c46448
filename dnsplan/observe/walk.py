"""The delegation, walked from the root hints: zone cuts, their servers, and the addresses of both families.

Every cut and every name is resolved once for a run, whoever needs it. Referrals are believed only about the name that
was asked for, glue only below the zone that gave it. Two sets must not be confused: `reach` is what it takes to ask a
zone (glue where there is any), `servers` is every address that resolvers may ask (glue and authoritative).
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeGuard, TypeVar

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

from dnsplan.model.portfolio import Resolution
from dnsplan.observe.memory import Memory, spend
from dnsplan.observe.routes import Routes, Servers
from dnsplan.observe.transport import Answer, Failed, Transport
from dnsplan.observe.wire import AAAA, NS, A, ns_names, rrset, text_of

T = TypeVar("T")

MOST_ASKED = 16
"""Servers of one zone that are asked for one step of the walk."""
MOST_SERVERS = 64
"""Names of one zone's servers, and addresses of one kind, that are followed; no honest zone has as many."""

Names = frozenset[dns.name.Name]
Glue = frozenset[tuple[dns.name.Name, str]]


@dataclass(frozen=True, slots=True)
class Cut:
    """A zone as its parent delegates it; `parent` is None for the root."""

    zone: dns.name.Name
    parent: dns.name.Name | None
    names: Names
    glue: Glue
    by_apex: bool = False
    """A server of the parent that serves the zone as well answered for it, so that there is no glue."""
    given: frozenset[str] = frozenset()
    """Addresses known to serve it: root hints, or the server of the parent that answered for it."""


@dataclass(frozen=True, slots=True)
class Located:
    """The authoritative addresses of a server's name; `problem` says why they may be incomplete."""

    addresses: frozenset[str]
    problem: str = ""


class Walk:
    """One run's memory of the tree."""

    def __init__(self, transport: Transport, resolution: Resolution, families: frozenset[int]) -> None:
        self._transport = transport
        self._memory = Memory()
        self._root = Cut(dns.name.root, None, frozenset(), frozenset(), given=frozenset(resolution.root_hints))
        self.routes = Routes(families)

    async def ask(self, address: str, name: dns.name.Name, rdtype: int) -> Answer:
        """Return a server's answer to one question of the walk, at the cost of the budget."""
        spend()
        return await self._transport.ask(address, name, rdtype)

    async def cut_above(self, name: dns.name.Name) -> Cut | str:
        """Return the deepest cut at or above a name; text says why the walk stopped."""
        current = self._root
        for count in range(2, len(name.labels) + 1):
            found = await self.cut_at(name.split(count)[1], current)
            if isinstance(found, str):
                return found
            current = found or current
        return current

    async def cut_at(self, zone: dns.name.Name, parent: Cut) -> Cut | str | None:
        """Return the cut at a name below `parent` by its first server that says; None if there is none."""
        return await self._memory.once(
            ("cut", zone), lambda: self._find_cut(zone, parent), circular=f"the delegation of {zone} goes in circles"
        )

    async def _find_cut(self, zone: dns.name.Name, parent: Cut) -> Cut | str | None:
        found = await self.first(parent, zone, NS, lambda answer: referral(answer, zone, parent.zone))
        for server, result in found:
            if isinstance(result, Cut) and result.by_apex:
                return replace(result, given=frozenset({server}))
            if not isinstance(result, Failed):
                return result
        why = ", ".join(f"{server} ({result.reason})" for server, result in found if isinstance(result, Failed))
        return f"no server of {text_of(parent.zone)} answers: {why or 'none has an address in sight'}"

    async def first(
        self, cut: Cut, name: dns.name.Name, rdtype: int, judge: Callable[[Answer], T | Failed]
    ) -> list[tuple[str, T | Failed]]:
        """Return what the first server of a zone answers, and all others too if that is no use."""
        servers = sorted(await self.reach(cut), key=self._transport.is_doubtful)
        found: list[tuple[str, T | Failed]] = []
        for some in (servers[:1], servers[1:MOST_ASKED]):
            answers = await asyncio.gather(*(self.ask(server, name, rdtype) for server in some))
            found.extend(zip(some, map(judge, answers), strict=True))
            if found and not isinstance(found[0][1], Failed):
                break
        return found

    async def reach(self, cut: Cut) -> tuple[str, ...]:
        """Return addresses at which a zone can be asked, sorted: glue, or resolved names where there is none."""
        known = self.routes.in_sight(cut.given | {address for _, address in cut.glue})
        if known:
            return known
        nothing: tuple[str, ...] = ()
        return await self._memory.once(("reach", cut.zone), lambda: self._find_reach(cut), circular=nothing)

    async def _find_reach(self, cut: Cut) -> tuple[str, ...]:
        located = await asyncio.gather(*(self.addresses(name) for name in sorted(cut.names)[:MOST_SERVERS]))
        return self.routes.in_sight(frozenset[str]().union(*(each.addresses for each in located)))

    async def servers(self, cut: Cut) -> Servers:
        """Return all servers of a zone above the ones observed: those its parent names and those it names itself."""
        return await self._memory.once(("servers", cut.zone), lambda: self._find_servers(cut), circular=Servers())

    async def _find_servers(self, cut: Cut) -> Servers:
        answers = await asyncio.gather(*(self.ask(address, cut.zone, NS) for address in await self.reach(cut)))
        own = (ns_names(rrset(answer.answer, cut.zone, NS)) for answer in answers if is_authoritative(answer))
        return await self.locate(cut.names.union(*own), cut.glue, frozenset() if cut.parent else cut.given)

    async def locate(self, names: Names, glue: Glue, given: frozenset[str] = frozenset()) -> Servers:
        """Return where servers of these names are: glue and authoritative addresses of both families."""
        wanted = sorted(names)
        located = await asyncio.gather(*(self.addresses(name) for name in wanted))
        found, lost, by_name = set(given), [], []
        for name, each in zip(wanted, located, strict=True):
            known = each.addresses | {address for owner, address in glue if owner == name}
            found |= known
            by_name.append((text_of(name), self.routes.in_sight(known)))
            if not self.routes.in_sight(known):
                why = each.problem or ("it has no address" if not known else "no address of it is in sight from here")
                lost.append((text_of(name), why))
            elif each.problem and known == each.addresses:
                lost.append((text_of(name), each.problem))
        return Servers(self.routes.in_sight(found), self.routes.hidden(found), tuple(lost), tuple(by_name))

    async def addresses(self, name: dns.name.Name) -> Located:
        """Return the authoritative A and AAAA of a server's name."""
        circle = Located(frozenset(), "its address depends on itself")
        return await self._memory.once(("addresses", name), lambda: self._find_addresses(name), circular=circle)

    async def _find_addresses(self, name: dns.name.Name) -> Located:
        cut = await self.cut_above(name)
        if isinstance(cut, str):
            return Located(frozenset(), cut)
        found: set[str] = set()
        problem = ""
        for results in await asyncio.gather(*(self.first(cut, name, kind, _ips_of(name, kind)) for kind in (A, AAAA))):
            usable = next((result for _, result in results if not isinstance(result, Failed)), None)
            found |= usable or set()
            if usable is None:
                problem = f"no server of {text_of(cut.zone)} says what its addresses are"
        return Located(frozenset(found), problem)


def _ips_of(name: dns.name.Name, kind: int) -> Callable[[Answer], set[str] | Failed]:
    def judge(answer: Answer) -> set[str] | Failed:
        if not is_authoritative(answer):
            return failure(answer) or Failed("lame", "the answer is not authoritative")
        return _ip_addresses(rrset(answer.answer, name, kind))

    return judge


def is_authoritative(answer: Answer) -> TypeGuard[dns.message.Message]:
    """Tell whether it is an authoritative statement about the name, be it that there is nothing."""
    return (
        not isinstance(answer, Failed)
        and bool(answer.flags & dns.flags.AA)
        and answer.rcode() in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}
    )


def referral(answer: Answer, zone: dns.name.Name, parent: dns.name.Name) -> Cut | Failed | None:
    """Return the cut that an answer to the question for NS shows; None if the parent says that there is none."""
    problem = failure(answer)
    if problem is not None or isinstance(answer, Failed):
        return problem
    if answer.flags & dns.flags.AA:
        records = rrset(answer.answer, zone, NS)
        if records is None:
            return None
    else:
        records = rrset(answer.authority, zone, NS)
        if records is None:
            return Failed("lame", "it neither answers nor refers")
    names = ns_names(records)
    glue = frozenset(
        (extra.name.canonicalize(), address)
        for extra in answer.additional
        if extra.name in names and extra.name.is_subdomain(parent)
        for address in _ip_addresses(extra)
    )
    return Cut(zone, parent, names, glue, by_apex=bool(answer.flags & dns.flags.AA))


def failure(answer: Answer) -> Failed | None:
    """Return why an answer says nothing about the name: no answer, or a response code that is an error."""
    if isinstance(answer, Failed):
        return answer
    code = answer.rcode()
    match code:
        case dns.rcode.NOERROR | dns.rcode.NXDOMAIN:
            return None
        case dns.rcode.REFUSED:
            return Failed("refused", "REFUSED")
        case dns.rcode.SERVFAIL:
            return Failed("servfail", "SERVFAIL")
        case _:
            return Failed("lame", dns.rcode.to_text(code))


def _ip_addresses(records: dns.rrset.RRset | None) -> set[str]:
    if records is None or records.rdtype not in {A, AAAA} or records.rdclass != 1:
        return set()
    return {str(ipaddress.ip_address(rdata.address)) for rdata in records}
