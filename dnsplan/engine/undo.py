"""What a zone file must say for the next run to go back from the step in flight, or why no edit can do that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from dnsplan.engine.back import gone, taken_back
from dnsplan.engine.view import EMERGENCIES, View
from dnsplan.model.history import DsContent, Rollover
from dnsplan.model.plan import TimelineStep, Undo
from dnsplan.model.portfolio import ZoneIntent
from dnsplan.model.records import Dnskey
from dnsplan.model.time import Instant

Way = Literal["open", "asked", "irreversible", "elsewhere", "nothing"]
"""`open`: the edit leads back; `asked`: the files ask for it already; `elsewhere`: no edit of the zone file can."""

_SERVING = frozenset({"ds.set", "cds.set", "dnskey.publish", "dnskey.activate", "signing.enable", "signing.disable"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Retreat:
    """The way back from what is in flight; `intent` is what the zone file is to say then."""

    way: Way
    reason: str
    intent: ZoneIntent
    action: str = ""
    """What a person does where the zone file is not the place."""


def retreat_of(view: View) -> Retreat:
    """Return the way back from the rollover under way, or from one that is asked for and has not begun."""
    rollover, intent = view.history.rollover, view.situation.intent
    if rollover is None:
        return _not_begun(view)
    if rollover.recipe == "migration":
        return _staying(view)
    reason = taken_back(view, rollover)
    closed = gone(view, rollover)
    if closed and not rollover.back and rollover.recipe not in {"insecure", "bootstrap"}:
        tags = ", ".join(str(key.key_tag) for key in closed)
        action = "let it end; for other keys than the new ones ask for another rollover"
        why = f"the step cannot be undone: the signer no longer holds key tag {tags}, which was in use before"
        return Retreat(way="irreversible", reason=why, intent=intent, action=action)
    if rollover.back or reason:
        return Retreat(way="asked", reason=reason or "the way back is under way", intent=intent)
    return _retracted(view, rollover)


def _staying(view: View) -> Retreat:
    """Return the way back from a move to another signer, which `migrate_to` asks for."""
    intent = view.situation.intent
    if intent.migrate_to is None:
        return Retreat(way="asked", reason="the zone file no longer asks for the move", intent=intent)
    reason = f"the move to signer {intent.migrate_to} is under way"
    return Retreat(way="open", reason=reason, intent=replace(intent, migrate_to=None))


def _not_begun(view: View) -> Retreat:
    intent, tokens = view.situation.intent, dict(view.history.tokens)
    for kind, token in (("sep", intent.roll.sep), ("zsk", intent.roll.zsk)):
        if token and kind in tokens and token != tokens[kind]:
            return _without_token(view, token, "has not begun")
    return Retreat(way="nothing", reason="nothing is in flight, so there is nothing to undo", intent=intent)


def _without_token(view: View, token: str, what: str) -> Retreat:
    """Return the zone with the token that was last done, or none, in place of this one."""
    intent, tokens = view.situation.intent, dict(view.history.tokens)
    roll = intent.roll
    if roll.sep == token:
        roll = replace(roll, sep=tokens.get("sep") or None)
    if roll.zsk == token:
        roll = replace(roll, zsk=tokens.get("zsk") or None)
    return Retreat(way="open", reason=f"rollover {token!r} {what}", intent=replace(intent, roll=roll))


def _retracted(view: View, rollover: Rollover) -> Retreat:
    intent, recipe = view.situation.intent, rollover.recipe
    if recipe in EMERGENCIES:
        left = tuple(key for key in intent.compromised if key.id not in rollover.old)
        return Retreat(way="open", reason="the emergency is under way", intent=replace(intent, compromised=left))
    if recipe in {"insecure", "bootstrap"}:
        return _signing(view, rollover)
    if recipe in {"follow", "ds-digest", "standby"}:
        return _elsewhere(view, recipe)
    if rollover.token is not None:
        return _without_token(view, rollover.token, "is under way")
    keys = _pins(view, rollover)
    reason = f"{recipe} is under way, and no token asked for it: the keys of before are pinned"
    return Retreat(way="open", reason=reason, intent=replace(intent, keys=keys))


def _signing(view: View, rollover: Rollover) -> Retreat:
    """Return the way back from signing or unsigning, which `dnssec` asks for."""
    intent = view.situation.intent
    wanted: Literal["signed", "insecure"] = "signed" if rollover.recipe == "insecure" else "insecure"
    if intent.dnssec == wanted:
        return Retreat(way="asked", reason=f"the zone file says `dnssec: {wanted}`", intent=intent)
    if wanted == "insecure" and _had_ds(view, rollover.started):
        why = "this is the repair of a zone that did not validate: there is no good state before it"
        return Retreat(way="irreversible", reason=why, intent=intent, action="let it end")
    return Retreat(way="open", reason=f"{rollover.recipe} is under way", intent=replace(intent, dnssec=wanted))


def _had_ds(view: View, at: Instant) -> bool:
    contents = [v.content for v in view.history.ds if v.first <= at and v.content is not None]
    return any(isinstance(content, DsContent) and content.ds for content in contents[-1:])


def _elsewhere(view: View, recipe: str) -> Retreat:
    policy = view.situation.policy
    file = policy.source.file if policy.source is not None else f"policy {policy.name}"
    action = {
        "follow": "roll back at the signer, which rolls its keys itself; the DS follow",
        "ds-digest": f"give `ds: digest_types` in {file} the value that it had, or name another policy",
        "standby": f"give `standby` in {file} the value that it had, or name another policy",
    }[recipe]
    reason = f"{recipe} is under way, which no line of the zone file asks for"
    return Retreat(way="elsewhere", reason=reason, intent=view.situation.intent, action=action)


def _pins(view: View, rollover: Rollover) -> tuple[Dnskey, ...]:
    """Return the keys of before: those with a DS, and the others where one of them changes."""
    before = tuple(view.keys_by_id[key] for key in rollover.before if key in view.keys_by_id)
    moving = [view.keys_by_id[key] for key in (*rollover.old, *rollover.final) if key in view.keys_by_id]
    changed = {view.role_of(key) for key in moving if (key.id in rollover.final) != (key.id in rollover.before)}
    seps = tuple(key for key in before if view.role_of(key) != "zsk")
    return before if {"zsk", "csk"} & {*changed, *rollover.creates} else seps


def speed_of(steps: tuple[TimelineStep, ...], now: Instant) -> Undo:
    """Return `fast` if no step that validators rely on waits for a cache; what was new may leave later."""
    waits = (term for step in steps if step.op in _SERVING for term in step.gate.terms)
    return "slow" if any(term.ttl and term.at is not None and term.at > now for term in waits) else "fast"
