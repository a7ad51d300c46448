"""Recipe I-d, lost-key: the signer has lost a key whose signatures are still served; they hold until they expire.

RFC 7583 section 3.3.2 (Double-DS) for a KSK, section 3.2.1 (Pre-Publication) for a ZSK, one after the other for a CSK.
What the lost key signed is kept and cannot be signed again, so that the DNSKEY RRset may change only when every cache
knows the new key's DS. Stages: N0 create the keys · N1 add the new DS (gate: none, the algorithm is the same) · N2
publish the new keys beside the lost ones, signed by the new ones alone (gate: no cache holds a DS RRset without the new
DS) · N3 the old DS leaves (gate: no cache holds a DNSKEY RRset that the new key does not sign), N4 the data are signed
anew (gate: no cache holds a DNSKEY RRset without the new key) · N5 the lost keys leave (gate: no cache holds data that
only a lost key signs). There is no way back, and no hurry: it must end before the signatures do.
"""

from __future__ import annotations

from dnsplan.engine.stages import (
    Proposals,
    add_ds_first,
    create,
    data_keys_cached,
    ds_cached,
    remove_old_ds,
    signatures_cached,
    switch_data,
    withdraw,
)
from dnsplan.engine.target import Target, target_of
from dnsplan.engine.view import Proposal, View
from dnsplan.model.action import SetKeys


def propose(view: View) -> Proposals:
    """Return the stages that may go on side by side; empty when no lost key is left."""
    target = target_of(view)
    before = create(view, target, "N0") or add_ds_first(view, target, "N1") or _publish(view, target)
    if before:
        return before
    summary = "sign the data with the new key in place of the lost one"
    moves = (
        *remove_old_ds(view, target, "N3"),
        *switch_data(view, target, "N4", when=data_keys_cached(view, target), summary=summary),
    )
    return moves or withdraw(view, target, "N5", when=signatures_cached(view, target))


def _publish(view: View, target: Target) -> Proposals:
    keys = tuple(sorted({*view.dnskey.keys, *target.keys}))
    signers = (view.dnskey.signers - target.leaving) | target.sep_ids
    if target.sep_ids <= view.dnskey.signers and set(target.keys) <= set(view.dnskey.keys):
        return ()
    action = SetKeys(published=keys, sign_keys=signers, sign_zone=view.zone.signers)
    return (
        Proposal(
            stage="N2",
            op="dnskey.publish",
            candidates=(action,),
            gate=ds_cached(view, target),
            undo="irreversible",
            summary="publish the new keys beside the lost ones",
        ),
    )
