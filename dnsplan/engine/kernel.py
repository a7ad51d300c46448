"""The safety kernel: whether a change is admissible now, with a proof or a counterexample.

It knows versions, validators and time. It knows nothing of recipes, parents, signers or goals, and shares no code with
the oracle that judges it in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from dnsplan.engine.spans import FOREVER, Span, Spans, trust
from dnsplan.engine.unknown import Values, harmless
from dnsplan.engine.validators import DsSet, KeySet, Signers, considered, is_bogus, trusts_keys
from dnsplan.model.plan import Proof
from dnsplan.model.portfolio import Profile
from dnsplan.model.time import Instant


@dataclass(frozen=True, slots=True)
class Change:
    """The RRsets that change together, and what each becomes; None leaves it as it is."""

    ds: DsSet | None = None
    dnskey: KeySet | None = None
    zone: Signers | None = None


class Triple(NamedTuple):
    """A DS RRset, a DNSKEY RRset and signed data that one resolver may combine."""

    ds: Span[DsSet]
    dnskey: Span[KeySet]
    zone: Span[Signers]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A triple that a resolver may combine in [start, end) and that fails in a profile."""

    profile: Profile
    triple: Triple
    start: Instant
    end: Instant
    reason: str


def admit(spans: Spans, change: Change, now: Instant, profiles: frozenset[Profile]) -> Proof | Refusal:
    """Return a proof that the change at `now` makes no validator fail, or the first combination that would.

    Every triple with a new member that caches may combine at or after `now` must validate in every profile, or must
    have been bad already with what the change replaces: first do no harm. `spans` hold at least one version each.
    """
    served = Triple(spans.ds[-1], spans.dnskey[-1], spans.zone[-1])
    new = Triple(
        served.ds if change.ds is None else Span(change.ds, now, FOREVER, served.ds.ttl, None),
        served.dnskey if change.dnskey is None else Span(change.dnskey, now, FOREVER, served.dnskey.ttl, None),
        served.zone if change.zone is None else Span(change.zone, now, FOREVER, served.zone.ttl, None),
    )
    all_ds = spans.ds if change.ds is None else (*spans.ds, new.ds)
    all_keys = spans.dnskey if change.dnskey is None else (*spans.dnskey, new.dnskey)
    all_data = spans.zone if change.zone is None else (*spans.zone, new.zone)
    examined, horizon = 0, now
    for triple in (Triple(*members) for members in product(all_ds, all_keys, all_data)):
        before = _replaced(triple, change, new, served)
        if before == triple:
            continue
        for profile in sorted(profiles):
            window = _window(profile, triple, now)
            if window is None:
                continue
            examined += 1
            horizon = max(horizon, *(moment for moment in window if moment < FOREVER))
            reason = _objection(profile, triple, before)
            if reason:
                return Refusal(profile, triple, window[0], window[1], reason)
    return Proof(triples=examined, horizon=horizon, profiles=profiles)


def _replaced(triple: Triple, change: Change, new: Triple, served: Triple) -> Triple:
    """Return the triple with each new member replaced by what was served before it."""
    return Triple(
        served.ds if change.ds is not None and triple.ds is new.ds else triple.ds,
        served.dnskey if change.dnskey is not None and triple.dnskey is new.dnskey else triple.dnskey,
        served.zone if change.zone is not None and triple.zone is new.zone else triple.zone,
    )


def _window(profile: Profile, triple: Triple, now: Instant) -> tuple[Instant, Instant] | None:
    """Return when a resolver may combine the three at or after `now`; None if never."""
    trusted = trust(triple.ds, triple.dnskey)
    if trusted is None:
        return None
    start, end = trusted
    ds, keys = triple.ds.value, triple.dnskey.value
    if ds is not None and keys is not None and not trusts_keys(profile, ds, keys):
        end = min(triple.ds.end, triple.dnskey.end)  # what never validated is never trusted beyond its DS
    start, end = max(start, triple.zone.start, now), min(end, triple.zone.end)
    return (start, end) if start < end else None


def _objection(profile: Profile, triple: Triple, before: Triple) -> str:
    """Return why the triple is inadmissible; empty if it is not."""
    ds, keys, signers = triple.ds.value, triple.dnskey.value, triple.zone.value
    was = (before.ds.value, before.dnskey.value, before.zone.value)
    if ds is not None and not considered(profile, ds):
        return ""
    if ds is None or keys is None or signers is None:
        unknown = "what was served before the first look is unknown and may still be cached"
        return "" if harmless(profile, (ds, keys, signers), was) else unknown
    if not is_bogus(profile, ds, keys, signers) or _was_bogus(profile, was):
        return ""
    if not trusts_keys(profile, ds, keys):
        return "the DNSKEY RRset does not validate under the DS RRset"
    return "the data do not validate under the DNSKEY RRset"


def _was_bogus(profile: Profile, was: Values) -> bool:
    ds, keys, signers = was
    return ds is not None and keys is not None and signers is not None and is_bogus(profile, ds, keys, signers)
