"""Recipe F', algorithm rollover, liberal: new keys and their signatures appear at once, then the DS moves.

RFC 6781 section 4.1.4 and RFC 6840 section 5.11: validators must not insist on signatures of every algorithm in the
DNSKEY RRset. Stages: L0 create the keys · L1 publish the new keys and sign everything with both algorithms · L2 the DS
moves (gate, of an addition too: no cache holds a DNSKEY RRset that the new key does not sign, nor data without its
signatures: a validator that insists on each algorithm of the DS would fail) · L3 the old keys leave (gate: no cache
holds a DS of the old algorithm) · L4 their signatures leave (gate K: nor is a DNSKEY RRset trusted on account of such a
DS) · L5 the signer forgets the keys.
"""

from __future__ import annotations

from dnsplan.engine.stages import (
    Proposals,
    both_of,
    create,
    forget,
    keys_cached,
    leave_algorithm,
    move_ds,
    publish,
    signatures_cached,
)
from dnsplan.engine.target import target_of
from dnsplan.engine.view import View


def propose(view: View) -> Proposals:
    """Return the next stages; empty when only the new algorithm is left."""
    target = target_of(view)
    before = create(view, target, "L0") or publish(view, target, "L1", op="dnskey.publish", signing=target.data_ids)
    if before:
        return before
    when = both_of(keys_cached(view, target), signatures_cached(view, target))
    return (
        move_ds(view, target, "L2", add=when, swap=when)
        or leave_algorithm(view, target, "L3", "L4")
        or forget(view, target, "L5")
    )
