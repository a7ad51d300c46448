"""Recipe I-c, break-chain: the DS goes first, so that nobody validates by a compromised key; then new keys, then a DS.

RFC 6781 section 4.2 (compromise of a key). For those to whom forged answers are worse than unsigned ones; it begins
only where a person lifts the guard `break_chain` for the zone. Stages: X1 remove every DS · X0 create the keys · X2
publish them · X3 the data's signatures move (gate: no cache holds a DNSKEY RRset without the new keys, or no cache
trusts one on account of a DS, whichever is first) · X4 the compromised keys leave (gate K: no cache holds a DS, nor a
DNSKEY RRset that it trusts on account of one) · X5 add the new DS, as in a bootstrap · X6 the signer forgets the keys.
The zone stays signed throughout: whoever still has the old DS validates until it is gone.
"""

from __future__ import annotations

from dnsplan.engine.gates import empty, trust_gate
from dnsplan.engine.parent_side import ds_proposal
from dnsplan.engine.recipes.insecure import foreign_left
from dnsplan.engine.stages import (
    OPEN,
    Proposals,
    both_of,
    create,
    data_keys_cached,
    forget,
    keys_cached,
    move_ds,
    publish,
    replaced,
    signatures_cached,
    switch_data,
    withdraw,
)
from dnsplan.engine.target import Target, ids, target_of
from dnsplan.engine.view import View
from dnsplan.engine.wish import lost
from dnsplan.model.plan import Gate


def propose(view: View) -> Proposals:
    """Return the next stage; empty when only new keys are left and the parent has their DS."""
    target = target_of(view)
    exposed = target.leaving & (ids(view.dnskey.keys) | view.zone.signers)
    if (exposed or target.missing) and view.ds.ds:
        if view.foreign_ds and view.situation.policy.unknown_ds != "remove":
            return (foreign_left(view, "X1"),)
        summary = "remove every DS: the zone is insecure from then on"
        return (ds_proposal(view, stage="X1", wanted=(), gate=OPEN, undo="fast", summary=summary),)
    missing = create(view, target, "X0")
    if missing:
        return missing
    if exposed & lost(
        view
    ):  # it cannot sign a DNSKEY RRset that changes: all do at once, when no cache trusts the old one
        return replaced(view, target, "X4", when=_untrusted(view))
    keys = publish(view, target, "X2", op="dnskey.publish")
    if keys:
        return keys
    return _rekey(view, target) if exposed else _sign_up(view, target)


def _rekey(view: View, target: Target) -> Proposals:
    untrusted = _untrusted(view)
    summary = "sign the data with the new key in place of the compromised one"
    first = _first(untrusted, data_keys_cached(view, target))
    return switch_data(view, target, "X3", when=first, summary=summary) or withdraw(
        view, target, "X4", when=untrusted
    )  # fmt: skip


def _untrusted(view: View) -> Gate:
    reason = "no cache holds a DS, nor trusts a DNSKEY RRset on account of one"
    return trust_gate(view.spans, empty, view.margins, reason)


def _sign_up(view: View, target: Target) -> Proposals:
    when = both_of(keys_cached(view, target), signatures_cached(view, target))
    return move_ds(view, target, "X5", add=when, swap=when) or forget(view, target, "X6")


def _first(*gates: Gate) -> Gate:
    """Return the gate that opens first; one that may never do so counts last."""
    return min(gates, key=lambda one: (one.at is None, one.at or 0))
