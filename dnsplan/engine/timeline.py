"""The whole staged change, predicted by the same recipes and kernel as each step takes effect in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dnsplan.engine.goal import Choice
from dnsplan.engine.journal import record_intent
from dnsplan.engine.readiness import (
    admitted_from,
    is_for_parent,
    judge,
    make_step,
    needs_person,
    restated,
    rrset_of,
    touched,
)
from dnsplan.engine.view import Proposal, View, is_emergency, side_of, view_of
from dnsplan.model.action import CreateKey, DeleteKey, SetCds, SetNs, SetNsec3
from dnsplan.model.history import HeldKey, Rollover, RRsetVersion, Touched, ZoneHistory
from dnsplan.model.observation import ChildAnswer, Denial, Observation
from dnsplan.model.plan import Proof, TimelineStep
from dnsplan.model.records import SEP, ZONE_KEY, Dnskey
from dnsplan.model.time import Instant, Seconds

MOST_STEPS = 40
"""No recipe has nearly as many; a bound on what a mistake could cost."""


def timeline(view: View, choice: Choice, registration: Seconds = 0) -> tuple[TimelineStep, ...]:
    """Return every step still to come with the earliest moment of each; later ones rest on margins and sweeps.

    `registration` is how long the parent is taken to need for each change of the DS.
    """
    if not choice.recipe:
        return ()
    steps: list[TimelineStep] = []
    now, certain = view.situation.now, True
    current = _settled(view, now, registration)
    while True:
        proposal = _next(current, choice.proposals)
        if proposal is None or len(steps) == MOST_STEPS:
            break
        now = max(now, _opens(side_of(current, proposal), proposal))
        moment = _admitted(side_of(current, proposal), proposal, now)
        steps.append(_step(side_of(view, proposal), proposal, moment, predicted=not certain))
        if moment is None:
            break
        now, certain = moment, False
        takes = registration if _at_parent(proposal) else 0
        current = _after(current, proposal, now + takes)
    return tuple(steps)


def _next(view: View, proposals: Callable[[View], tuple[object, ...]]) -> Proposal | None:
    ready = [item for item in proposals(view) if isinstance(item, Proposal)]
    return min(ready, key=lambda item: _opens(side_of(view, item), item)) if ready else None


def _opens(view: View, proposal: Proposal) -> Instant:
    """Return when the gate is open, what it changes confirmed, and the DS asked for before it shown.

    Only data signatures change beside a DS that does not show yet, as `plan_zone` has it.
    """
    action, history = proposal.candidates[0], view.history
    changes = touched(view, action)
    newest: dict[Touched, RRsetVersion] = {
        "DS": history.ds[-1], "DNSKEY": history.dnskey[-1], "ZONE": history.zonedata[-1],
    }  # fmt: skip
    free = [newest[name].everywhere or 0 for name in changes | restated(view, action)]
    shown = 0 if changes == {"ZONE"} else history.ds[-1].first
    return max(proposal.gate.at or 0, shown, *free)


def _at_parent(proposal: Proposal) -> bool:
    """Tell whether a parent must act, which takes its time."""
    action = proposal.candidates[0]
    return is_for_parent(action) or isinstance(action, SetCds) or (isinstance(action, SetNs) and not proposal.signer)


def _admitted(view: View, proposal: Proposal, now: Instant) -> Instant | None:
    action = proposal.candidates[0]
    return now if isinstance(judge(view, action, now), Proof) else admitted_from(view, action, now)


def _step(view: View, proposal: Proposal, moment: Instant | None, *, predicted: bool) -> TimelineStep:
    action = proposal.candidates[0]
    capabilities = view.situation.capabilities
    side = "parent" if _at_parent(proposal) and not isinstance(action, SetCds) else "signer"
    name = view.situation.intent.parent if side == "parent" else proposal.signer or view.situation.intent.signer
    who = "a person" if needs_person(action, capabilities, proposal.signer) else f"{side} {name or ''}".strip()
    return TimelineStep(
        id=make_step(proposal, action, rrset_of(view, action), _NO_PROOF, view).id,
        op=proposal.op,
        stage=proposal.stage,
        summary=proposal.summary,
        not_before=moment,
        predicted=predicted,
        gate=proposal.gate,
        who="the parent's scan" if isinstance(action, SetCds) else who,
        undo=proposal.undo,
        action=None if predicted else action,
    )


_NO_PROOF = Proof(triples=0, horizon=0, profiles=frozenset())


def _after(view: View, proposal: Proposal, now: Instant) -> View:
    """Return the view in which the proposal has taken effect everywhere, as soon as the sweeps allow."""
    action, at = proposal.candidates[0], side_of(view, proposal)
    step = make_step(proposal, action, rrset_of(at, action), _NO_PROOF, view)
    history = record_intent(view.history, step, intent_id="predicted", step_json="", now=now)
    held = view.situation.held
    if isinstance(action, CreateKey):
        history = _with_predicted_key(history, view.rollover, action, now)
    if isinstance(action, DeleteKey):
        held = tuple(key for key in held or () if key.key != action.key)
    if held is not None:
        shown = {key for version in history.dnskey[-1:] for key in getattr(version.content, "keys", ())}
        held = tuple(replace(key, published=key.key in shown, active=key.key in shown) for key in held)
    seen = _shown(view.situation.seen, action) if isinstance(action, SetNsec3) else view.situation.seen
    situation = replace(view.situation, history=history, held=held, seen=seen, now=now)
    return _settled(view_of(situation) or view, now, 0)


def _shown(seen: Observation, action: SetNsec3) -> Observation:
    """Return the observation with the parameters of NSEC3, which no version of an RRset holds."""
    denial = Denial(nsec3=True, iterations=action.iterations, salt=action.salt)
    child = tuple(replace(one, denial=denial) if isinstance(one, ChildAnswer) else one for one in seen.child)
    return replace(seen, child=child)


def _with_predicted_key(history: ZoneHistory, rollover: Rollover, action: CreateKey, now: Instant) -> ZoneHistory:
    flags = ZONE_KEY if action.role == "zsk" else ZONE_KEY | SEP
    key = Dnskey(flags=flags, algorithm=action.algorithm, public_key=f"predicted {action.role}".encode())
    held = HeldKey(key=key, role=action.role, created=now, rollover=rollover.id)
    return replace(history, held=(*history.held, held), rollover=replace(rollover, final=(*rollover.final, key.id)))


def _settled(view: View, now: Instant, registration: Seconds) -> View:
    """Return the view in which every version in flight is on every server after the sweeps that the policy wants.

    A DS that no server shows yet is taken to show `registration` after it was asked for.
    """
    timing = view.situation.policy.timing
    count, spacing = 1 if is_emergency(view.history) else timing.sweep_count, max(timing.sweep_spacing, 1)

    def settle(versions: tuple[RRsetVersion, ...], takes: Seconds = 0) -> tuple[RRsetVersion, ...]:
        if not versions or versions[-1].everywhere is not None:  # no server may have answered yet
            return versions
        newest = versions[-1]
        shows = now if newest.seen else max(now, newest.first + takes)
        if newest.clean_at is not None:
            shows = newest.clean_at - spacing * (newest.clean - 1)
        ttl = max(newest.ttl_star, versions[-2].ttl_star if len(versions) > 1 else 0)
        everywhere = max(now, shows + spacing * (count - 1))
        return (*versions[:-1], replace(newest, everywhere=everywhere, seen=True, ttl_star=ttl))

    history, beside = view.history, view.history.beside
    if beside is not None and view.other is not None:
        beside = replace(
            beside,
            dnskey=settle(beside.dnskey),
            zonedata=settle(beside.zonedata),
            ns_parent=settle(beside.ns_parent),
            ns_home=settle(beside.ns_home),
            ns_there=settle(beside.ns_there),
        )
    ds, keys, data = settle(history.ds, registration), settle(history.dnskey), settle(history.zonedata)
    history = replace(history, ds=ds, dnskey=keys, zonedata=data, beside=beside)
    return view_of(replace(view.situation, history=history)) or view
