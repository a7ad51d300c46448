"""Recipe C, double-ds: the new DS is known to every cache before the new KSK signs in place of the old one.

RFC 7583 section 3.3.2 (Double-DS); RFC 6781 section 4.1.2. For signers that cannot let two KSKs sign. Stages: C0 create
the key · C1 add the DS (gate: none, since a key of the same algorithm and with DS of the same digest types works) · C2
the keys change places (gate: no cache holds a DS RRset without the new DS) · C3 the old DS leaves (gate: no cache holds
a DNSKEY RRset that the new key does not sign) · C4 the signer forgets the old key. A parent that looks for the key
before it takes a DS, or takes one DS only, cannot do this.
"""

from __future__ import annotations

from dnsplan.engine.parent_side import ds_proposal
from dnsplan.engine.stages import OPEN, Proposals, create, ds_cached, forget, keys_cached
from dnsplan.engine.target import Target, target_of, wanted_ds
from dnsplan.engine.view import Proposal, View
from dnsplan.model.action import SetKeys


def propose(view: View) -> Proposals:
    """Return the next stage; empty when only the new key and its DS are left."""
    target = target_of(view)
    return create(view, target, "C0") or _add(view, target) or _swap(view, target) or _rest(view, target)


def _add(view: View, target: Target) -> Proposals:
    both = tuple(sorted({*view.ds.ds, *wanted_ds(view, target)}))
    if both == view.ds.ds or target.sep_ids <= view.keyset.working:
        return ()
    return (ds_proposal(view, stage="C1", wanted=both, gate=OPEN, undo="fast", summary="add the new DS"),)


def _swap(view: View, target: Target) -> Proposals:
    keys = tuple(sorted({*(key for key in view.dnskey.keys if key.id not in target.leaving), *target.keys}))
    action = SetKeys(
        published=keys,
        sign_keys=(view.dnskey.signers - target.leaving) | target.sep_ids,
        sign_zone=view.zone.signers,
    )
    if (keys, action.sign_keys) == (view.dnskey.keys, view.dnskey.signers):
        return ()
    return (
        Proposal(
            stage="C2",
            op="dnskey.publish",
            candidates=(action,),
            gate=ds_cached(view, target),
            undo="fast",
            summary="put the new KSK in the place of the old one",
        ),
    )


def _rest(view: View, target: Target) -> Proposals:
    wanted = wanted_ds(view, target)
    if wanted == view.ds.ds:
        return forget(view, target, "C4")
    when = keys_cached(view, target)
    return (ds_proposal(view, stage="C3", wanted=wanted, gate=when, undo="slow", summary="remove the old DS"),)
