"""One zone in one sweep: every server of its parent and of itself, asked and judged."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import dns.exception
import dns.name

from dnsplan.model.observation import ChildAnswer, ChildView, Host, Observation, ParentAnswer, ParentView, Unreachable
from dnsplan.observe.chain import Believed, Chain, ds_answer
from dnsplan.observe.child import ask_child
from dnsplan.observe.memory import TooMuchWorkError, grant
from dnsplan.observe.routes import Servers, is_address
from dnsplan.observe.transport import Answer, Failed, Transport
from dnsplan.observe.walk import MOST_SERVERS, Cut, Glue, Names, Walk, referral
from dnsplan.observe.wire import DS, NS, rrset, text_of
from dnsplan.ports import Sight

WALK_BUDGET = 1000
"""Questions that finding one zone's servers may cost: far above what any honest delegation needs."""
ROUNDS = 4
"""How often servers may name servers that had not been named before."""


class Look:
    """Ask about one zone; what is above it and beside it is shared by all looks of a run."""

    def __init__(self, transport: Transport, walk: Walk, chain: Chain, sight: Sight, now: int) -> None:
        self._transport, self._walk, self._chain = transport, walk, chain
        self._sight, self._now = sight, now
        self._families_missing: set[int] = set()
        self._extra: set[str] = set()
        self._hosts: list[Host] = []
        self._beside_at: frozenset[str] = frozenset()

    async def observe(self) -> Observation:
        """Return the observation; whatever prevents it stands in `problem`."""
        grant(WALK_BUDGET)
        try:
            zone = dns.name.from_text(self._sight.zone)
            above = await self._walk.cut_above(zone.parent())
            if isinstance(above, str):
                return self._seen(None, [], [], above)
            return await self._below(zone, above)
        except dns.exception.DNSException as error:
            return self._seen(None, [], [], f"the name cannot be asked for: {error}")
        except TooMuchWorkError:
            return self._seen(None, [], [], f"finding its servers takes more than {WALK_BUDGET} questions")

    async def _below(self, zone: dns.name.Name, above: Cut) -> Observation:
        parents, believed = await asyncio.gather(self._walk.servers(above), self._chain.believed(above))
        parent_zone = text_of(above.zone)
        if len(parents.addresses) > MOST_SERVERS:
            return self._seen(parent_zone, [], [], f"{parent_zone} has more than {MOST_SERVERS} server addresses")
        self._hosts = [Host(side="parent", name=name, addresses=its) for name, its in parents.by_name]
        extra = self._extras(self._sight.extra_parent, parents.addresses)
        asked = (*parents.addresses, *extra)
        delegations = await asyncio.gather(*(self._transport.ask(address, zone, NS) for address in asked))
        judged = [referral(answer, zone, above.zone) for answer in delegations]
        views = await asyncio.gather(
            *(self._ask_parent(*each, zone, above, believed) for each in zip(asked, delegations, judged, strict=True))
        )
        views += self._lost(parents, self._sight.extra_parent)
        current = judged[: len(parents.addresses)]
        cuts = [each for each in current if isinstance(each, Cut)]
        children, problem = await self._children(zone, cuts)
        beside = await self._beside(zone, children)
        if not cuts:
            answered = any(each is None for each in current)
            problem = f"{parent_zone} does not delegate it" if answered else f"no server of {parent_zone} answers"
        seen = self._seen(parent_zone, views, children, problem)
        return replace(seen, beside=tuple(beside.values()), beside_at=self._beside_at)

    async def _beside(self, zone: dns.name.Name, children: Sequence[ChildView]) -> dict[str, ChildView]:
        """Ask the servers of another signer that are not the zone's already; those without an address are views too."""
        serving = self._sight.beside
        if serving is None:
            return {}
        glue = frozenset((dns.name.from_text(name), address) for name, address in serving.glue)
        outside = frozenset(map(dns.name.from_text, serving.names)) - {name for name, _ in glue}
        located = await self._walk.locate(outside, frozenset())
        inside = {address for _, address in glue}
        self._families_missing |= self._walk.routes.hidden(inside)
        addresses = {*located.addresses, *self._walk.routes.in_sight(inside)}
        fresh = sorted(addresses - {view.address for view in children})
        lost = self._lost(located, frozenset())
        self._beside_at = frozenset(addresses | {view.address for view in lost})
        views = dict(zip(fresh, await self._ask_children(zone, fresh), strict=True))
        return {**views, **{view.address: view for view in lost}}

    async def _ask_parent(
        self,
        address: str,
        delegation: Answer,
        cut: Cut | Failed | None,
        zone: dns.name.Name,
        above: Cut,
        believed: Believed,
    ) -> ParentView:
        message = await self._transport.ask(address, zone, DS)
        seen = ds_answer(message, zone, above.zone, believed, self._now)
        failed = next((each for each in (seen, cut) if isinstance(each, Failed)), None)
        if failed is not None or isinstance(seen, Failed):
            assert failed is not None  # noqa: S101  # `seen` is one of the two
            return Unreachable(address=address, reason=failed.reason, detail=failed.detail)
        names, ttl = _delegation(delegation, zone)
        return ParentAnswer(
            address=address,
            ds=seen.ds,
            ttl=seen.ttl,
            trust=seen.trust,
            detail=seen.detail,
            ns=names,
            ns_ttl=ttl,
        )

    async def _children(self, zone: dns.name.Name, cuts: Sequence[Cut]) -> tuple[list[ChildView], str]:
        """Ask every server that the parent or any server of the zone names, until none is new."""
        names: Names = frozenset[dns.name.Name]().union(*(cut.names for cut in cuts))
        glue: Glue = frozenset[tuple[dns.name.Name, str]]().union(*(cut.glue for cut in cuts))
        views: dict[str, ChildView] = {}
        servers = Servers()
        for _ in range(ROUNDS):
            if len(names) > MOST_SERVERS or len(servers.addresses) > MOST_SERVERS:
                return [], f"it has more than {MOST_SERVERS} servers"
            servers = await self._walk.locate(names, glue)
            fresh = [address for address in servers.addresses if address not in views]
            if not fresh:
                break
            views.update(zip(fresh, await self._ask_children(zone, fresh), strict=True))
            named = (view.ns for view in views.values() if isinstance(view, ChildAnswer))
            names = names.union(*(frozenset(map(dns.name.from_text, each)) for each in named))
        self._hosts += [Host(side="child", name=name, addresses=its) for name, its in servers.by_name]
        extra = self._extras(self._sight.extra_child, servers.addresses)
        views.update(zip(extra, await self._ask_children(zone, extra), strict=True))
        problem = "" if servers.addresses else "no server of the zone has an address in sight"
        return [*views.values(), *self._lost(servers, self._sight.extra_child)], problem

    async def _ask_children(self, zone: dns.name.Name, addresses: Sequence[str]) -> list[ChildView]:
        return await asyncio.gather(
            *(ask_child(self._transport, each, zone, self._now, self._sight.keys) for each in addresses)
        )

    def _extras(self, wanted: frozenset[str], known: Sequence[str]) -> tuple[str, ...]:
        """Return addresses that only the history names and that can be asked from here."""
        found = {address for address in wanted if is_address(address)} - set(known)
        self._extra |= wanted - set(known)
        self._families_missing |= self._walk.routes.hidden(found)
        return self._walk.routes.in_sight(found)

    def _lost(self, servers: Servers, extra: frozenset[str]) -> list[Unreachable]:
        """Return the servers without an address, those that stand in the history alone among them."""
        self._families_missing |= servers.families_hidden
        lost = dict.fromkeys((name for name in extra if not is_address(name)), "it stands in no NS set any more")
        lost |= dict(servers.lost)
        return [Unreachable(address=name, reason="no-address", detail=why) for name, why in lost.items()]

    def _seen(
        self, parent_zone: str | None, parent: Sequence[ParentView], child: Sequence[ChildView], problem: str
    ) -> Observation:
        current = {view.address for view in (*parent, *child)}
        return Observation(
            zone=self._sight.zone,
            at=self._now,
            parent_zone=parent_zone,
            parent=tuple(sorted(parent, key=lambda view: view.address)),
            child=tuple(sorted(child, key=lambda view: view.address)),
            extra=frozenset(self._extra & current),
            families_missing=frozenset(self._families_missing),
            hosts=tuple(self._hosts),
            problem=problem,
        )


def _delegation(answer: Answer, zone: dns.name.Name) -> tuple[frozenset[str], int]:
    if isinstance(answer, Failed):
        return frozenset(), 0
    records = rrset(answer.answer, zone, NS) or rrset(answer.authority, zone, NS)
    if records is None:
        return frozenset(), 0
    return frozenset(text_of(rdata.target) for rdata in records), records.ttl
