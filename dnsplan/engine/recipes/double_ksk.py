"""Recipe B, double-ksk: two KSKs sign the DNSKEY RRset while the DS moves from one to the other.

RFC 7583 section 3.3.1 (Double-KSK); RFC 6781 section 4.1.2 calls it double-signature. Stages: B0 create the key · B1
both keys sign · B2 the DS moves · B3 the old key leaves · B4 the signer forgets it. Where the parent takes two DS the
new one is added as soon as every server shows the new key, so that both waits overlap (B2a, B2b); where it takes one,
they are swapped when no cache holds a DNSKEY RRset without the new key.
"""

from __future__ import annotations

from dnsplan.engine.gates import gate, signs_keys, vouches_for
from dnsplan.engine.parent_side import ds_proposal, fits, parent_limit, swaps
from dnsplan.engine.view import Proposal, View
from dnsplan.model.plan import Blocked, CreateKey, DeleteKey, Gate, SetKeys
from dnsplan.model.records import Dnskey, KeyId


def propose(view: View) -> tuple[Proposal | Blocked, ...]:
    """Return the next stage; empty when only the new key is left."""
    new = tuple(view.keys_by_id[key] for key in view.rollover.new if key in view.keys_by_id)
    old = frozenset(view.rollover.old) - frozenset(view.rollover.new)
    if not new:
        return (_create(view),)
    ids = frozenset(key.id for key in new)
    if not ids <= view.keyset.working:
        return (_publish(view, new),)
    return _move_ds(view, new, old) or _retire(view, ids, old)


def _create(view: View) -> Proposal:
    existing = frozenset(held.key.id for held in view.history.held)
    return Proposal(
        stage="B0",
        op="dnskey.create",
        candidates=(CreateKey(role="ksk", algorithm=view.situation.policy.algorithm, existing=existing),),
        gate=Gate(),
        undo="fast",
        summary="create the new KSK",
    )


def _publish(view: View, new: tuple[Dnskey, ...]) -> Proposal:
    return Proposal(
        stage="B1",
        op="dnskey.publish",
        candidates=(
            SetKeys(
                published=tuple(sorted({*view.dnskey.keys, *new})),
                sign_keys=view.dnskey.signers | {key.id for key in new},
                sign_zone=view.zone.signers,
            ),
        ),
        gate=Gate(),
        undo="fast",
        summary="publish the new KSK; both KSKs sign the DNSKEY RRset",
    )


def _move_ds(view: View, new: tuple[Dnskey, ...], old: frozenset[KeyId]) -> tuple[Proposal | Blocked, ...]:
    wanted, leaving = view.ds_of(new), set(view.ds_at_parent(old))
    ids = frozenset(key.id for key in new)
    cached = gate(
        "DNSKEY", view.spans.dnskey, signs_keys(ids), view.margins, "no cache holds a DNSKEY RRset without the new KSK"
    )
    both = tuple(sorted({*view.ds.ds, *wanted}))
    only_new = tuple(sorted(set(both) - leaving))
    if not set(wanted) <= set(view.ds.ds):
        if fits(view, both):
            shown = view.everywhere(view.history.dnskey, "every server shows the new KSK and its signature")
            return (ds_proposal(view, stage="B2a", wanted=both, gate=shown, undo="fast", summary="add the new DS"),)
        if swaps(view) and fits(view, only_new):
            summary = "swap the DS for the new one"
            return (ds_proposal(view, stage="B2", wanted=only_new, gate=cached, undo="fast", summary=summary),)
        return (parent_limit(view, both),)
    if leaving:
        summary = "remove the old DS"
        return (ds_proposal(view, stage="B2b", wanted=only_new, gate=cached, undo="fast", summary=summary),)
    return ()


def _retire(view: View, new: frozenset[KeyId], old: frozenset[KeyId]) -> tuple[Proposal | Blocked, ...]:
    leaving = [key for key in view.dnskey.keys if key.id in old]
    if leaving:
        vouched = gate(
            "DS", view.spans.ds, vouches_for(new), view.margins, "no cache holds a DS RRset without the new DS"
        )
        action = SetKeys(
            published=tuple(key for key in view.dnskey.keys if key.id not in old),
            sign_keys=view.dnskey.signers - old,
            sign_zone=view.zone.signers,
        )
        summary = "withdraw the old KSK"
        return (
            Proposal(
                stage="B3", op="dnskey.withdraw", candidates=(action,), gate=vouched, undo="slow", summary=summary
            ),
        )
    gone = view.everywhere(view.history.dnskey, "no server shows the old KSK")
    return tuple(
        Proposal(
            stage="B4",
            op="dnskey.delete",
            candidates=(DeleteKey(key=held.key),),
            gate=gone,
            undo="none",
            summary="delete the old KSK at the signer",
        )
        for held in view.situation.held or ()
        if held.key.id in old and not held.published
    )[:1]
