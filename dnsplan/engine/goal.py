"""Which change a zone needs, and why: the files' goal, the rollover under way, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

from dnsplan.engine.recipes import RECIPES
from dnsplan.engine.validators import is_bogus
from dnsplan.engine.view import Proposal, View
from dnsplan.model.history import HeldKey, Rollover, ZoneHistory
from dnsplan.model.plan import Blocked, Finding
from dnsplan.model.records import Dnskey, Ds, KeyId
from dnsplan.model.time import format_instant


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The recipe (empty: nothing to do), why, and the history in which it is under way."""

    recipe: str
    why: str
    history: ZoneHistory
    proposals: Callable[[View], tuple[Proposal | Blocked, ...]]
    desired_ds: tuple[Ds, ...]
    desired_keys: tuple[Dnskey, ...]


def choose(view: View) -> Choice:
    """Return what the zone needs; starting a rollover is noted in the history of the choice."""
    intent, history = view.situation.intent, view.history
    tokens = dict(history.tokens)
    if "sep" not in tokens:  # a token present when the ledger first meets a zone counts as done
        tokens["sep"] = intent.roll.sep or ""
        history = replace(history, tokens=tuple(sorted(tokens.items())))
    match intent.dnssec:
        case "hold":
            return _nothing(view, history, "the files ask only to observe")
        case "insecure":
            return _insecure(view, history)
        case "signed":
            return _signed(view, history, tokens["sep"])
        case _:
            assert_never(intent.dnssec)


def _insecure(view: View, history: ZoneHistory) -> Choice:
    under_way = history.rollover is not None and history.rollover.recipe == "insecure"
    if view.ds.ds or view.dnskey.keys or view.zone.signers or under_way:
        return _start(view, history, "insecure", "the files want the zone insecure", None)
    return _nothing(view, history, "the zone is insecure, as the files want it")


def _signed(view: View, history: ZoneHistory, last_token: str) -> Choice:
    keys, rollover = view.situation.intent.keys, history.rollover
    if keys == "follow":
        return _unavailable(view, history, "`keys: follow` is not available yet")
    if rollover is not None and rollover.recipe != "insecure":
        return _start(view, history, rollover.recipe, "the rollover under way", rollover.token)
    if isinstance(keys, tuple):
        return _pinned(view, history, keys)
    if not view.ds.ds or _broken(view):
        why = "no DS vouches for the zone" if not view.ds.ds else "no validator accepts the zone as it is"
        return _start(view, history, "bootstrap", why, None)
    return _by_token(view, history, last_token)


def _by_token(view: View, history: ZoneHistory, last: str) -> Choice:
    token = view.situation.intent.roll.sep
    if not token or token == last:
        return _nothing(view, history, "the DS match the keys that sign")
    if view.situation.policy.scheme == "csk":
        return _unavailable(view, history, "rolling a CSK is not available yet")
    return _start(view, history, "double-ksk", f"the zone file asks for rollover {token!r}", token)


def _pinned(view: View, history: ZoneHistory, keys: tuple[Dnskey, ...]) -> Choice:
    seps = tuple(key for key in keys if key.is_sep)
    if not view.ds.ds:
        return _start(view, history, "bootstrap", "no DS vouches for the zone", None)
    if set(view.ds_of(seps)) <= set(view.ds.ds) and {key.id for key in view.working_seps} <= {key.id for key in seps}:
        return _nothing(view, history, "the DS match the pinned keys")
    new = tuple(key.id for key in seps)
    return _start(view, history, "double-ksk", "the pinned keys differ from those in use", None, new)


def _start(  # every argument is a fact of the rollover
    view: View, history: ZoneHistory, recipe: str, why: str, token: str | None, pinned: tuple[KeyId, ...] = ()
) -> Choice:
    """Return the choice with the rollover under way: the one that is, or a new one noted in the history."""
    rollover = history.rollover
    if rollover is None or rollover.recipe != recipe:
        old = tuple(sorted(({key.id for key in view.working_seps} | _vouched_for(view)) - set(pinned)))
        rollover = Rollover(
            id=f"{recipe}/{token or format_instant(view.situation.now)}",
            recipe=recipe,
            started=view.situation.now,
            token=token,
            new=pinned,
            old=old,
        )
        history = replace(history, rollover=rollover, held=_held(view, history))
    desired = _desired(view, recipe, rollover)
    return Choice(
        recipe=recipe,
        why=why,
        history=history,
        proposals=RECIPES[recipe],
        desired_ds=view.ds_of(desired),
        desired_keys=tuple(sorted(desired)),
    )


def _desired(view: View, recipe: str, rollover: Rollover) -> tuple[Dnskey, ...]:
    """Return the SEP keys that will be left, as far as they exist yet."""
    if recipe == "insecure":
        return ()
    if recipe == "bootstrap" and view.working_seps:
        return view.working_seps
    return tuple(key for key in (view.keys_by_id.get(k) for k in rollover.new) if key is not None and key.is_sep)


def _vouched_for(view: View) -> set[KeyId]:
    served = {key.id for key in view.dnskey.keys}
    return {KeyId(d.key) for d in view.refs if d.key in served}


def _held(view: View, history: ZoneHistory) -> tuple[HeldKey, ...]:
    """Remember what the signer holds now, so that a key created later is known as ours."""
    known = {held.key for held in history.held}
    found = (
        HeldKey(key=key.key, role=key.role, created=view.situation.now)
        for key in view.situation.held or ()
        if key.key not in known
    )
    return (*history.held, *found)


def _broken(view: View) -> bool:
    return is_bogus("lenient", view.refs, view.keyset, view.zone.signers) and bool(view.working_seps)


def _nothing(view: View, history: ZoneHistory, why: str) -> Choice:
    return Choice(
        recipe="",
        why=why,
        history=history,
        proposals=lambda _: (),
        desired_ds=view.ds.ds,
        desired_keys=view.working_seps,
    )


def _unavailable(view: View, history: ZoneHistory, why: str) -> Choice:
    finding = Finding(
        code="CAPABILITY_MISSING", severity="error", summary="This change cannot be made yet", detail=why,
        action="set `dnssec: hold` to observe the zone only",
    )  # fmt: skip
    blocked = Blocked(findings=(finding,))
    return replace(_nothing(view, history, why), recipe="none", proposals=lambda _: (blocked,))
