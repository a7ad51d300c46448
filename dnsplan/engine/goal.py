"""Which change a zone needs, and why: the files' goal, the rollover under way, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import assert_never

from dnsplan.engine import multi_signer
from dnsplan.engine.ages import known_ages, overdue
from dnsplan.engine.anchored import held_by_hand
from dnsplan.engine.back import gone, in_words_of_back, taken_back, way_back
from dnsplan.engine.feasible import mute, refusal
from dnsplan.engine.followed import followed
from dnsplan.engine.moving import move_between, not_the_signer, repeating
from dnsplan.engine.moving import refusal as refusal_of_move
from dnsplan.engine.obstacles import next_sweep
from dnsplan.engine.recipes import RECIPES, settings
from dnsplan.engine.sweep import disagree
from dnsplan.engine.target import ids, target_of
from dnsplan.engine.view import EMERGENCIES, Proposal, View
from dnsplan.engine.wish import Wish, compromised, ours, wish_of
from dnsplan.model.history import Beside, Rollover, ZoneHistory
from dnsplan.model.plan import Blocked, Finding, Wait
from dnsplan.model.portfolio import Role
from dnsplan.model.records import Dnskey, Ds, KeyId
from dnsplan.model.time import format_instant


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The recipe (empty: nothing to do), why, and the history in which it is under way."""

    recipe: str
    why: str
    history: ZoneHistory
    proposals: Callable[[View], tuple[Proposal | Blocked | Wait, ...]]
    desired_ds: tuple[Ds, ...]
    desired_keys: tuple[Dnskey, ...]


def choose(view: View) -> Choice:
    """Return what the zone needs; starting a rollover is noted in the history of the choice."""
    view = settings.given_up(view)
    intent, history = view.situation.intent, view.history
    tokens = dict(history.tokens)
    for kind, token in (("sep", intent.roll.sep), ("zsk", intent.roll.zsk)):
        tokens.setdefault(kind, token or "")  # a token present when the ledger first meets a zone counts as done
    if len(tokens) > len(history.tokens):
        history = replace(history, tokens=tuple(sorted(tokens.items())))
    if intent.dnssec != "hold" and history.signed_at not in {"", intent.signer}:
        elsewhere = not_the_signer(view)
        if elsewhere is not None:
            return _blocked(view, history, elsewhere)
        history = replace(history, signed_at="")
    match intent.dnssec:
        case "hold":
            return _nothing(view, history, "the files ask only to observe")
        case "insecure":
            return _insecure(view, history)
        case "signed" if intent.signers:
            return _several(view, history)
        case "signed":
            return _undisturbed(view, _signed(view, history, tokens))
        case _:
            assert_never(intent.dnssec)


def _several(view: View, history: ZoneHistory) -> Choice:
    """Return what a zone with several signers for good needs; their own rollovers are theirs."""
    if multi_signer.fits(view):
        return _nothing(view, history, "every signer's DNSKEY RRset has a DS and all keys for data")
    choice = _nothing(view, history, "the DS and DNSKEY RRsets of the signers do not fit together")
    return replace(
        choice, recipe="multi-signer", proposals=RECIPES["multi-signer"], desired_ds=multi_signer.union(view)
    )


def _insecure(view: View, history: ZoneHistory) -> Choice:
    if history.rollover is not None and history.rollover.recipe == "migration":
        why = "the zone is between two signers: `dnssec: insecure` would stop one of them only"
        action = "let the move end first, or take `migrate_to` out and let the zone go back"
        return replace(_refused(view, history, why, action), history=history)
    if isinstance(view.situation.intent.keys, tuple) and view.situation.intent.keys:
        return _refused(view, history, "`dnssec: insecure` and pinned `keys:` contradict each other", "take one out")
    if view.ds.ds or view.dnskey.keys or view.zone.signers or history.rollover is not None:
        used = tuple(sorted({*ids(view.dnskey.keys), *view.zone.signers}))
        begun = _start(view, history, Wish(recipe="insecure", why="the files want the zone insecure", old=used))
        return _anchored(view, history, begun, ids(view.dnskey.keys))
    return _nothing(view, history, "the zone is insecure, as the files want it")


def _undisturbed(view: View, choice: Choice) -> Choice:
    """Return the choice; under `unknown_ds: block` it waits until a DS that matches no key is gone."""
    if view.situation.policy.unknown_ds != "block" or not view.foreign_ds:
        return choice
    finding = Finding(
        code="CHAIN_DANGLING_DS",
        severity="error",
        summary="The parent serves a DS that matches no known key, and the policy blocks every change beside it",
        detail=", ".join(str(ds) for ds in view.foreign_ds),
        action="remove it at the parent, or set `unknown_ds: keep` or `remove` in the policy",
        source="RFC 6840 5.11",
    )
    blocked = Blocked(findings=(finding,))
    return replace(choice, recipe=choice.recipe or "none", proposals=lambda _: (blocked,))


def _signed(view: View, history: ZoneHistory, tokens: dict[str, str]) -> Choice:
    rollover = history.rollover
    if history.beside is not None:
        moving = _moving(view, history, history.beside)
        if moving is not None:
            return moving
    if view.situation.intent.keys == "follow":
        return _begin(view, history, followed(view))
    urgent = bool(compromised(view) & ids(ours(view))) and not _answers(view, rollover)
    if rollover is not None and rollover.recipe != "insecure" and (rollover.final or rollover.creates) and not urgent:
        why = taken_back(view, rollover)
        if why and not gone(view, rollover):
            return _start(view, replace(history, rollover=None), way_back(view, rollover, why))
        return _anchored(view, history, _start(view, history, _going_on(rollover, why)), rollover.old)
    asked, token = _asked(view, tokens)
    without = history if rollover is None else replace(history, rollover=None)
    choice = _begin(view, without, wish_of(view, asked, token))
    if choice.recipe == "none" and rollover is not None and rollover.recipe == "insecure":
        return replace(choice, history=replace(choice.history, rollover=rollover))  # its keys are not forgotten yet
    return choice


def _moving(view: View, history: ZoneHistory, beside: Beside) -> Choice | None:
    """Return the choice to move to the other signer, or back; None while something else comes first."""
    wanted = view.situation.intent.migrate_to == beside.signer
    why = f"the zone moves to signer {beside.signer}" if wanted else "the zone file no longer asks for the move"
    if history.rollover is not None:
        begun = history.rollover.recipe == "migration"
        return _anchored(view, history, _started(view, history, why), _left_behind(view)) if begun else None
    if not wanted:
        return _signed(view, replace(history, beside=None), dict(history.tokens))
    following = view.situation.intent.keys == "follow"
    rest = followed(view) if following else wish_of(view, frozenset(), None)
    if isinstance(rest, Blocked) or rest.recipe or repeating(history):
        return None
    move = move_between(view)
    if move is None or disagree(view.situation.seen, history):
        reason = f"the zone has not been seen at every server of signer {beside.signer}"
        wait = Wait(until=next_sweep(view), reason=reason, polls=True)
        return replace(_nothing(view, history, reason), recipe="none", proposals=lambda _: (wait,))
    stop = refusal_of_move(move)
    if stop is not None:
        return _blocked(view, history, stop, recipe="migration", why=why)
    rollover = Rollover(
        id=f"migration/{format_instant(view.situation.now)}", recipe="migration", started=view.situation.now
    )
    return _anchored(view, history, _started(view, replace(history, rollover=rollover), why), _left_behind(view))


def _left_behind(view: View) -> frozenset[KeyId]:
    """Return the keys that a move takes out of the DNS."""
    move = move_between(view)
    return frozenset() if move is None else ids(move.source.dnskey.keys) - ids(move.target.dnskey.keys)


def _started(view: View, history: ZoneHistory, why: str) -> Choice:
    move = move_between(view)
    seps = move.target.working_seps if move is not None else view.working_seps
    return Choice(
        recipe="migration",
        why=why,
        history=history,
        proposals=RECIPES["migration"],
        desired_ds=view.ds_of(seps),
        desired_keys=tuple(sorted(seps)),
    )


def _answers(view: View, rollover: Rollover | None) -> bool:
    """Tell whether a rollover under way is the answer to compromised keys: the break where a person wants that one.

    Where a key is lost as well, or no validator accepts the zone, the replacement or repair that takes them away is it.
    """
    if rollover is None:
        return False
    breaks = view.situation.breaks_chain
    if rollover.recipe == "bootstrap" or (rollover.recipe == "lost-key" and not breaks):
        return compromised(view) & ids(ours(view)) <= frozenset(rollover.old)
    return rollover.recipe in ({"break-chain"} if breaks else EMERGENCIES)


def _asked(view: View, tokens: dict[str, str]) -> tuple[frozenset[Role], str | None]:
    """Return the roles whose keys are to be replaced, by a token of the zone file or by age."""
    roll = view.situation.intent.roll
    if roll.sep and roll.sep != tokens["sep"]:
        return frozenset({"ksk", "csk"}), roll.sep
    if roll.zsk and roll.zsk != tokens["zsk"] and view.situation.policy.scheme != "csk":
        return frozenset({"zsk"}), roll.zsk
    return overdue(view), None


def _begin(view: View, history: ZoneHistory, wish: Wish | Blocked) -> Choice:
    """Return the choice with the wish begun, unless servers disagree on what there is."""
    if isinstance(wish, Blocked):
        return _blocked(view, history, wish)
    if not wish.recipe:
        held = known_ages(view)
        if history.rollover is not None or held != history.held:
            history = replace(history, rollover=None, held=held)
        return _at_rest(view, _nothing(view, history, wish.why))
    if disagree(view.situation.seen, history):
        reason = "the servers show different things; what the zone needs can be told when they agree"
        wait = Wait(until=next_sweep(view), reason=reason, polls=True)
        return replace(_nothing(view, history, reason), recipe="none", proposals=lambda _: (wait,))
    leaving = () if view.situation.intent.keys == "follow" else wish.old
    return _anchored(view, history, _start(view, history, wish), leaving)


def _anchored(view: View, history: ZoneHistory, choice: Choice, leaving: Iterable[KeyId]) -> Choice:
    """Return the choice, unless resolvers hold a key by hand that would leave; what is under way stays as it is."""
    stop = held_by_hand(view, leaving)
    if stop is None:
        return choice
    return replace(choice, history=history, proposals=lambda _: (stop,))


def _at_rest(view: View, rest: Choice) -> Choice:
    """Return the choice of a zone with the wanted keys and DS: whatever else the policy states."""
    if not settings.is_under_way(view) and not settings.propose(view):
        return rest
    why = "the TTLs or the parameters of NSEC3 differ from what the policy states"
    return replace(rest, recipe="settings", why=why, proposals=RECIPES["settings"])


def _going_on(rollover: Rollover, too_late: str) -> Wish:
    why = "the way back" if rollover.back else "the rollover under way"
    return Wish(
        recipe=rollover.recipe,
        why=f"{too_late}, too late: it goes on" if too_late else why,
        final=rollover.final,
        creates=rollover.creates,
        old=rollover.old,
        token=rollover.token,
        back=rollover.back,
    )


def _start(view: View, history: ZoneHistory, wish: Wish) -> Choice:
    """Return the choice with the rollover under way: the one that is, or a new one noted in the history."""
    rollover = history.rollover
    if rollover is None or rollover.recipe != wish.recipe or (wish.recipe == "follow" and rollover.final != wish.final):
        rollover = Rollover(
            id=f"{wish.recipe}/{wish.token or format_instant(view.situation.now)}",
            recipe=wish.recipe,
            started=view.situation.now,
            token=wish.token,
            final=wish.final,
            creates=wish.creates,
            old=wish.old,
            before=_in_use(view, {*wish.old, *wish.final}),
            back=wish.back,
        )
        history = replace(history, rollover=rollover, held=known_ages(view))
        view = replace(view, situation=replace(view.situation, history=history))
        stop = (mute if wish.recipe == "insecure" else refusal)(view, target_of(view))
        if stop is not None:
            return _blocked(view, view.history, stop, recipe=wish.recipe, why=wish.why)
    target, same = target_of(view), wish.recipe == "standby"  # which changes no DS
    return Choice(
        recipe=wish.recipe,
        why=wish.why,
        history=history,
        proposals=_proposals(wish),
        desired_ds=view.ds.ds if same else view.ds_of(target.seps),
        desired_keys=view.working_seps if same else tuple(sorted(target.seps)),
    )


def _in_use(view: View, keys: set[KeyId]) -> tuple[KeyId, ...]:
    """Return those of these keys to which a way back would lead: no KSK or CSK that waits beside one with a DS."""
    vouched = {d.key for d in view.refs}
    waiting = {key.id for key in view.working_seps if vouched and key.id not in vouched}
    return tuple(sorted(keys - waiting))


def _proposals(wish: Wish) -> Callable[[View], tuple[Proposal | Blocked | Wait, ...]]:
    recipe = RECIPES[wish.recipe]
    if wish.back:
        return lambda view: tuple(map(in_words_of_back, recipe(view)))
    return lambda view: settings.lower(view) or recipe(view)


def _nothing(view: View, history: ZoneHistory, why: str) -> Choice:
    return Choice(
        recipe="",
        why=why,
        history=history,
        proposals=lambda _: (),
        desired_ds=view.ds.ds,
        desired_keys=view.working_seps,
    )


def _blocked(view: View, history: ZoneHistory, blocked: Blocked, recipe: str = "none", why: str = "") -> Choice:
    why = why or blocked.findings[0].summary
    history = replace(history, rollover=None)
    return replace(_nothing(view, history, why), recipe=recipe, proposals=lambda _: (blocked,))


def _refused(view: View, history: ZoneHistory, why: str, action: str) -> Choice:
    finding = Finding(
        code="CAPABILITY_MISSING", severity="error", summary="This change cannot be made", detail=why, action=action
    )
    return _blocked(view, history, Blocked(findings=(finding,)), why=why)
