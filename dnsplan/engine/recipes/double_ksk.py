"""Recipe B, double-ksk: two KSKs sign the DNSKEY RRset while the DS moves from one to the other.

RFC 7583 section 3.3.1 (Double-KSK); RFC 6781 section 4.1.2 calls it double-signature. Stages: B0 create the key · B1
both keys sign · B2 the DS moves · B3 the old key leaves (gate: no cache holds a DS RRset without the new DS) · B4 the
signer forgets it. Where the parent takes two DS the new one is added as soon as every server shows the new key, so that
both waits overlap (B2a), and the old one is removed when no cache holds a DNSKEY RRset without the new key (B2b); where
it takes one, they are swapped then (B2).
"""

from __future__ import annotations

from dnsplan.engine.stages import (
    Proposals,
    create,
    ds_cached,
    forget,
    keys_cached,
    keys_everywhere,
    move_ds,
    publish,
    withdraw,
)
from dnsplan.engine.target import target_of
from dnsplan.engine.view import View


def propose(view: View) -> Proposals:
    """Return the next stage; empty when only the new key is left."""
    target = target_of(view)
    return (
        create(view, target, "B0")
        or publish(view, target, "B1", op="dnskey.publish")
        or move_ds(view, target, "B2", add=keys_everywhere(view), swap=keys_cached(view, target))
        or withdraw(view, target, "B3", when=ds_cached(view, target))
        or forget(view, target, "B4")
    )
