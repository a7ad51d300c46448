"""A change that was asked for and that nobody shows: when it is asked for again, and when it is a person's turn."""

from __future__ import annotations

from dnsplan.engine.kernel import Refusal
from dnsplan.engine.moving import shared
from dnsplan.engine.obstacles import is_given_up, is_overdue, next_sweep, obstacle
from dnsplan.engine.readiness import admitted_from, judge, make_step, needs_person, restated, rrset_of
from dnsplan.engine.view import Proposal, View
from dnsplan.model.action import Action, AnyAction, SetCds, SetDs, SetKeys, SetNs, SetTtl
from dnsplan.model.history import DsContent, NsContent, RRsetVersion, Touched
from dnsplan.model.plan import Gate, Move, NeedsHuman, Op, Wait


def repeats(view: View) -> tuple[Move, ...]:
    """Return a move for each change in flight that no server shows; empty if every change asked for was seen."""
    moves = []
    if not view.history.ds[-1].seen and not is_given_up(view, "DS"):
        action = _ds_again(view)
        moves.append(_again(view, action, rrset_of(view, action) if isinstance(action, SetTtl) else "DS"))
    for at in (view, view.other):
        rrset = None if at is None else _unseen_at(at)
        if at is not None and rrset is not None and not is_given_up(at, rrset):
            asked = _keys_again(at)
            moves.append(_again(at, asked, rrset_of(at, asked) if isinstance(asked, SetTtl) else rrset, at.signer))
    return (*moves, *_ns_again(view))


def _unseen_at(view: View) -> Touched | None:
    """Return which RRset of the signer's side was asked for and is shown by no server."""
    if not view.history.dnskey[-1].seen:
        return "DNSKEY"
    return None if view.history.zonedata[-1].seen else "ZONE"


def _ns_again(view: View) -> tuple[Move, ...]:
    """Return a move for each NS RRset that was asked for and that no server shows."""
    beside = view.history.beside
    if beside is None or view.other is None:
        return ()
    home = view.situation.intent.signer or "manual"
    lines = (("", beside.ns_parent), (home, beside.ns_home), (beside.signer, beside.ns_there))
    return tuple(
        _again(view.other if signer == beside.signer else view, _names_again(versions, beside.glue), "NS", signer)
        for signer, versions in lines
        if versions and not versions[-1].seen
    )


def _names_again(versions: tuple[RRsetVersion, ...], glue: tuple[tuple[str, str], ...]) -> SetNs:
    names, before = (
        tuple(sorted(version.content.names)) if isinstance(version.content, NsContent) else ()
        for version in (versions[-1], versions[-2])
    )
    return SetNs(names=names, glue=tuple(one for one in glue if one[0] in names), expected=before)


def _keys_again(view: View) -> AnyAction:
    if view.other is not None and view.rollover.recipe == "migration":
        return shared(view, view.other, view.dnskey.keys)
    ttl = view.history.dnskey[-1].ttl
    if ttl is not None and not view.history.dnskey[-1].seen:
        return SetTtl(rrset="DNSKEY", ttl=ttl)
    return SetKeys(published=view.dnskey.keys, sign_keys=view.dnskey.signers, sign_zone=view.zone.signers)


def _ds_again(view: View) -> Action:
    """Return the same change once more, beside what others have added or removed in the meantime."""
    wanted, ttl = view.ds.ds, view.history.ds[-1].ttl
    if ttl is not None:
        return SetTtl(rrset="DS", ttl=ttl, ds=wanted)
    if view.situation.policy.unknown_ds != "remove":
        strangers = (ds for ds in view.shown_ds if ds not in view.ring)
        wanted = tuple(sorted({*(ds for ds in wanted if ds in view.ring), *strangers}))
    keys = tuple(sorted(view.keys_by_id[view.ring[ds]] for ds in wanted if ds in view.ring))
    if view.situation.capabilities.update == "cds":
        return SetCds(cds=wanted, cdnskey=tuple(sorted(set(keys))))
    before = view.history.ds[-2].content
    expected = before.ds if isinstance(before, DsContent) else ()
    return SetDs(ds=wanted, keys=tuple(sorted(set(keys))), expected=expected)


def _again(view: View, action: AnyAction, rrset: Touched, signer: str = "") -> Move:
    whose = "" if view.signer else signer  # the other signer's own intents stand there without its name
    known = (intent for intent in view.history.intents if (intent.rrset, intent.signer) == (rrset, whose))
    intent = next(known, None)
    manual = needs_person(action, view.situation.capabilities, signer)
    if not manual and not is_overdue(view, intent):
        reason = f"no server shows the new {rrset} yet"
        return Wait(until=next_sweep(view), reason=reason, stage="confirm", rrset=rrset, polls=True)
    stopped = None if manual else obstacle(view, restated(view, action), "repeat")
    if stopped is not None:
        return stopped
    verdict = judge(view, action, view.situation.now)
    if isinstance(verdict, Refusal):
        since = admitted_from(view, action, view.situation.now)
        return Wait(until=since or next_sweep(view), reason=verdict.reason, stage="repeat", polls=since is None)
    proposal = Proposal(
        stage="repeat" if not manual else "manual",
        op="manual" if manual else _op(action),
        candidates=(action,),
        gate=Gate(),
        undo="fast",
        summary=f"ask again for the {rrset} that nobody shows yet" if not manual else f"change the {rrset} by hand",
        signer=signer,
    )
    step = make_step(proposal, action, rrset, verdict, view)
    return NeedsHuman(step=step, contact=view.situation.capabilities.contact) if manual else step


def _op(action: AnyAction) -> Op:
    if isinstance(action, SetNs):
        return "ns.set"
    if isinstance(action, SetTtl):
        return "ttl.set"
    return "ds.set" if isinstance(action, SetDs) else "dnskey.publish"
