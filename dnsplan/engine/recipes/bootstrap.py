"""Recipe A, bootstrap: sign the zone, and add the DS when every cache can validate by it.

RFC 6781 (the first keys of a zone), with RFC 7583's intervals. Stages: A0 create the keys · A1 publish and
sign (gate: none, there is no DS) · A2 keys that the policy does not want leave at once, where there is no DS · A3 add
the DS (gate: no cache holds a DNSKEY answer without the key, nor unsigned data). A zone that is already broken is
repaired the same way: the kernel admits what makes no validator worse off; what the policy does not want then leaves
as in a rollover (A4) · A5 the signer forgets it.
"""

from __future__ import annotations

from dnsplan.engine.parent_side import ds_proposal
from dnsplan.engine.stages import (
    Proposals,
    both_of,
    create,
    data_keys_cached,
    ds_cached,
    forget,
    keys_cached,
    keys_everywhere,
    leave_algorithm,
    leaving_algorithms,
    move_ds,
    publish,
    signatures_cached,
    stop_using,
    switch_data,
    withdraw,
)
from dnsplan.engine.target import Target, target_of, wanted_ds
from dnsplan.engine.view import View


def propose(view: View) -> Proposals:
    """Return the next stages; empty when the wanted keys sign alone and the parent has their DS."""
    target = target_of(view)
    before = create(view, target, "A0") or publish(view, target, "A1", op="signing.enable", signing=target.data_ids)
    if before:
        return before
    added = _add(view, target)
    if added and not view.ds.ds:
        return (*stop_using(view, target, "A2", when=keys_everywhere(view)), *added)
    return added or _tidy(view, target)


def _add(view: View, target: Target) -> Proposals:
    both = tuple(sorted({*view.ds.ds, *wanted_ds(view, target)}))
    if both == view.ds.ds:
        return ()
    when = both_of(keys_cached(view, target), signatures_cached(view, target))
    if view.ds.ds:  # broken: no cache validates now, so that waiting for caches helps nobody
        when = view.everywhere(view.history.dnskey, "every server shows the DNSKEY RRset")
        return move_ds(view, target, "A3", add=when, swap=when)
    return (ds_proposal(view, stage="A3", wanted=both, gate=when, undo="fast", summary="add the DS"),)


def _tidy(view: View, target: Target) -> Proposals:
    when = keys_cached(view, target)
    moved = move_ds(view, target, "A4", add=when, swap=when)
    if moved:
        return moved
    if leaving_algorithms(view, target):
        return leave_algorithm(view, target, "A4", "A4") or forget(view, target, "A5")
    gone = both_of(ds_cached(view, target), signatures_cached(view, target))
    summary = "sign the data with the wanted keys only"
    return (
        switch_data(view, target, "A4", when=data_keys_cached(view, target), summary=summary)
        or withdraw(view, target, "A4", when=gone)
        or forget(view, target, "A5")
    )
