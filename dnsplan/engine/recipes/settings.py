"""Recipe settings: TTLs and NSEC3 parameters are brought to what the policy's file states.

RFC 7583 section 2.2 names the TTLs that a rollover waits for. Stages: V1 the TTL of the DNSKEY RRset · V2 the TTL of
the DS · V3 the parameters of NSEC3 (RFC 9276 section 3.1). V1 and V2 wait until every server shows the RRset as it is
(gate), and change nothing else: the RRset with its new TTL is a version of its own, and what waits for the one before
it waits for the old TTL. No content changes, so no validator can fail; an NSEC or NSEC3 record in a cache proves what
it proves by its own signature, whatever the zone uses now.

A TTL is lowered before a rollover begins and raised after it; between the first and the last change of a rollover
nothing of this is done.
"""

from __future__ import annotations

from dataclasses import replace

from dnsplan.engine.journal import parameters
from dnsplan.engine.obstacles import next_sweep
from dnsplan.engine.timed import is_changing, withdrawn
from dnsplan.engine.tuning import TtlChange, ttl_changes, wanted_nsec3, why_not_nsec3, why_not_ttl
from dnsplan.engine.view import EMERGENCIES, Proposal, View, view_of
from dnsplan.model.action import SetNsec3, SetTtl
from dnsplan.model.history import Intent, Touched
from dnsplan.model.plan import Gate, Wait
from dnsplan.model.time import format_duration

NAMES: dict[str, Touched] = {"DNSKEY": "DNSKEY-TTL", "DS": "DS-TTL"}
BEGUN_BY_NO_TTL = frozenset({"bootstrap", "emergency", "break-chain", "lost-key", "standby", "follow", "insecure"})
"""Recipes that wait for no lower TTL: they are urgent, or no gate of theirs would open earlier."""


def propose(view: View) -> tuple[Proposal | Wait, ...]:
    """Return everything that differs and can be set; empty when all of it is as the policy states."""
    return (*(_ttl(view, change) for change in ttl_changes(view) if not why_not_ttl(view, change)[0]), *_nsec3(view))


def lower(view: View) -> tuple[Proposal, ...]:
    """Return the TTLs to be lowered before a rollover that has changed nothing yet; one that was refused is left."""
    if view.rollover.recipe in BEGUN_BY_NO_TTL or not _is_untouched(view):
        return ()
    refused = {intent.rrset for intent in view.history.intents if intent.outcome in {"refused", "failed"}}
    return tuple(
        _ttl(view, change)
        for change in ttl_changes(view)
        if change.is_lower and NAMES[change.rrset] not in refused and not why_not_ttl(view, change)[0]
    )


def given_up(view: View) -> View:
    """Return the view without TTLs that were not on every server within the budget, so that they stop nothing else.

    Keys that were stolen or lost wait for none. A TTL given up may show yet: what is served counts with the longer of
    both. The zone at rest asks for it again.
    """
    urgent = view.rollover.recipe in EMERGENCIES | {"lost-key"}
    patience = 0 if urgent else view.situation.policy.timing.registration_budget
    history, late = view.history, view.situation.now - patience
    lost: set[Touched] = set()
    if is_changing(history.ds) and history.ds[-1].first <= late:
        history, lost = replace(history, ds=withdrawn(history.ds)), {"DS-TTL"}
    if is_changing(history.dnskey) and history.dnskey[-1].first <= late:
        history, lost = replace(history, dnskey=withdrawn(history.dnskey)), {*lost, "DNSKEY-TTL"}
    if not lost:
        return view
    intents = tuple(
        replace(known, outcome="refused", reason="no longer waited for: not every server showed it")
        if known.rrset in lost
        else known
        for known in history.intents
    )
    return view_of(replace(view.situation, history=replace(history, intents=intents))) or view


def is_under_way(view: View) -> bool:
    """Tell whether a TTL was asked for and is not yet on every server."""
    return is_changing(view.history.ds) or is_changing(view.history.dnskey)


def _is_untouched(view: View) -> bool:
    """Tell whether the rollover has neither created a key nor changed the content of an RRset."""
    rollover, history = view.rollover, view.history
    newest = (history.ds[-1], history.dnskey[-1], history.zonedata[-1])
    return all(version.first < rollover.started or version.ttl is not None for version in newest) and not any(
        held.rollover == rollover.id for held in history.held
    )


def _ttl(view: View, change: TtlChange) -> Proposal:
    is_ds = change.rrset == "DS"
    versions = view.history.ds if is_ds else view.history.dnskey
    what = "DS" if is_ds else "DNSKEY RRset"
    word = "lower" if change.is_lower else "raise"
    ttls = f"from {format_duration(change.served)} to {format_duration(change.wanted)}"
    tied = not is_ds and view.situation.capabilities.dnskey_ttl == "negative"
    with_it = ", and that of negative answers with it" if tied else ""
    return Proposal(
        stage="V2" if is_ds else "V1",
        op="ttl.set",
        candidates=(SetTtl(rrset=change.rrset, ttl=change.wanted, ds=view.ds.ds if is_ds else ()),),
        gate=view.everywhere(versions, f"every server shows the {what} as it is"),
        undo="fast" if change.is_lower else "slow",
        summary=f"{word} the TTL of the {what} {ttls}{with_it}",
    )


def _nsec3(view: View) -> tuple[Proposal | Wait, ...]:
    wanted = wanted_nsec3(view)
    if wanted is None or why_not_nsec3(view)[0]:
        return ()
    asked = next((intent for intent in view.history.intents if intent.rrset == "DENIAL"), None)
    if asked is not None and _may_show_yet(view, asked, wanted):
        reason = "not every server shows the new parameters of NSEC3 yet"
        return (Wait(until=next_sweep(view), reason=reason, stage="confirm", rrset="DENIAL", polls=True),)
    salt = f"salt {wanted.salt}" if wanted.salt else "no salt"
    return (
        Proposal(
            stage="V3",
            op="nsec3.set",
            candidates=(wanted,),
            gate=Gate(),
            undo="fast",
            summary=f"use NSEC3 with {wanted.iterations} iterations and {salt}",
        ),
    )


def _may_show_yet(view: View, asked: Intent, wanted: SetNsec3) -> bool:
    """Tell whether just these parameters were asked for, within the time that the policy gives a change."""
    if asked.target != parameters(wanted) or asked.outcome not in {"performed", "pending"}:
        return False
    since = asked.at if asked.outcome_at is None else asked.outcome_at
    return view.situation.now - since < view.situation.policy.timing.registration_budget
