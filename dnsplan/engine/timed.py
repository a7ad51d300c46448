"""A TTL that was changed by itself: two versions of one content, told apart by the TTL with which each is served.

The version before may be cached with its own TTL until that has run out everywhere; a gate looks at both, so that a
lower TTL never opens one before its time, and opens the later ones as early as it may.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dnsplan.model.history import Content, DnskeyContent, DsContent, RRsetVersion
from dnsplan.model.time import Instant, Seconds

Versions = tuple[RRsetVersion, ...]
Answers = Mapping[str, tuple[Content, Seconds] | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class TimedDs(DsContent):
    """A DS RRset served with the TTL that was asked for; never equal to the same records without it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimedDnskey(DnskeyContent):
    """A DNSKEY RRset served with the TTL that was asked for."""


def with_ttl(versions: Versions, ttl: Seconds, now: Instant) -> Versions:
    """Return the versions with one more, of the newest content and asked for with this TTL; asking again adds none."""
    newest = versions[-1]
    if newest.everywhere is None and newest.ttl == ttl:
        return versions
    asked = RRsetVersion(content=newest.content, first=now, everywhere=None, ttl_star=ttl, seen=False, ttl=ttl)
    return (*versions, asked)


def is_changing(versions: Versions) -> bool:
    """Tell whether a TTL was asked for and is not yet on every server."""
    return versions[-1].ttl is not None and versions[-1].everywhere is None


def withdrawn(versions: Versions) -> Versions:
    """Return the versions without a TTL that did not come to be everywhere; caches may hold the content with either."""
    before, newest = versions[-2:]
    return (*versions[:-2], replace(before, ttl_star=max(before.ttl_star, newest.ttl_star)))


def told_apart(versions: Versions, answers: Answers) -> tuple[Versions, Answers]:
    """Return both with a content of its own for what is served with the TTL under way.

    A TTL that was everywhere and that others have changed since is nobody's any more; one whose content others replace
    while it is under way is withdrawn.
    """
    newest = versions[-1] if versions else None
    if newest is None or newest.ttl is None or newest.content is None:
        return versions, answers
    shown = [answer for answer in answers.values() if answer]
    if newest.everywhere is not None:
        moved = any(content == newest.content and ttl != newest.ttl for content, ttl in shown)
        return ((*versions[:-1], replace(newest, ttl=None)) if moved else versions), answers
    if any(content != newest.content for content, _ in shown):
        return withdrawn(versions), answers
    timed = _timed(newest.content)
    own = {
        address: (timed, answer[1]) if answer and answer[1] == newest.ttl else answer
        for address, answer in answers.items()
    }
    return (*versions[:-1], replace(newest, content=timed)), own


def joined(versions: Versions) -> Versions:
    """Return the versions with their contents as everybody else reads them."""
    return tuple(
        replace(version, content=_plain(version.content))
        if isinstance(version.content, TimedDs | TimedDnskey)
        else version
        for version in versions
    )


def _timed(content: Content) -> Content:
    if isinstance(content, DsContent):
        return TimedDs(ds=content.ds)
    assert isinstance(content, DnskeyContent)  # noqa: S101  # the TTL of data is not ours to set
    return TimedDnskey(keys=content.keys, signers=content.signers)


def _plain(content: TimedDs | TimedDnskey) -> Content:
    if isinstance(content, TimedDs):
        return DsContent(ds=content.ds)
    return DnskeyContent(keys=content.keys, signers=content.signers)
