"""One sweep, address by address: what each server showed of each RRset, and which servers still count.

A server that left the NS sets counts until resolvers cannot know it any more; an answer that does not validate beside
answers that do is a lie, and no content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from dnsplan.engine.silence import uncounted
from dnsplan.model.history import (
    Content,
    Departed,
    DnskeyContent,
    DsContent,
    RRsetVersion,
    ZoneContent,
    ZoneHistory,
)
from dnsplan.model.observation import ChildAnswer, Observation, ParentAnswer
from dnsplan.model.portfolio import Policy
from dnsplan.model.time import Seconds

Answers = Mapping[str, tuple[Content, Seconds] | None]


@dataclass(frozen=True, slots=True)
class ParentSweep:
    """DS by parent address, and the largest TTL of the delegation's NS."""

    ds: Answers
    ns_ttl: Seconds


@dataclass(frozen=True, slots=True)
class ChildSweep:
    """DNSKEY and data signers by child address, and the largest TTL of the apex NS."""

    dnskey: Answers
    zone: Answers
    ns_ttl: Seconds


def counting(seen: Observation, departed: tuple[Departed, ...], side: Literal["parent", "child"]) -> frozenset[str]:
    """Return the addresses of departed servers that still count on one side."""
    return frozenset(
        server.address
        for server in departed
        if server.side == side and (server.until is None or server.until > seen.at)
    )


def read_parent(seen: Observation, departed: tuple[Departed, ...], history: ZoneHistory) -> ParentSweep:
    """Return the DS that each parent server showed; a silent server that was acknowledged is none."""
    skipped = uncounted(history, seen)
    counts = counting(seen, departed, "parent") - skipped
    answers: dict[str, tuple[Content, Seconds] | None] = dict.fromkeys(counts)
    ttl = 0
    for view in seen.parent:
        if view.address in skipped or (view.address in seen.extra and view.address not in counts):
            continue
        answers[view.address] = None
        if isinstance(view, ParentAnswer):
            ttl = max(ttl, view.ns_ttl)
            if view.trust != "bogus":
                answers[view.address] = (DsContent(ds=view.ds), view.ttl)
    return ParentSweep(answers, ttl)


def read_child(seen: Observation, departed: tuple[Departed, ...], history: ZoneHistory) -> ChildSweep:
    """Return the DNSKEY RRset and the data signers that each child server showed.

    A DNSKEY RRset that nothing signs is a lie, unless the zone is known to be so; or unless this is the first look, no
    server shows another one, and there is no DS with which a signed zone would have to agree.
    """
    skipped = uncounted(history, seen)
    counts = counting(seen, departed, "child") - skipped
    dnskey: dict[str, tuple[Content, Seconds] | None] = dict.fromkeys(counts)
    zone: dict[str, tuple[Content, Seconds] | None] = dict.fromkeys(counts)
    ttl = 0
    own = unsigned_contents(history)
    signed = any(isinstance(v, ChildAnswer) and v.key_signers for v in seen.child)
    believed = not history.dnskey and not signed and _no_ds(seen)
    for view in seen.child:
        if view.address in skipped or (view.address in seen.extra and view.address not in counts):
            continue
        dnskey[view.address] = zone[view.address] = None
        if not isinstance(view, ChildAnswer):
            continue
        ttl = max(ttl, view.ns_ttl)
        content = DnskeyContent(keys=view.keys, signers=view.key_signers)
        if is_unsigned(view) and not believed and content not in own:
            continue
        dnskey[view.address] = (content, view.key_ttl)
        if not view.zone_mixed:
            data = ZoneContent(signers=view.zone_signers)
            zone[view.address] = (data, max(view.zone_ttl, view.negative_ttl))
    return ChildSweep(dnskey, zone, ttl)


def unsigned_contents(history: ZoneHistory) -> frozenset[DnskeyContent]:
    """Return the DNSKEY RRsets without signatures that servers may still show because the zone is, or was, so."""
    found = set()
    for version in reversed(history.dnskey):
        if isinstance(version.content, DnskeyContent) and version.seen and not version.content.signers:
            found.add(version.content)
        if version.everywhere is not None:
            break
    return frozenset(found)


def _no_ds(seen: Observation) -> bool:
    return all(isinstance(v, ParentAnswer) and v.trust != "bogus" and not v.ds for v in seen.parent)


def sweeps(seen: Observation, history: ZoneHistory) -> tuple[ParentSweep, ChildSweep]:
    """Return what both sides showed."""
    return read_parent(seen, history.departed, history), read_child(seen, history.departed, history)


def disagree(seen: Observation, history: ZoneHistory) -> bool:
    """Tell whether servers of one side show different contents, or did and one says nothing that could settle it."""
    parent, child = sweeps(seen, history)
    rrsets = ((parent.ds, history.ds), (child.dnskey, history.dnskey), (child.zone, history.zonedata))
    return any(
        len({answer[0] for answer in answers.values() if answer}) > 1
        or (None in answers.values() and _is_open(versions))
        for answers, versions in rrsets
    )


def _is_open(versions: tuple[RRsetVersion, ...]) -> bool:
    known = {version.content for version in versions if version.content is not None}
    return len(known) > 1 and all(version.everywhere is None for version in versions)


def is_unsigned(view: ChildAnswer) -> bool:
    """Tell whether a server shows keys of which none validly signs the DNSKEY RRset."""
    return bool(view.keys) and not view.key_signers


def departures(history: ZoneHistory, seen: Observation, policy: Policy) -> tuple[Departed, ...]:
    """Return the servers that left the NS sets, until when resolvers may still ask them.

    That is T_all(NS without it) + margin + TTLns*: resolvers keep asking a name server for as long as they may hold an
    NS RRset that names it.
    """
    if not seen.parent or not seen.child:
        return history.departed
    result = []
    sides: tuple[tuple[Literal["parent", "child"], frozenset[str], frozenset[str]], ...] = (
        ("parent", history.parent_servers, frozenset(view.address for view in seen.parent) - seen.extra),
        ("child", history.servers, frozenset(view.address for view in seen.child) - seen.extra),
    )
    for side, before, present in sides:
        margin = policy.timing.child_margin if side == "child" else policy.timing.parent_margin
        until = seen.at + policy.timing.sweep_spacing * (policy.timing.sweep_count - 1) + margin + history.ns_ttl_star
        known = {server.address: server for server in history.departed if server.side == side}
        for address in sorted((before | set(known)) - present):
            server = known.get(address, Departed(address=address, side=side, until=until))
            if server.until is None or server.until > seen.at:
                result.append(replace(server, until=server.until or until))
    return tuple(result)
