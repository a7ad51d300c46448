"""The way back from a rollover under way: when the files no longer ask for it, and whether it is still open.

Undo is just another proposal to the kernel: the keys that were in use before become the goal, by the same recipe. What
closes the way is a signer that has deleted one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dnsplan.engine.method import recipe_for
from dnsplan.engine.target import ids
from dnsplan.engine.view import EMERGENCIES, Proposal, View
from dnsplan.engine.wish import Wish, roles, spare_keys, standby_count
from dnsplan.model.history import Rollover
from dnsplan.model.plan import Blocked, Wait
from dnsplan.model.records import Dnskey, KeyId

_BY_POLICY = frozenset({"algorithm-liberal", "algorithm-conservative", "scheme"})
_NEVER_BY_KEYS = frozenset({"insecure", "bootstrap", "follow", "ds-digest"})


def taken_back(view: View, rollover: Rollover) -> str:
    """Return why a rollover under way is no longer asked for; empty while the files stand by it."""
    intent = view.situation.intent
    if rollover.back:
        return ""
    if rollover.recipe in EMERGENCIES:
        asked = bool(ids(intent.compromised) & set(rollover.old))
        return "" if asked else "the key is not called compromised any more: the emergency was taken back"
    if rollover.token is not None:
        asked = rollover.token in {intent.roll.sep, intent.roll.zsk}
        return "" if asked else f"rollover {rollover.token!r} was taken back"
    return _not_wanted(view, rollover)


def _not_wanted(view: View, rollover: Rollover) -> str:
    """Return why the files no longer want a rollover that no token asked for."""
    keys, reason = view.situation.intent.keys, ""
    if isinstance(keys, tuple) and rollover.recipe not in _NEVER_BY_KEYS:
        if ids(keys) & (set(rollover.old) - set(rollover.final)):
            reason = "the zone file pins keys that were to leave: the rollover was taken back"
    elif rollover.recipe == "standby":
        if len(spare_keys(view, frozenset(rollover.final))) >= standby_count(view):
            reason = "the policy wants no further standby key: it was taken back"
    elif rollover.recipe in _BY_POLICY and _fit(view, rollover.old) and not _fit(view, rollover.final):
        reason = "the change of the policy was taken back"
    return reason


def _fit(view: View, keys: Iterable[KeyId]) -> bool:
    """Tell whether there is a key of the policy's algorithm for each role of its scheme."""
    known = [view.keys_by_id[key] for key in keys if key in view.keys_by_id]
    fitting = {view.role_of(key) for key in known if key.algorithm == view.situation.policy.algorithm}
    return fitting >= set(roles(view))


def gone(view: View, rollover: Rollover) -> tuple[Dnskey, ...]:
    """Return the keys of before that nobody can sign with again: the signer lists its keys, and these are not there.

    One that it held once and no longer lists is lost, though it may still be published.
    """
    held = view.situation.held
    if held is None:
        return ()
    there = {key.key for key in held} | (set(view.dnskey.keys) - {key.key for key in view.history.held})
    before = (view.keys_by_id[key] for key in rollover.before if key in view.keys_by_id)
    return tuple(key for key in before if key not in there)


def way_back(view: View, rollover: Rollover, why: str) -> Wish:
    """Return the wish for the keys that were in use when the rollover began."""
    leaving = frozenset(rollover.final) - frozenset(rollover.before)
    recipe = rollover.recipe
    if recipe in EMERGENCIES | {"standby"}:  # whose haste, or silence about the DS, is not for the way back
        before = tuple(view.keys_by_id[key] for key in rollover.before if key in view.keys_by_id)
        recipe = recipe_for(view, before, (), leaving) or "double-ksk"
    return Wish(
        recipe=recipe, why=why, final=rollover.before, old=tuple(sorted(leaving)), back=True
    )  # fmt: skip


def in_words_of_back(item: Proposal | Blocked | Wait) -> Proposal | Blocked | Wait:
    """Return a proposal of the way back in words that fit: what comes is the original, what leaves was new."""
    if not isinstance(item, Proposal):
        return item
    summary = item.summary.replace(" the old ", " the abandoned ").replace(" the new ", " the original ")
    return replace(item, summary=summary)
