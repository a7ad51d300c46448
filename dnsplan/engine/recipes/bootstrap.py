"""Recipe A, bootstrap: sign the zone, and add the DS when every cache can validate by it.

RFC 6781 section 4.4.1 (initial introduction), with RFC 7583's intervals. Stages: A0 create the keys · A1 publish and
sign (gate: none, there is no DS) · A3 add the DS (gate: no cache holds a DNSKEY answer without the key, nor unsigned
data) · A4 keys that the policy does not want leave. A zone that is already broken is repaired the same way: the kernel
admits what makes no validator worse off.
"""

from __future__ import annotations

from dnsplan.engine.parent_side import ds_proposal
from dnsplan.engine.stages import (
    Proposals,
    both_of,
    create,
    ds_cached,
    forget,
    keys_cached,
    move_ds,
    publish,
    signatures_cached,
    switch_data,
    withdraw,
)
from dnsplan.engine.target import Target, target_of, wanted_ds
from dnsplan.engine.view import View


def propose(view: View) -> Proposals:
    """Return the next stage; empty when the wanted keys sign and the parent has their DS."""
    target = target_of(view)
    return (
        create(view, target, "A0")
        or publish(view, target, "A1", op="signing.enable", signing=target.data_ids)
        or _add(view, target)
        or _tidy(view, target)
    )


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
    gone = both_of(ds_cached(view, target), signatures_cached(view, target))
    summary = "sign the data with the wanted keys only"
    return (
        move_ds(view, target, "A4", add=keys_cached(view, target), swap=keys_cached(view, target))
        or switch_data(view, target, "A4", when=gone, summary=summary)
        or withdraw(view, target, "A4", when=gone)
        or forget(view, target, "A5")
    )
