"""A change that was asked for and that nobody shows: when it is asked for again, and when it is a person's turn."""

from __future__ import annotations

from dnsplan.engine.kernel import Refusal
from dnsplan.engine.obstacles import is_given_up, is_overdue, next_sweep, obstacle
from dnsplan.engine.readiness import admitted_from, judge, make_step, needs_person, restated, rrset_of
from dnsplan.engine.view import Proposal, View
from dnsplan.model.history import DsContent, Touched
from dnsplan.model.plan import Action, Gate, Move, NeedsHuman, Op, SetCds, SetDs, SetKeys, SetTtl, Wait


def repeats(view: View) -> tuple[Move, ...]:
    """Return a move for each change in flight that no server shows; empty if every change asked for was seen."""
    history = view.history
    moves = []
    if not history.ds[-1].seen and not is_given_up(view, "DS"):
        moves.append(_again(view, _ds_again(view)))
    unseen = not history.dnskey[-1].seen or not history.zonedata[-1].seen
    if unseen and not is_given_up(view, "ZONE" if history.dnskey[-1].seen else "DNSKEY"):
        moves.append(_again(view, _keys_again(view)))
    return tuple(moves)


def _keys_again(view: View) -> Action:
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


def _again(view: View, action: Action) -> Move:
    rrset = _slot(view, action)
    intent = next((known for known in view.history.intents if known.rrset == rrset), None)
    manual = needs_person(action, view.situation.capabilities)
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
    )
    step = make_step(proposal, action, rrset, verdict, view)
    return NeedsHuman(step=step, contact=view.situation.capabilities.contact) if manual else step


def _slot(view: View, action: Action) -> Touched:
    if isinstance(action, SetDs | SetCds):
        return "DS"
    if isinstance(action, SetTtl):
        return rrset_of(view, action)
    return "DNSKEY" if not view.history.dnskey[-1].seen else "ZONE"


def _op(action: Action) -> Op:
    if isinstance(action, SetTtl):
        return "ttl.set"
    return "ds.set" if isinstance(action, SetDs) else "dnskey.publish"
