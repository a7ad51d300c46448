"""Observation into history: which versions exist, since when, and whether every server shows them.

It believes only what all servers show: a silent server stops the count, a contradiction starts it anew, and an answer
that does not validate beside one that does is no version at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dnsplan.engine.reach import history_there, split
from dnsplan.engine.silence import noted, uncounted
from dnsplan.engine.sweep import departures, read_child, read_parent
from dnsplan.engine.timed import joined, told_apart
from dnsplan.engine.view import is_emergency
from dnsplan.model.history import (
    Beside,
    Content,
    DnskeyContent,
    DsContent,
    NsContent,
    Registration,
    RRsetVersion,
    ZoneHistory,
)
from dnsplan.model.observation import ChildAnswer, ChildView, Observation, ParentAnswer, ParentView
from dnsplan.model.plan import Capabilities
from dnsplan.model.portfolio import Policy, Timing
from dnsplan.model.time import Instant, Seconds

MOST_REGISTRATIONS = 5
"""So many of each zone are kept."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one sweep showed of one RRset: content and TTL by address, None where there was no usable answer."""

    at: Instant
    before: Instant
    """The sweep before: what is new now may have been served since."""
    answers: Mapping[str, tuple[Content, Seconds] | None]

    contents: tuple[Content, ...]
    """The distinct contents, in a fixed order."""

    @property
    def agreed(self) -> Content | None:
        """Return the content that every server showed; None if one is silent or another differs."""
        if not self.answers or None in self.answers.values() or len(self.contents) != 1:
            return None
        return self.contents[0]


def _distinct(answers: Mapping[str, tuple[Content, Seconds] | None]) -> tuple[Content, ...]:
    contents = {answer[0] for answer in answers.values() if answer}
    return tuple(contents) if len(contents) < 2 else tuple(sorted(contents, key=repr))


def absorb(history: ZoneHistory, seen: Observation, *, policy: Policy, capabilities: Capabilities) -> ZoneHistory:
    """Return the history with one sweep added; a sweep not newer than the last one changes nothing."""
    if history.last_sweep is not None and seen.at <= history.last_sweep:
        return history
    history = replace(history, silent=noted(history, seen))
    if history.beside is None:
        return _absorbed(history, seen, policy, capabilities)
    here, there = split(seen, history.beside)
    if not history.dnskey and there.child and not here.child:  # it has moved already, as far as anybody can tell
        arrived = replace(history, beside=None, signed_at=history.beside.signer)
        return _absorbed(arrived, seen, policy, capabilities)
    beside = _absorb_beside(history, history.beside, here, there, policy)
    return replace(_absorbed(history, here, policy, capabilities), beside=beside)


def _absorbed(history: ZoneHistory, seen: Observation, policy: Policy, capabilities: Capabilities) -> ZoneHistory:
    departed = departures(history, seen, policy)
    parent = read_parent(seen, departed, history)
    child = read_child(seen, departed, history)
    before = seen.at if history.last_sweep is None else history.last_sweep

    timing = replace(policy.timing, sweep_count=1) if is_emergency(history) else policy.timing

    def fold(
        versions: tuple[RRsetVersion, ...], answers: Mapping[str, tuple[Content, Seconds] | None], nominal: Seconds
    ) -> tuple[RRsetVersion, ...]:
        return _fold(versions, Sweep(seen.at, before, answers, _distinct(answers)), nominal, timing)

    present = frozenset(view.address for view in seen.child) - seen.extra
    parents = frozenset(view.address for view in seen.parent) - seen.extra
    ds = fold(history.ds, parent.ds, policy.ds_ttl_max)
    dnskey = fold(history.dnskey, child.dnskey, policy.dnskey_ttl)
    reach = max((version.ttl_star for version in dnskey), default=0)
    return replace(
        history,
        ds=_kept(ds, seen.at, reach),
        dnskey=_kept(dnskey, seen.at, 0),
        zonedata=_kept(fold(history.zonedata, child.zone, policy.zone_ttl_max), seen.at, capabilities.resign),
        last_sweep=seen.at,
        servers=present if present or (history.beside is not None and seen.child) else history.servers,
        parent_servers=parents or history.parent_servers,
        ns_ttl_star=max(history.ns_ttl_star, parent.ns_ttl, child.ns_ttl),
        departed=departed,
        registrations=_registered(history.registrations, ds[-1:], seen.at),
    )


def _absorb_beside(
    history: ZoneHistory, beside: Beside, here: Observation, there: Observation, policy: Policy
) -> Beside:
    """Return what is known of the other signer, with one sweep added."""
    before = here.at if history.last_sweep is None else history.last_sweep
    child = read_child(there, (), history_there(history, beside))

    def fold(
        versions: tuple[RRsetVersion, ...], answers: Mapping[str, tuple[Content, Seconds] | None], nominal: Seconds = 0
    ) -> tuple[RRsetVersion, ...]:
        return _fold(versions, Sweep(here.at, before, answers, _distinct(answers)), nominal, policy.timing)

    dead = uncounted(history, here) | uncounted(history, there)
    named = frozenset[str]().union(*(view.ns for view in here.parent if isinstance(view, ParentAnswer)))
    return replace(
        beside,
        home=beside.home or named - beside.names,
        servers=frozenset(view.address for view in there.child) or beside.servers,
        home_servers=frozenset(view.address for view in here.child) or beside.home_servers,
        dnskey=fold(beside.dnskey, child.dnskey, policy.dnskey_ttl),
        zonedata=fold(beside.zonedata, child.zone, policy.zone_ttl_max),
        ns_parent=fold(beside.ns_parent, _ns(here.parent, here.extra | dead)),
        ns_home=fold(beside.ns_home, _ns(here.child, dead)),
        ns_there=fold(beside.ns_there, _ns(there.child, dead)),
    )


def _ns(
    views: tuple[ParentView | ChildView, ...], left_out: frozenset[str]
) -> Mapping[str, tuple[Content, Seconds] | None]:
    """Return the NS RRset that each server showed."""
    return {
        view.address: (NsContent(names=view.ns), view.ns_ttl) if isinstance(view, ParentAnswer | ChildAnswer) else None
        for view in views
        if view.address not in left_out
    }


def _registered(
    known: tuple[Registration, ...], newest: tuple[RRsetVersion, ...], now: Instant
) -> tuple[Registration, ...]:
    """Return how long the parent took, with the change that every server shows for the first time in this sweep."""
    for version in newest:
        if version.asked_of is not None and (version.clean, version.clean_at) == (1, now):
            shown = Registration(parent=version.asked_of, submitted=version.first, shown=now)
            others = (one for one in known if one.submitted != shown.submitted)  # a count that began anew
            known = (*others, shown)[-MOST_REGISTRATIONS:]
    return known


def _fold(
    versions: tuple[RRsetVersion, ...], sweep: Sweep, nominal: Seconds, timing: Timing
) -> tuple[RRsetVersion, ...]:
    """Fold one sweep into the versions; what is served with a TTL under way counts as a content of its own."""
    apart, answers = told_apart(versions, sweep.answers)
    if answers is not sweep.answers:
        sweep = Sweep(sweep.at, sweep.before, answers, _distinct(answers))
    return joined(_folded(apart, sweep, nominal, timing))


def _folded(
    versions: tuple[RRsetVersion, ...], sweep: Sweep, nominal: Seconds, timing: Timing
) -> tuple[RRsetVersion, ...]:
    if not sweep.contents or (versions and _says_nothing_new(versions[-1], sweep)):
        return versions
    unknown_past = not versions
    if unknown_past:
        ttl = max(ttl for _, ttl in (answer for answer in sweep.answers.values() if answer))
        versions = (RRsetVersion(content=None, first=0, everywhere=None, ttl_star=max(ttl, nominal)),)
    pending = versions[-1:] if not versions[-1].seen else ()
    past = versions[: len(versions) - len(pending)]
    for content in sweep.contents:
        if pending and content == pending[0].content:
            past, pending = (*past, replace(pending[0], seen=True)), ()
        elif all(version.content != content for version in _live(past)):
            if pending and _is_contained(pending[0], past, content):
                pending = ()
            past = (*past, _version(content, 0 if unknown_past else sweep.before, 0))
    past = _counted(_with_ttls(past, sweep, nominal), sweep, timing)
    return past + tuple(
        version if version.ttl_star >= nominal else replace(version, ttl_star=nominal) for version in pending
    )


def _says_nothing_new(newest: RRsetVersion, sweep: Sweep) -> bool:
    """Tell whether every answer is the version that was everywhere already, with no larger TTL."""
    return (
        newest.everywhere is not None
        and sweep.contents == (newest.content,)
        and all(answer is None or answer[1] <= newest.ttl_star for answer in sweep.answers.values())
    )


def _is_contained(asked: RRsetVersion, past: tuple[RRsetVersion, ...], shown: Content) -> bool:
    """Tell whether a DS RRset shows what was asked for together with what others changed in the meantime."""
    before = next((version.content for version in reversed(past) if version.first < asked.first), None)
    if not (isinstance(before, DsContent) and isinstance(asked.content, DsContent) and isinstance(shown, DsContent)):
        return False
    old, wanted, now = set(before.ds), set(asked.content.ds), set(shown.ds)
    return wanted - old <= now and not (old - wanted) & now


def _version(content: Content, first: Instant, ttl: Seconds) -> RRsetVersion:
    return RRsetVersion(content=content, first=first, everywhere=None, ttl_star=ttl)


def _live(versions: tuple[RRsetVersion, ...]) -> tuple[RRsetVersion, ...]:
    """Return the versions that servers may still serve: from the last one that was everywhere."""
    for index in range(len(versions) - 1, -1, -1):
        if versions[index].everywhere is not None:
            return versions[index:]
    return versions


def _with_ttls(versions: tuple[RRsetVersion, ...], sweep: Sweep, nominal: Seconds) -> tuple[RRsetVersion, ...]:
    live = len(versions) - len(_live(versions))
    largest: dict[Content, Seconds] = {}
    for answer in sweep.answers.values():
        if answer:
            largest[answer[0]] = max(answer[1], largest.get(answer[0], 0))
    result = []
    for index, version in enumerate(versions):
        ttl = 0
        if index >= live and version.content in largest:
            ttl = max(largest[version.content], 0 if _is_no_key(version.content) else nominal)
        result.append(replace(version, ttl_star=ttl) if ttl > version.ttl_star else version)
    return tuple(result)


def _is_no_key(content: Content | None) -> bool:
    """Tell whether it is a negative answer for DNSKEY, which has no nominal TTL."""
    return isinstance(content, DnskeyContent) and not content.keys


def _counted(versions: tuple[RRsetVersion, ...], sweep: Sweep, timing: Timing) -> tuple[RRsetVersion, ...]:
    """Count a clean sweep for the content that all servers show, or start counting anew after a contradiction."""
    agreed = sweep.agreed
    if agreed is None:
        if len(sweep.contents) > 1:
            return tuple(_uncounted(version) for version in versions)
        only = sweep.contents[0]
        return tuple(version if version.content == only else _uncounted(version) for version in versions)
    if versions[-1].content != agreed:
        stale = next(version for version in reversed(versions) if version.content == agreed)
        versions = tuple(v for v in versions if v is not stale or v.everywhere is not None)
        fresh = replace(stale, everywhere=None, clean=0, clean_at=None)
        versions = (*versions, fresh if stale.everywhere is None else replace(fresh, first=sweep.before, asked_of=None))
    newest = versions[-1]
    if newest.everywhere is None and (
        newest.clean_at is None or sweep.at - newest.clean_at >= max(timing.sweep_spacing, 1)
    ):
        clean = newest.clean + 1
        everywhere = sweep.at if clean >= timing.sweep_count else None
        newest = replace(newest, clean=clean, clean_at=sweep.at, everywhere=everywhere)
    return (*(_uncounted(version) for version in versions[:-1]), newest)


def _uncounted(version: RRsetVersion) -> RRsetVersion:
    if version.everywhere is not None or not version.clean:
        return version
    return replace(version, clean=0, clean_at=None)


def _kept(versions: tuple[RRsetVersion, ...], now: Instant, slack: Seconds) -> tuple[RRsetVersion, ...]:
    """Return the versions less those that no cache can hold, nor trust on account of, any more."""
    result: list[RRsetVersion] = []
    base: Instant | None = None
    for version in reversed(versions):
        if base is None or base + version.ttl_star + slack + 3 * 86400 > now:
            result.append(version)
        if version.everywhere is not None:
            base = version.everywhere if base is None else min(base, version.everywhere)
    return tuple(reversed(result))
