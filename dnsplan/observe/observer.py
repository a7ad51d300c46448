"""`ports.Dns` on real servers: one complete sweep of many zones, with everything above them resolved once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import dns.exception
import dns.message
import dns.name
import dns.rdatatype

from dnsplan.model.observation import ChildView, Observation, ParentAnswer, ParentView, Unreachable
from dnsplan.model.portfolio import ObserveSettings, Resolution
from dnsplan.observe.chain import DS, Believed, Chain, ds_answer
from dnsplan.observe.child import ask_child
from dnsplan.observe.transport import Failed, Transport
from dnsplan.observe.walk import NS, Cut, Walk
from dnsplan.observe.wire import rrset
from dnsplan.ports import Clock, Sight

ZONES_AT_ONCE = 64


class Observer:
    """Sweeps from configured root hints and port."""

    def __init__(self, resolution: Resolution, settings: ObserveSettings, clock: Clock) -> None:
        self._resolution, self._settings, self._clock = resolution, settings, clock
        self.queries_sent = 0

    def observe(self, sights: Sequence[Sight]) -> list[Observation]:
        """Return an observation for every zone, in the order given; what cannot be reached is a value."""
        return asyncio.run(self.sweep(sights)) if sights else []

    async def sweep(self, sights: Sequence[Sight]) -> list[Observation]:
        """Observe within a running loop."""
        now = self._clock.now()
        transport = Transport(self._settings, self._resolution.port)
        await transport.open()
        walk = Walk(transport, self._resolution, self._settings.families)
        chain = Chain(transport, walk, self._resolution.trust_anchors, now)
        gate = asyncio.Semaphore(ZONES_AT_ONCE)

        async def one(sight: Sight) -> Observation:
            async with gate:
                return await _Look(transport, walk, chain, sight, now).observe()

        try:
            return list(await asyncio.gather(*(one(sight) for sight in sights)))
        finally:
            self.queries_sent += transport.sent
            transport.close()


class _Look:
    """One zone in one sweep."""

    def __init__(self, transport: Transport, walk: Walk, chain: Chain, sight: Sight, now: int) -> None:
        self._transport, self._walk, self._chain = transport, walk, chain
        self._sight, self._now = sight, now

    async def observe(self) -> Observation:
        try:
            zone = dns.name.from_text(self._sight.zone)
            above = await self._walk.cut_above(zone.parent())
        except dns.exception.DNSException as error:
            return self._nothing(f"the name cannot be asked for: {error}")
        if isinstance(above, str):
            return self._nothing(above)
        cut = await self._walk.cut_at(zone, above, 0)
        parents = await self._all_servers(above)
        believed = await self._chain.believed(above)
        extra_parents = self._walk.in_sight(self._sight.extra_parent - set(parents))
        asked = (*parents, *extra_parents)
        views = await asyncio.gather(*(self._ask_parent(address, zone, above, believed) for address in asked))
        parent_zone = above.zone.to_text(omit_final_dot=True).lower()
        if not isinstance(cut, Cut):
            problem = cut or f"{self._sight.zone} is not delegated by {parent_zone}"
            return self._seen(parent_zone, tuple(views), (), frozenset(extra_parents), problem)
        children = await self._all_servers(cut)
        extra = self._walk.in_sight(self._sight.extra_child - set(children))
        answers = await asyncio.gather(
            *(ask_child(self._transport, address, zone, self._now) for address in (*children, *extra))
        )
        problem = "" if children else "no server of the zone has an address in sight"
        return self._seen(parent_zone, tuple(views), tuple(answers), frozenset((*extra, *extra_parents)), problem)

    async def _all_servers(self, cut: Cut) -> tuple[str, ...]:
        """Return the servers that the parent names and those that the zone itself names."""
        found = set(await self._walk.servers(cut))
        for address in sorted(found)[:4]:
            answer = await self._transport.ask(address, cut.zone, NS)
            records = rrset(answer.answer, cut.zone, NS) if isinstance(answer, dns.message.Message) else None
            if records is None:
                continue
            names = {rdata.target for rdata in records} - cut.names
            for addresses in await asyncio.gather(*(self._walk.addresses(name) for name in sorted(names))):
                found |= set(self._walk.in_sight(addresses))
            break
        return tuple(sorted(found))

    async def _ask_parent(self, address: str, zone: dns.name.Name, above: Cut, believed: Believed) -> ParentView:
        message, referral = await asyncio.gather(
            self._transport.ask(address, zone, DS), self._transport.ask(address, zone, NS)
        )
        if isinstance(message, Failed):
            return Unreachable(address=address, reason=message.reason, detail=message.detail)
        try:
            answer = ds_answer(message, zone, above.zone, believed, self._now)
        except ValueError as error:
            return Unreachable(address=address, reason="malformed", detail=str(error))
        if isinstance(answer, Failed):
            return Unreachable(address=address, reason=answer.reason, detail=answer.detail)
        names, ttl = _delegation(referral, zone)
        return ParentAnswer(
            address=address,
            ds=answer.ds,
            ttl=answer.ttl,
            trust=answer.trust,
            detail=answer.detail,
            ns=names,
            ns_ttl=ttl,
        )

    def _nothing(self, problem: str) -> Observation:
        return self._seen(None, (), (), frozenset(), problem)

    def _seen(
        self,
        parent_zone: str | None,
        parent: tuple[ParentView, ...],
        child: tuple[ChildView, ...],
        extra: frozenset[str],
        problem: str,
    ) -> Observation:
        return Observation(
            zone=self._sight.zone,
            at=self._now,
            parent_zone=parent_zone,
            parent=tuple(sorted(parent, key=lambda view: view.address)),
            child=tuple(sorted(child, key=lambda view: view.address)),
            extra=extra,
            families_missing=frozenset(self._walk.families_missing),
            problem=problem,
        )


def _delegation(answer: dns.message.Message | Failed, zone: dns.name.Name) -> tuple[frozenset[str], int]:
    if isinstance(answer, Failed):
        return frozenset(), 0
    records = rrset(answer.authority, zone, NS) or rrset(answer.answer, zone, NS)
    if records is None:
        return frozenset(), 0
    return frozenset(rdata.target.to_text(omit_final_dot=True).lower() for rdata in records), records.ttl
