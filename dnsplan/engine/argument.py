"""The full argument for each step at hand: what caches may hold, and what a second earlier would break."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dnsplan.engine.goal import choose
from dnsplan.engine.kernel import Refusal
from dnsplan.engine.readiness import counterexample, first_admitted, judge, make_step, rrset_of
from dnsplan.engine.spans import FOREVER, Span
from dnsplan.engine.validators import DsSet, KeySet, Signers
from dnsplan.engine.view import Proposal, View, side_of, view_of
from dnsplan.model.plan import Counterexample, Gate, Proof, Situation
from dnsplan.model.time import Instant, Seconds

_NO_PROOF = Proof(triples=0, horizon=0, profiles=frozenset())


@dataclass(frozen=True, kw_only=True, slots=True)
class Cached:
    """A version and the time in which a cache may hold it."""

    rrset: str
    content: str
    """In words; `unknown` for what was served before the first look."""
    start: Instant
    end: Instant | None
    """None while nothing newer is on every server."""
    ttl: Seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Argument:
    """Why a step may be taken from `at` on, or why not; `earlier` is what a second before would break."""

    id: str
    stage: str
    summary: str
    gate: Gate
    at: Instant | None
    proof: Proof | None
    refused: Counterexample | None
    earlier: Counterexample | None
    """None where nothing but the gate's own prudence holds the step back (servers that must show it first)."""
    cached: tuple[Cached, ...]


def arguments(situation: Situation) -> tuple[Argument, ...]:
    """Return the argument for each next step of the zone; empty where there is none."""
    view = view_of(situation)
    if view is None:
        return ()
    choice = choose(view)
    view = view_of(replace(situation, history=choice.history)) or view
    if not choice.recipe:
        return ()
    proposals = (item for item in choice.proposals(view) if isinstance(item, Proposal))
    return tuple(_argument(side_of(view, item), item) for item in proposals)


def _argument(view: View, proposal: Proposal) -> Argument:
    now = view.situation.now
    opens = proposal.gate.at
    at = None if opens is None else max(opens, now)
    action, verdict, since = first_admitted(view, proposal, now if at is None else at)
    refused = None
    if isinstance(verdict, Refusal):
        refused, at = counterexample(view, verdict), since
        verdict = judge(view, action, since) if since is not None else verdict
    proof = verdict if isinstance(verdict, Proof) else None
    before = judge(view, action, at - 1) if at is not None else None
    step = make_step(proposal, action, rrset_of(view, action), proof or _NO_PROOF, view)
    return Argument(
        id=step.id,
        stage=proposal.stage,
        summary=proposal.summary,
        gate=proposal.gate,
        at=at,
        proof=proof,
        refused=refused,
        earlier=counterexample(view, before) if isinstance(before, Refusal) else None,
        cached=_cached(view),
    )


def _cached(view: View) -> tuple[Cached, ...]:
    spans = view.spans
    return (
        *(_one("DS", span, _ds(view, span.value)) for span in spans.ds),
        *(_one("DNSKEY", span, _keys(view, span.value)) for span in spans.dnskey),
        *(_one("ZONE", span, _data(view, span.value)) for span in spans.zone),
    )


def _one(rrset: str, span: Span[DsSet] | Span[KeySet] | Span[Signers], content: str) -> Cached:
    end = None if span.end >= FOREVER else span.end
    return Cached(rrset=rrset, content=content, start=span.start, end=end, ttl=span.ttl)


def _name(view: View, key: str) -> str:
    known = view.keys_by_id.get(key)
    return f"{known.key_tag} (algorithm {known.algorithm})" if known else "a key that is not known"


def _ds(view: View, value: DsSet | None) -> str:
    if value is None:
        return "unknown"
    return ", ".join(sorted(f"{_name(view, d.key)} digest {d.digest_type}" for d in value)) or "none"


def _keys(view: View, value: KeySet | None) -> str:
    if value is None:
        return "unknown"
    signers = ", ".join(sorted(_name(view, key) for key in value.signers)) or "none"
    return (", ".join(sorted(_name(view, key) for key in value.ids)) or "none") + f"; signed by {signers}"


def _data(view: View, value: Signers | None) -> str:
    if value is None:
        return "unknown"
    return "signed by " + (", ".join(sorted(_name(view, key) for key in value)) or "none")
