"""From a proposal to a move: whether the sweep is clean, the RRset free, the gate open and the kernel content."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import assert_never

from dnsplan.engine.journal import record_intent, targets
from dnsplan.engine.kernel import Change, Refusal, admit
from dnsplan.engine.obstacles import next_sweep, obstacle
from dnsplan.engine.reach import served_until
from dnsplan.engine.spans import FOREVER, Span, Spans, ValueT, ds_value, keys_value
from dnsplan.engine.view import Proposal, View, side_of, view_of
from dnsplan.model.action import (
    AnyAction,
    CreateKey,
    DeleteKey,
    ImportKeys,
    SetCds,
    SetDs,
    SetKeys,
    SetNs,
    SetNsec3,
    SetTtl,
)
from dnsplan.model.history import RRsetVersion, Touched
from dnsplan.model.plan import Blocked, Capabilities, Counterexample, Move, NeedsHuman, Proof, Step, Wait
from dnsplan.model.time import Instant


def move_of(view: View, proposal: Proposal) -> Move:
    """Return the step if it is ready and admitted; else what it waits for, or who must act."""
    at = side_of(view, proposal)
    beside = view if at is not view else view.other
    stopped = obstacle(beside, frozenset(), proposal.stage) if beside is not None and not beside.reach.never else None
    return stopped or _move_at(at, proposal)


def _move_at(view: View, proposal: Proposal) -> Move:
    now, rrset = view.situation.now, rrset_of(view, proposal.candidates[0])
    action = proposal.candidates[0]
    stopped = obstacle(view, touched(view, action) | restated(view, action), proposal.stage)
    if stopped is not None:
        return stopped
    opens = proposal.gate.at
    if opens is None or opens > now:
        reason = max(proposal.gate.terms, key=lambda term: FOREVER if term.at is None else term.at).reason
        until = next_sweep(view) if opens is None else opens
        return Wait(until=until, reason=reason, stage=proposal.stage, rrset=rrset, polls=opens is None)
    action, verdict, since = first_admitted(view, proposal, now)
    if isinstance(verdict, Refusal):
        if since is not None:
            return Wait(until=since, reason=verdict.reason, stage=proposal.stage, rrset=rrset)
        return Blocked(findings=(), counterexample=counterexample(view, verdict), stage=proposal.stage)
    step = make_step(proposal, action, rrset, verdict, view)
    if needs_person(action, view.situation.capabilities, proposal.signer):
        return NeedsHuman(step=step, contact=view.situation.capabilities.contact)
    return step


def first_admitted(view: View, proposal: Proposal, now: Instant) -> tuple[AnyAction, Proof | Refusal, Instant | None]:
    """Return the first candidate that the kernel admits at `now`; else its refusal and when it would be admitted."""
    verdicts = []
    for action in proposal.candidates:
        verdict = judge(view, action, now)
        if isinstance(verdict, Proof):
            return action, verdict, now
        verdicts.append((action, verdict))
    later = [(since, action) for action, _ in verdicts if (since := admitted_from(view, action, now)) is not None]
    if not later:
        return (*verdicts[0], None)
    since, action = min(later, key=lambda pair: pair[0])
    return action, next(verdict for other, verdict in verdicts if other == action), since


def judge(view: View, action: AnyAction, now: Instant) -> Proof | Refusal:
    """Return the kernel's verdict on an action at `now`; what changes no RRset is always admitted."""
    if isinstance(action, SetNs):
        return _judge_ns(view, action, now)
    ds, dnskey, zone = targets(action)
    spans = without_repeated(view, action)
    change = Change(
        ds=None if ds is None else ds_value(ds.ds, view.ring),
        dnskey=None if dnskey is None else _changed(keys_value(dnskey), spans.dnskey[-1].value),
        zone=None if zone is None else _changed(zone.signers, spans.zone[-1].value),
    )
    return admit(spans, change, now, view.profiles)


def _judge_ns(view: View, action: SetNs, now: Instant) -> Proof | Refusal:
    """Return the kernel's verdict on letting resolvers ask other servers: as if what these show were new in the DNS.

    A server that lags may show an older version; each that may still be shown is judged as what comes.
    """
    source, target = _ends(view, action)
    coming = [span for span in target.own.dnskey if served_until(span) > now]
    signed = [span for span in target.own.zone if served_until(span) > now]
    spans = replace(
        source.spans, dnskey=(*_unknown(coming), *source.spans.dnskey), zone=(*_unknown(signed), *source.spans.zone)
    )
    proof = Proof(triples=0, horizon=now, profiles=view.profiles)
    for keys in coming:
        for data in signed:
            verdict = admit(spans, Change(dnskey=keys.value, zone=data.value), now, view.profiles)
            if isinstance(verdict, Refusal):
                return verdict
            proof = replace(proof, triples=proof.triples + verdict.triples, horizon=max(proof.horizon, verdict.horizon))
    return proof


def _ends(view: View, action: SetNs) -> tuple[View, View]:
    """Return the signer that an NS change leads away from, and the one that it leads to."""
    other = view.other or view
    there, home = (view, other) if view.signer else (other, view)
    beside = home.history.beside
    return (home, there) if beside is not None and frozenset(action.names) == beside.names else (there, home)


def _unknown(spans: list[Span[ValueT]]) -> tuple[Span[ValueT], ...]:
    return tuple(span for span in spans if span.value is None)


def with_target(view: View, step: Step) -> View:
    """Return the view in which a step has been asked for."""
    history = record_intent(view.history, step, intent_id="", step_json="", now=view.situation.now)
    return view_of(replace(view.situation, history=history)) or view


def without_repeated(view: View, action: AnyAction) -> Spans:
    """Return the spans without a version that is the action's own target, asked for before and shown by nobody."""
    ds, dnskey, zone = targets(action)
    history, spans = view.history, view.spans

    def asked(versions: tuple[RRsetVersion, ...], content: object) -> bool:
        return content is not None and not versions[-1].seen and versions[-1].content == content

    return replace(
        spans,
        ds=spans.ds[:-1] if asked(history.ds, ds) else spans.ds,
        dnskey=spans.dnskey[:-1] if asked(history.dnskey, dnskey) else spans.dnskey,
        zone=spans.zone[:-1] if asked(history.zonedata, zone) else spans.zone,
    )


def admitted_from(view: View, action: AnyAction, now: Instant) -> Instant | None:
    """Return the earliest later moment at which the kernel would admit the action; None if waiting never helps."""
    ends = {
        moment
        for spans in (view.spans.ds, view.spans.dnskey, view.spans.zone)
        for span in spans
        if span.end < FOREVER
        for moment in (span.end, *(span.end + keys.ttl for keys in view.spans.dnskey))
        if moment > now
    }
    return next((moment for moment in sorted(ends) if isinstance(judge(view, action, moment), Proof)), None)


def make_step(proposal: Proposal, action: AnyAction, rrset: Touched, proof: Proof, view: View) -> Step:
    """Return the step; its id is the same whenever the same target comes out."""
    whose = f"\nat {proposal.signer}" if proposal.signer else ""
    digest = hashlib.sha256(f"{_stable(action)}{whose}".encode()).hexdigest()[:10]
    proof = replace(proof, families_missing=view.situation.seen.families_missing)
    return Step(
        id=f"{proposal.stage}-{digest}",
        op=proposal.op,
        rrset=rrset,
        action=action,
        gate=proposal.gate,
        proof=proof,
        undo=proposal.undo,
        stage=proposal.stage,
        summary=proposal.summary,
        signer=proposal.signer,
    )


def _stable(action: AnyAction) -> str:
    """Return a text that is the same in every process: sets sorted, records in presentation form."""
    match action:
        case SetDs(ds=ds, expected=expected):
            parts = [f"{len(expected)} to {len(ds)}", *map(str, expected), *map(str, ds)]
        case SetCds(cds=cds, cdnskey=cdnskey):
            parts = [*map(str, cds), *map(str, cdnskey)]
        case SetKeys(published=published, sign_keys=sign_keys, sign_zone=sign_zone):
            parts = [*map(str, published), "keys", *sorted(sign_keys), "zone", *sorted(sign_zone)]
        case ImportKeys(foreign=foreign, gone=gone, published=published):
            parts = [*map(str, foreign), "without", *map(str, gone), "all", *map(str, published)]
        case SetNs(names=names, glue=glue, expected=expected):
            parts = [*names, *(" ".join(one) for one in glue), "instead of", *expected]
        case CreateKey(role=role, algorithm=algorithm, existing=existing):
            parts = [role, str(algorithm), *sorted(existing)]
        case DeleteKey(key=key):
            parts = [str(key)]
        case SetTtl(rrset=rrset, ttl=ttl, ds=ds):
            parts = [rrset, str(ttl), *map(str, ds)]
        case SetNsec3(iterations=iterations, salt=salt):
            parts = [str(iterations), salt]
        case _:
            assert_never(action)
    return "\n".join([type(action).__name__, *parts])


def touched(view: View, action: AnyAction) -> frozenset[Touched]:
    """Return the RRsets that an action changes; empty for what is served nowhere."""
    if isinstance(action, SetTtl):
        return frozenset({action.rrset})
    ds, dnskey, zone = targets(action)
    changes: dict[Touched, bool] = {
        "DS": ds is not None and ds != view.ds,
        "DNSKEY": dnskey is not None and dnskey != view.dnskey,
        "ZONE": zone is not None and zone != view.zone,
    }
    return frozenset(name for name, changed in changes.items() if changed)


def restated(view: View, action: AnyAction) -> frozenset[Touched]:
    """Return the RRsets that a signer is told again as they are served, and that were not last changed from here.

    What servers show may be old; as long as it is not confirmed it must not be given to the signer for the truth.
    """
    if not isinstance(action, SetKeys):
        return frozenset()
    ours = {i.at for i in view.history.intents if i.rrset in {"DNSKEY", "ZONE", "DNSKEY-TTL"} and not i.signer}
    newest: dict[Touched, RRsetVersion] = {"DNSKEY": view.history.dnskey[-1], "ZONE": view.history.zonedata[-1]}
    return frozenset(name for name, version in newest.items() if version.seen and version.first not in ours)


def rrset_of(view: View, action: AnyAction) -> Touched:
    """Return which RRset an action is about."""
    match action:
        case SetDs() | SetCds():
            return "DS"
        case SetKeys() | ImportKeys():
            return "ZONE" if isinstance(action, SetKeys) and touched(view, action) == {"ZONE"} else "DNSKEY"
        case SetNs():
            return "NS"
        case CreateKey() | DeleteKey():
            return "KEY"
        case SetTtl(rrset=rrset):
            return "DS-TTL" if rrset == "DS" else "DNSKEY-TTL"
        case SetNsec3():
            return "DENIAL"
        case _:
            assert_never(action)


def is_for_parent(action: AnyAction) -> bool:
    """Tell whether the parent is asked; the signer is for everything else, the NS RRset aside."""
    return isinstance(action, SetDs) or (isinstance(action, SetTtl) and action.rrset == "DS")


def needs_person(action: AnyAction, capabilities: Capabilities, signer: str = "") -> bool:
    """Tell whether only a person can carry an action out; an NS RRset without a `signer` is the parent's."""
    if is_for_parent(action):
        return capabilities.update in {"manual", "none"}
    if isinstance(action, SetNs):
        return not (capabilities.signer_ns if signer else capabilities.parent_ns)
    return capabilities.signer_manual


def counterexample(view: View, refusal: Refusal) -> Counterexample:
    """Return a refusal in words that a person can check."""
    triple = refusal.triple

    def name(key: str) -> str:
        known = view.keys_by_id.get(key)
        return f"{known.key_tag} ({known.algorithm})" if known else key

    ds, keys = triple.ds.value, triple.dnskey.value
    return Counterexample(
        profile=refusal.profile,
        ds=_names(None if ds is None else [f"{name(d.key)} digest {d.digest_type}" for d in ds]),
        dnskey=_names(None if keys is None else [name(key) for key in keys.ids]),
        key_signers=_names(None if keys is None else [name(key) for key in keys.signers]),
        zone_signers=_names(None if triple.zone.value is None else [name(key) for key in triple.zone.value]),
        start=refusal.start,
        end=None if refusal.end >= FOREVER else refusal.end,
        reason=refusal.reason,
    )


def _names(values: list[str] | None) -> tuple[str, ...]:
    return ("unknown",) if values is None else tuple(sorted(values))


def _changed(new: ValueT, old: ValueT | None) -> ValueT | None:
    return None if new == old else new
