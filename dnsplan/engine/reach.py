"""Two signers of one zone: whose servers resolvers may ask when, and what caches may therefore hold of each.

A resolver asks the servers that a cached NS RRset names: so what one signer's servers show counts from the moment at
which some NS RRset may have named them, until no cache holds one that does. Within that time a cache may hold the
DNSKEY RRset of one signer beside data of the other (RFC 8901).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from dnsplan.engine.spans import FOREVER, Margins, Span, Spans, ValueT, cached
from dnsplan.model.history import Beside, NsContent, RRsetVersion, ZoneHistory
from dnsplan.model.observation import Observation
from dnsplan.model.time import Instant, Seconds

Names = Span[frozenset[str]]


@dataclass(frozen=True, slots=True)
class Reach:
    """When resolvers may ask the servers of one signer: [first, until)."""

    first: Instant
    until: Instant

    @property
    def never(self) -> bool:
        """Tell whether no NS RRset has ever named them."""
        return self.first >= FOREVER


ALWAYS = Reach(0, FOREVER)


def split(seen: Observation, beside: Beside) -> tuple[Observation, Observation]:
    """Return what the servers of the zone's own signer showed, and what those of the other one did.

    The first still holds the other signer's views beside its own, so that it can be split again.
    """
    at, views = seen.beside_at | beside.servers, (*seen.child, *seen.beside)
    here = tuple(view for view in views if view.address not in at)
    there = tuple(view for view in views if view.address in at)
    own = replace(seen, child=here, beside=there, beside_at=at, extra=seen.extra - at)
    return own, replace(own, child=there, beside=(), beside_at=frozenset())


def reaches(beside: Beside, margin: Margins) -> tuple[Reach, Reach]:
    """Return when the servers of the zone's own signer, and those of the other one, may be asked.

    Until T_all(NS without them) + margin + TTLns*, at the parent and in both copies of the zone: a resolver takes the
    NS RRset from any of them.
    """
    parent = _names(beside.ns_parent, margin.parent)
    home, there = _names(beside.ns_home, margin.child), _names(beside.ns_there, margin.child)
    asked = [span.start for span in (*parent, *home) if span.value is not None and span.value & beside.names]
    lines = (*parent, *home, *there)
    own = _last(span for span in lines if span.value is None or span.value - beside.names)
    other = _last(span for span in lines if span.value is not None and span.value & beside.names)
    return Reach(0, own), Reach(min(asked), other) if asked else Reach(FOREVER, FOREVER)


def _names(versions: tuple[RRsetVersion, ...], margin: Seconds) -> tuple[Names, ...]:
    values = [v.content.names if isinstance(v.content, NsContent) else None for v in versions]
    return cached(versions, values, margin)


def _last(spans: Iterable[Names]) -> Instant:
    """Return when no cache holds any of these NS RRsets."""
    return max((span.end for span in spans), default=0)


def served_until(span: Span[ValueT]) -> Instant:
    """Return until when a server may show a version: its time in caches less its TTL."""
    return FOREVER if span.end >= FOREVER else span.end - span.ttl


def clipped(spans: tuple[Span[ValueT], ...], reach: Reach) -> tuple[Span[ValueT], ...]:
    """Return the spans of one signer within its reach: what nobody can have asked for is in no cache."""
    result = []
    for span in spans:
        start, asked = max(span.start, reach.first), min(served_until(span), reach.until)
        end = start if asked <= start else FOREVER if asked >= FOREVER else asked + span.ttl
        result.append(span._replace(start=start, end=end))
    return tuple(result)


def both(own: Spans, own_reach: Reach, other: Spans, other_reach: Reach) -> Spans:
    """Return what caches may hold of both signers; the newest of `own` stand last: it is what a change replaces."""
    return Spans(
        ds=own.ds,
        dnskey=(*clipped(other.dnskey, other_reach), *clipped(own.dnskey, own_reach)),
        zone=(*clipped(other.zone, other_reach), *clipped(own.zone, own_reach)),
    )


def history_there(history: ZoneHistory, beside: Beside) -> ZoneHistory:
    """Return the history as the other signer's servers have it."""
    intents = tuple(
        replace(intent, signer="")
        for intent in history.intents
        if intent.signer == beside.signer or intent.rrset == "DS"
    )
    return replace(history, dnskey=beside.dnskey, zonedata=beside.zonedata, beside=None, intents=intents)
