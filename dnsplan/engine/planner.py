"""The decision about one zone: which recipe, what is ready, what it waits for, and the whole staged change.

A pure function of the situation: it is its own dry run.
"""

from __future__ import annotations

from dataclasses import replace

from dnsplan.engine.findings import findings, forgery_window
from dnsplan.engine.goal import Choice, choose
from dnsplan.engine.moving import moved
from dnsplan.engine.obstacles import in_flight, next_sweep, silent_servers
from dnsplan.engine.readiness import move_of, touched, with_target
from dnsplan.engine.repeat import repeats
from dnsplan.engine.sweep import disagree
from dnsplan.engine.timeline import timeline
from dnsplan.engine.view import Proposal, View, view_of
from dnsplan.model.history import Ended, ZoneHistory
from dnsplan.model.observation import Unreachable
from dnsplan.model.plan import (
    Blocked,
    Done,
    Finding,
    Headline,
    Move,
    NeedsHuman,
    NeedsReview,
    Situation,
    Step,
    Wait,
    ZonePlan,
)
from dnsplan.model.time import Instant, Seconds


def plan_zone(situation: Situation, *, foresee: bool = True, registration: Seconds = 0) -> ZonePlan:
    """Return what the zone needs now and later, and the history that the ledger should keep.

    Without `foresee` the timeline is left empty: a run that carries out what is ready does not read it. It takes the
    parent to need `registration` for each change of the DS.
    """
    view = view_of(situation)
    if view is None:
        return _unobserved(situation)
    choice = choose(view)
    if choice.history is not view.history:
        situation = replace(situation, history=choice.history)
        view = view_of(situation) or view
    moves = _moves(view, choice)
    history, next_at = choice.history, _next_at(moves)
    if choice.recipe and moves == (Done(),):
        history = _finished(view)
        next_at = situation.now if _wants_more(situation, history) else None
    if history.next_at != next_at:
        history = replace(history, next_at=next_at)
    steps = timeline(view, choice, registration) if foresee else ()
    return ZonePlan(
        zone=situation.intent.zone,
        parent=situation.seen.parent_zone or "",
        policy=situation.policy.name,
        source=situation.intent.source,
        recipe=choice.recipe,
        why=choice.why,
        headline=_headline(situation, moves),
        moves=moves,
        timeline=steps,
        findings=(*forgery_window(view, steps), *findings(view)),
        observed_ds=view.shown_ds,
        observed_keys=view.shown_keys,
        desired_ds=choice.desired_ds,
        desired_keys=choice.desired_keys,
        history=history,
    )


def _moves(view: View, choice: Choice) -> tuple[Move, ...]:
    if not choice.recipe:
        return (Done(),) if view.situation.intent.dnssec == "hold" else (_at_rest(view),)
    again = repeats(view)
    moves: list[Move] = list(again)
    seen = view
    for item in choice.proposals(view):
        if again and not (isinstance(item, Proposal) and _goes_beside(view, item)):
            continue
        if moves and isinstance(moves[-1], Step):
            seen = with_target(seen, moves[-1])  # each is judged as if the one before had been asked for already
        moves.append(move_of(seen, item) if isinstance(item, Proposal) else item)
    if moves:
        return tuple(moves)
    unconfirmed = (*in_flight(view), *(in_flight(view.other) if view.other is not None else ()))
    if unconfirmed or silent_servers(view):
        names = " and ".join(sorted({name for name, _ in unconfirmed}))
        reason = f"the last change of {names or 'the zone'} is not yet confirmed on every server"
        return (Wait(until=next_sweep(view), reason=reason, stage="confirm", polls=True),)
    return (Done(),)


def _at_rest(view: View) -> Move:
    """Return that nothing is to be done, if every server says so."""
    silent = silent_servers(view)
    if silent:
        reason = f"no usable answer from {', '.join(silent)}"
    elif disagree(view.situation.seen, view.history) and not view.situation.intent.signers:
        reason = "the servers show different things"
    else:
        return Done()
    return Wait(until=next_sweep(view), reason=reason, stage="confirm", polls=True)


def _goes_beside(view: View, proposal: Proposal) -> bool:
    """Tell whether a proposal may go on while another change does not show yet: data signatures beside a DS.

    Where a zone moves each RRset of each signer is on its own.
    """
    if view.other is not None and view.rollover.recipe == "migration":
        return True
    history, changes = view.history, touched(view, proposal.candidates[0])
    if not history.dnskey[-1].seen:
        return False
    beside_data = changes == {"DS"} and history.ds[-1].seen
    beside_ds = changes == {"ZONE"} and history.zonedata[-1].seen
    return beside_data or beside_ds


def _unobserved(situation: Situation) -> ZonePlan:
    seen = situation.seen
    silent = [f"{v.address} ({v.reason})" for v in (*seen.parent, *seen.child) if isinstance(v, Unreachable)]
    detail = seen.problem or f"no usable answer from {', '.join(silent) or 'any server'}"
    spacing = max(situation.policy.timing.sweep_spacing, 1)
    return ZonePlan(
        zone=situation.intent.zone,
        parent=seen.parent_zone or "",
        policy=situation.policy.name,
        source=situation.intent.source,
        recipe="",
        why="",
        headline="HOLD" if situation.intent.dnssec == "hold" else "WAITING",
        moves=(Wait(until=situation.now + spacing, reason=detail, polls=True),),
        timeline=(),
        findings=(
            Finding(code="UNOBSERVED", severity="error", summary="The zone could not be observed", detail=detail),
        ),
        observed_ds=(),
        observed_keys=(),
        desired_ds=(),
        desired_keys=(),
        history=replace(situation.history, next_at=situation.now + spacing),
    )


def _finished(view: View) -> ZoneHistory:
    """Close the rollover: its token is done, and the keys that the signer no longer holds are forgotten."""
    history, rollover = view.history, view.history.rollover
    if rollover is not None and rollover.recipe == "migration":
        after = moved(view)
        arrived = after.signed_at != history.signed_at  # who came back is nobody's canary
        return replace(after, ended=Ended(at=view.situation.now, config=rollover.config if arrived else ""))
    tokens = dict(history.tokens)
    if rollover is not None and rollover.token is not None:
        tokens["zsk" if rollover.creates == ("zsk",) else "sep"] = rollover.token
    held = history.held
    if view.situation.held is not None:
        listed = {key.key for key in view.situation.held}
        held = tuple(key for key in held if key.key in listed)
    ended = history.ended if rollover is None else Ended(at=view.situation.now, config=rollover.config)
    return replace(history, rollover=None, ended=ended, tokens=tuple(sorted(tokens.items())), held=held)


def _wants_more(situation: Situation, history: ZoneHistory) -> bool:
    """Tell whether something else is to be done after what has just been finished: another token, a TTL to raise."""
    view = view_of(replace(situation, history=history))
    return view is not None and bool(choose(view).recipe)


def _next_at(moves: tuple[Move, ...]) -> Instant | None:
    untils = [move.until for move in moves if isinstance(move, Wait) and move.until is not None]
    return min(untils, default=None)


def _headline(situation: Situation, moves: tuple[Move, ...]) -> Headline:
    if situation.intent.dnssec == "hold":
        return "HOLD"
    words: tuple[tuple[type[Move], Headline], ...] = (
        (Step, "ACTIVE"),
        (NeedsHuman, "MANUAL"),
        (Blocked, "BLOCKED"),
        (NeedsReview, "REVIEW"),
        (Wait, "WAITING"),
    )
    for kind, word in words:
        if any(isinstance(move, kind) for move in moves):
            return word
    return "OK"
