"""Recipe double-rrset: the new KSK and its DS are published side by side, and both old ones leave.

RFC 7583 section 3.3.3 (Double-RRset): the shortest KSK rollover, at the price of two of everything. Stages: R0 create
the key · R1 both keys sign the DNSKEY RRset, and R2a the parent serves both DS (gate: none, for a DS of the algorithm
and digest types that are there already; every server shows the key, where the parent looks) · R2b the old DS leaves
(gate: no cache holds a DNSKEY RRset that the new key does not sign) · R3 the old key leaves (gate: no cache holds a DS
RRset without the new DS) · R4 the signer forgets it.
"""

from __future__ import annotations

from dnsplan.engine.stages import (
    OPEN,
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
    """Return the stages that may go on side by side; empty when only the new key is left."""
    target = target_of(view)
    missing = create(view, target, "R0")
    if missing:
        return missing
    checked = view.situation.capabilities.accepts.requires_matching_dnskey != "none"
    add = keys_everywhere(view) if checked else OPEN
    published = publish(view, target, "R1", op="dnskey.publish")
    moved = move_ds(view, target, "R2", add=add, swap=keys_cached(view, target))
    if published and checked:
        return published
    return (
        (*published, *moved) or withdraw(view, target, "R3", when=ds_cached(view, target)) or forget(view, target, "R4")
    )
