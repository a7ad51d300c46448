"""Recipe J, migration: a zone moves from one signer to another and stays secure (RFC 8901, model 2).

Both signers sign with keys of their own. Stages: J1 each publishes the other's keys for data beside its own · J2 the DS
of the new signer's keys is added (gate: all its servers show its DNSKEY RRset) · J3 the NS RRset changes, at the parent
and in the old signer's copy (gate: no cache holds a DS RRset without the new DS, nor a DNSKEY RRset of the old signer
without the new key for data, and no server of the new signer shows anything else) · J4 wait until no cache holds an NS
RRset that names the old servers · J5 the old DS leaves (gate: no cache holds a DNSKEY RRset of the old signer either)
· J6 the old key for data leaves the new signer's DNSKEY RRset (gate: no cache holds data of the old signer). Then the
zone at the old signer may be deleted (J7), which a person does. The way back, for as long as the zone file asks for it,
is the same with the two in each other's place; where no NS RRset has named the new servers yet, J8 takes away what was
added.
"""

from __future__ import annotations

from dnsplan.engine.moving import (
    Move,
    borrowed,
    data_gone,
    keys_gone,
    lacking,
    move_between,
    ns_changes,
    old_ds,
    ready,
    shared,
)
from dnsplan.engine.parent_side import ds_proposal
from dnsplan.engine.stages import OPEN, Proposals
from dnsplan.engine.view import Proposal, View
from dnsplan.model.plan import Gate, Undo
from dnsplan.model.records import Dnskey
from dnsplan.model.time import Instant


def propose(view: View) -> Proposals:
    """Return the next stages; empty when the zone is where it is to be, and nothing of the move is left."""
    move = move_between(view)
    if move is None:
        return ()
    if move.back and move.source.reach.never:
        return _without_old(view, move, "J8", "J8", keys=OPEN, data=OPEN)
    changes = _share(move, view.situation.now) or _add_ds(view, move) or _change_ns(move)
    return changes or _without_old(view, move, "J5", "J6", keys=keys_gone(move.source), data=data_gone(move.source))


def _share(move: Move, now: Instant) -> Proposals:
    """Return J1: each signer publishes the other's keys for data, for as long as a cache may meet both."""
    needs = ((move.source, move.target, move.source.reach.until), (move.target, move.source, data_gone(move.source).at))
    return tuple(
        _published(at, of, (*at.dnskey.keys, *lacking(at, of)), "J1", OPEN, "fast")
        for at, of, until in needs
        if lacking(at, of) and (until is None or until > now)
    )


def _add_ds(view: View, move: Move) -> Proposals:
    wanted = tuple(sorted({*view.ds.ds, *view.ds_of(move.target.working_seps)}))
    if wanted == view.ds.ds:
        return ()
    when = view.everywhere(move.target.history.dnskey, "every server of the new signer shows its DNSKEY RRset")
    return (ds_proposal(view, stage="J2", wanted=wanted, gate=when, undo="fast", summary="add the new signer's DS"),)


def _change_ns(move: Move) -> Proposals:
    when = ready(move)
    return tuple(
        Proposal(
            stage="J3",
            op="ns.set",
            candidates=(action,),
            gate=when,
            undo="fast",
            summary=f"name the new signer's servers in the NS RRset at {signer or 'the parent'}",
            signer=signer,
        )
        for signer, action in ns_changes(move)
    )


def _without_old(view: View, move: Move, ds_stage: str, keys_stage: str, *, keys: Gate, data: Gate) -> Proposals:
    """Return the removal of what is left of the old signer: its DS, and its keys in the new one's DNSKEY RRset."""
    result: Proposals = ()
    old = old_ds(move)
    if old:
        wanted = tuple(ds for ds in view.ds.ds if ds not in old)
        summary = "remove the old signer's DS"
        result = (ds_proposal(view, stage=ds_stage, wanted=wanted, gate=keys, undo="slow", summary=summary),)
    left = borrowed(move.target, move.source)
    if left:
        published = tuple(key for key in move.target.dnskey.keys if key not in left)
        result = (*result, _published(move.target, move.source, published, keys_stage, data, "fast"))
    return result


def _published(at: View, of: View, keys: tuple[Dnskey, ...], stage: str, when: Gate, undo: Undo) -> Proposal:
    added = len(keys) > len(at.dnskey.keys)
    verb = "publish" if added else "withdraw"
    return Proposal(
        stage=stage,
        op="dnskey.publish" if added else "dnskey.withdraw",
        candidates=(shared(at, of, keys),),
        gate=when,
        undo=undo,
        summary=f"{verb} the other signer's key for data at {at.signer or 'the signer'}",
        signer=at.signer,
    )
