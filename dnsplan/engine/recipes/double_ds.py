"""Recipe C, double-ds: the new DS is known to every cache before the new KSK signs in place of the old one.

RFC 7583 section 3.3.2 (Double-DS); RFC 6781 section 4.1.2. For signers that cannot let two KSKs sign. Stages: C0 create
the key · C1 add the DS (gate: none, since a key of the same algorithm and with DS of the same digest types works) · C2
the keys change places (gate: no cache holds a DS RRset without the new DS) · C3 the old DS leaves (gate: no cache holds
a DNSKEY RRset that the new key does not sign) · C4 the signer forgets the old key. A parent that looks for the key
before it takes a DS, or takes one DS only, cannot do this.
"""

from __future__ import annotations

from dnsplan.engine.stages import Proposals, add_ds_first, create, ds_cached, forget, remove_old_ds
from dnsplan.engine.target import Target, target_of
from dnsplan.engine.view import Proposal, View
from dnsplan.model.action import SetKeys


def propose(view: View) -> Proposals:
    """Return the next stage; empty when only the new key and its DS are left."""
    target = target_of(view)
    before = create(view, target, "C0") or add_ds_first(view, target, "C1") or _swap(view, target)
    return before or remove_old_ds(view, target, "C3") or forget(view, target, "C4")


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
