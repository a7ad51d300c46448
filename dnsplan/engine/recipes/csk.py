"""Recipe E, csk and scheme: the key that signs everything is replaced, by its like or by a KSK and a ZSK.

RFC 6781 (single-type signing scheme), with RFC 7583's intervals of the KSK and the ZSK side by side.
Stages: E0 create the keys · E1 publish them; old and new keys with a DS sign the DNSKEY RRset · E2 the DS moves, as in
double-ksk, while E3 the data's signatures move (gate of both: no cache holds a DNSKEY RRset without the new keys) · E4
the old keys leave (gate: no cache holds a DS RRset without the new DS, nor data that only an old key signs) · E5 the
signer forgets them.
"""

from __future__ import annotations

from dnsplan.engine.stages import (
    Proposals,
    both_of,
    create,
    data_keys_cached,
    ds_cached,
    forget,
    keys_cached,
    keys_everywhere,
    move_ds,
    publish,
    signatures_cached,
    switch_data,
    withdraw,
)
from dnsplan.engine.target import target_of
from dnsplan.engine.view import View


def propose(view: View) -> Proposals:
    """Return the stages that may go on side by side; empty when only the new keys are left."""
    return stages(view, "E")


def stages(view: View, letter: str) -> Proposals:
    """Return the same with another letter before the number of each stage."""
    target = target_of(view)
    before = create(view, target, f"{letter}0") or publish(view, target, f"{letter}1", op="dnskey.publish")
    if before:
        return before
    summary = "sign the data with the new key in place of the old one"
    moves = (
        *move_ds(view, target, f"{letter}2", add=keys_everywhere(view), swap=keys_cached(view, target)),
        *switch_data(view, target, f"{letter}3", when=data_keys_cached(view, target), summary=summary),
    )
    gone = both_of(ds_cached(view, target), signatures_cached(view, target))
    return moves or withdraw(view, target, f"{letter}4", when=gone) or forget(view, target, f"{letter}5")
