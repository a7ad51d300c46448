"""The stages that recipes are made of: create, publish, move the DS, move the data's signatures, withdraw, forget.

Each returns its proposal, or nothing where its target is asked for already; so a rollover that was begun by somebody
else, or left half done, goes on from what is served.
"""

from __future__ import annotations

from collections.abc import Iterable

from dnsplan.engine.gates import demands_none_of, gate, has_keys, signed_by, signs_keys, trust_gate, vouches_for
from dnsplan.engine.parent_side import count, ds_proposal, fits, parent_limit, swaps
from dnsplan.engine.target import Target, wanted_ds
from dnsplan.engine.view import Proposal, View
from dnsplan.model.action import CreateKey, DeleteKey, SetKeys
from dnsplan.model.plan import Blocked, Gate, Op, Undo
from dnsplan.model.records import Dnskey, KeyId

Proposals = tuple[Proposal | Blocked, ...]

OPEN = Gate()
"""Nothing to wait for; the kernel still judges."""


def create(view: View, target: Target, stage: str) -> Proposals:
    """Return the creation of the next key that is missing."""
    if not target.missing:
        return ()
    role = target.missing[0]
    existing = frozenset(held.key.id for held in view.history.held)
    return (
        Proposal(
            stage=f"{stage}-{role}",
            op="dnskey.create",
            candidates=(CreateKey(role=role, algorithm=view.situation.policy.algorithm, existing=existing),),
            gate=OPEN,
            undo="fast",
            summary=f"create the new {role.upper()}",
        ),
    )


def publish(
    view: View, target: Target, stage: str, *, when: Gate = OPEN, signing: frozenset[KeyId] = frozenset(), op: Op
) -> Proposals:
    """Return the publication of the new keys; those with a DS sign the DNSKEY RRset, and `signing` the data at once."""
    keys = tuple(sorted({*view.dnskey.keys, *target.keys}))
    signers = view.dnskey.signers | target.sep_ids
    names = _names(view, (key for key in target.keys if key not in view.dnskey.keys or key.id not in view.zone.signers))
    summary = f"publish the new {names}" + (" and sign with both" if signing else "")
    return _keyset(view, stage, op, (keys, signers, view.zone.signers | signing), when, "fast", summary)


def sign_with(view: View, target: Target, stage: str, summary: str) -> Proposals:
    """Return the signing of the data by the new keys beside the old ones, before they are published."""
    zone = view.zone.signers | target.data_ids
    return _keyset(view, stage, "dnskey.activate", (view.dnskey.keys, view.dnskey.signers, zone), OPEN, "fast", summary)


def switch_data(view: View, target: Target, stage: str, *, when: Gate, summary: str) -> Proposals:
    """Return the move of the data's signatures to the new keys alone."""
    zone = (view.zone.signers - target.leaving) | target.data_ids
    served = (view.dnskey.keys, view.dnskey.signers, zone)
    gone = target.leaving.isdisjoint(key.id for key in view.dnskey.keys)
    return _keyset(view, stage, "dnskey.activate", served, when, "slow" if gone else "fast", summary)


def withdraw(view: View, target: Target, stage: str, *, when: Gate) -> Proposals:
    """Return the withdrawal of the keys that leave."""
    keys = tuple(key for key in view.dnskey.keys if key.id not in target.leaving)
    names = _names(view, (key for key in view.dnskey.keys if key.id in target.leaving))
    served = (keys, view.dnskey.signers - target.leaving, view.zone.signers)
    return _keyset(view, stage, "dnskey.withdraw", served, when, "slow", f"withdraw the old {names}")


def stop_using(view: View, target: Target, stage: str, *, when: Gate) -> Proposals:
    """Return the withdrawal of the keys that leave and of all their signatures, where no DS asks for any."""
    keys = tuple(key for key in view.dnskey.keys if key.id not in target.leaving)
    served = (keys, view.dnskey.signers - target.leaving, view.zone.signers - target.leaving)
    return _keyset(view, stage, "dnskey.withdraw", served, when, "fast", "withdraw keys that the policy does not want")


def replaced(view: View, target: Target, stage: str, *, when: Gate) -> Proposals:
    """Return the change of all keys and signatures at once, where no DS asks for any."""
    kept = (key for key in view.dnskey.keys if key.id not in target.leaving)
    signers = (view.dnskey.signers - target.leaving) | target.sep_ids
    served = (tuple(sorted({*kept, *target.keys})), signers, (view.zone.signers - target.leaving) | target.data_ids)
    return _keyset(view, stage, "dnskey.withdraw", served, when, "slow", "put the new keys in the place of the lost")


def leave_algorithm(view: View, target: Target, keys_stage: str, data_stage: str) -> Proposals:
    """Return the withdrawal of the old algorithm's keys, and later of its signatures over data."""
    old = leaving_algorithms(view, target)
    plain = "no cache holds a DS of the old algorithm"
    gone = gate("DS", view.spans.ds, demands_none_of(old), view.margins, plain)
    trusted = trust_gate(view.spans, demands_none_of(old), view.margins, plain)
    summary = "stop signing with the old algorithm"
    return one_keyset(
        (
            *withdraw(view, target, keys_stage, when=gone),
            *switch_data(view, target, data_stage, when=trusted, summary=summary),
        )
    )


def leaving_algorithms(view: View, target: Target) -> frozenset[int]:
    """Return the algorithms of which no key will be left."""
    left = {key.algorithm for key in target.keys}
    known = (view.keys_by_id[key] for key in target.leaving if key in view.keys_by_id)
    return frozenset(key.algorithm for key in known) - left


def forget(view: View, target: Target, stage: str) -> Proposals:
    """Return the deletion of one key that left, at a signer that still holds it."""
    gone = view.everywhere(view.history.dnskey, "no server shows the old key")
    return tuple(
        Proposal(
            stage=stage,
            op="dnskey.delete",
            candidates=(DeleteKey(key=held.key),),
            gate=gone,
            undo="irreversible",
            summary=f"delete the old {held.role.upper()} at the signer",
        )
        for held in view.situation.held or ()
        if held.key.id in target.leaving and not held.published and not held.active
    )[:1]


def move_ds(view: View, target: Target, stage: str, *, add: Gate, swap: Gate) -> Proposals:
    """Return the next change of the DS RRset: additions first where the parent takes both, else one swap.

    `add` is the gate of an addition, `swap` that of a removal or a swap.
    """
    wanted = wanted_ds(view, target)
    missing = set(wanted) - set(view.ds.ds)
    both = tuple(sorted({*view.ds.ds, *wanted}))
    if both == view.ds.ds:
        if wanted == view.ds.ds:
            return ()
        summary = "remove the old DS"
        return (ds_proposal(view, stage=f"{stage}b", wanted=wanted, gate=swap, undo="fast", summary=summary),)
    if fits(view, both):
        summary = "add the new DS"
        return (ds_proposal(view, stage=f"{stage}a", wanted=both, gate=add, undo="fast", summary=summary),)
    if missing and swaps(view):
        summary = "swap the DS for the new one"
        return (ds_proposal(view, stage=stage, wanted=wanted, gate=swap, undo="fast", summary=summary),)
    return (parent_limit(view, count(view, both)),)


def add_ds_first(view: View, target: Target, stage: str) -> Proposals:
    """Add the new DS before its key signs (RFC 7583 section 3.3.2); empty once it is there or the key signs."""
    both = tuple(sorted({*view.ds.ds, *wanted_ds(view, target)}))
    if both == view.ds.ds or target.sep_ids <= view.keyset.working:
        return ()
    return (ds_proposal(view, stage=stage, wanted=both, gate=OPEN, undo="fast", summary="add the new DS"),)


def remove_old_ds(view: View, target: Target, stage: str) -> Proposals:
    """Remove what the new DS leaves over (gate: no cache holds a DNSKEY RRset that the new key does not sign)."""
    wanted = wanted_ds(view, target)
    if wanted == view.ds.ds:
        return ()
    when = keys_cached(view, target)
    return (ds_proposal(view, stage=stage, wanted=wanted, gate=when, undo="slow", summary="remove the old DS"),)


def _keyset(  # every argument is a fact of the proposal
    view: View,
    stage: str,
    op: Op,
    served: tuple[tuple[Dnskey, ...], frozenset[KeyId], frozenset[KeyId]],
    when: Gate,
    undo: Undo,
    summary: str,
) -> Proposals:
    keys, signers, zone = served
    if served == (view.dnskey.keys, view.dnskey.signers, view.zone.signers):
        return ()
    action = SetKeys(published=keys, sign_keys=signers, sign_zone=zone)
    return (Proposal(stage=stage, op=op, candidates=(action,), gate=when, undo=undo, summary=summary),)


def one_keyset(proposals: Proposals) -> Proposals:
    """Return the proposals with the first of those that change what the signer serves: one after the other.

    Each such action names all that the signer serves; two of them made from one view would undo each other.
    """
    changing = [p for p in proposals if isinstance(p, Proposal) and isinstance(p.candidates[0], SetKeys)]
    if len(changing) < 2:
        return proposals
    first = min(changing, key=lambda p: (p.gate.at is None, p.gate.at or 0))
    return tuple(p for p in proposals if p not in changing or p is first)


def _names(view: View, keys: Iterable[Dnskey]) -> str:
    roles = sorted({view.role_of(key).upper() for key in keys})
    return " and ".join(roles) or "keys"


# The gates that several recipes share ------------------------------------------------------------------------------
def keys_cached(view: View, target: Target) -> Gate:
    """Return G(DNSKEY, the new keys with a DS stand in it and sign it)."""
    reason = "no cache holds a DNSKEY RRset that the new key does not sign"
    return gate("DNSKEY", view.spans.dnskey, signs_keys(target.sep_ids), view.margins, reason)


def data_keys_cached(view: View, target: Target) -> Gate:
    """Return G(DNSKEY, the new keys for data stand in it)."""
    reason = "no cache holds a DNSKEY RRset without the new key"
    return gate("DNSKEY", view.spans.dnskey, has_keys(target.data_ids), view.margins, reason)


def ds_cached(view: View, target: Target) -> Gate:
    """Return G(DS, the new keys are named in it)."""
    reason = "no cache holds a DS RRset without the new DS"
    return gate("DS", view.spans.ds, vouches_for(target.sep_ids), view.margins, reason)


def signatures_cached(view: View, target: Target) -> Gate:
    """Return G(ZONE, the new keys sign it)."""
    reason = "no cache holds data that the new key does not sign"
    return gate("ZONE", view.spans.zone, signed_by(target.data_ids), view.margins, reason)


def keys_everywhere(view: View) -> Gate:
    """Return T_all of the newest DNSKEY RRset."""
    return view.everywhere(view.history.dnskey, "every server shows the new key and its signature")


def both_of(*gates: Gate) -> Gate:
    """Return the gate that opens with the last of these."""
    return Gate(terms=tuple(term for one in gates for term in one.terms))
