"""Whether a rollover that begins can also end: what the parent takes and the signer can do, judged before its start."""

from __future__ import annotations

from dnsplan.engine.lost import hopeless
from dnsplan.engine.parent_side import count, fits, limit, not_accepted, parent_limit, swaps
from dnsplan.engine.target import Target, wanted_ds
from dnsplan.engine.view import EMERGENCIES, View
from dnsplan.model.plan import Blocked, Finding
from dnsplan.model.records import ALGORITHMS


def refusal(view: View, target: Target) -> Blocked | None:
    """Return why the change would get stuck half way; None if it can be carried through."""
    if target.missing and not view.situation.capabilities.can_create_keys:
        return _cannot("the signer cannot create keys", "create the key at the signer and pin it under `keys:`")
    return (
        mute(view, target)
        or (hopeless(view) if view.rollover.recipe == "lost-key" else None)
        or _unheld(view, target)
        or _division(view, target)
        or _digests(view)
        or _algorithm(view, target)
        or _room(view, target)
    )


def _unheld(view: View, target: Target) -> Blocked | None:
    """Refuse keys that are neither published nor held by a signer that lists what it holds."""
    if view.situation.held is None:
        return None
    there = {held.key for held in view.situation.held} | set(view.dnskey.keys)
    unheld = [str(key.key_tag) for key in target.keys if key not in there]
    action = "restore them at the signer, or name others under `keys:`"
    return _cannot(f"the signer does not hold the keys with tag {', '.join(unheld)}", action) if unheld else None


def mute(view: View, target: Target) -> Blocked | None:
    """Refuse a change of the DS where the parent learns of it by CDS alone and the policy forbids these."""
    capabilities, policy = view.situation.capabilities, view.situation.policy
    if capabilities.update != "cds" or policy.cds != "false":
        return None
    moves = any(role != "zsk" for role in target.missing) or wanted_ds(view, target) != view.ds.ds
    if view.rollover.recipe == "insecure":
        moves = bool(view.ds.ds)
    if not moves or view.rollover.recipe == "standby":
        return None
    return _cannot(
        "the parent learns of a new DS only by CDS and CDNSKEY, and the policy says `signalling: {cds: false}`",
        "set `signalling: {cds: auto}` in the policy, or give the zone another way in under `parent`",
    )


def _division(view: View, target: Target) -> Blocked | None:
    """Refuse a CSK beside another key of its algorithm where the signer would let both do the same work."""
    if not view.situation.capabilities.divides_by_sep:
        return None
    if view.rollover.recipe not in {"csk", "scheme", "standby", *EMERGENCIES}:
        return None
    known = [view.keys_by_id[key] for key in target.leaving if key in view.keys_by_id]
    if "csk" not in {*target.missing, *(view.role_of(key) for key in (*known, *target.keys))}:
        return None
    return _cannot(
        "the signer divides the work among keys by their SEP flag, and cannot let a CSK and another key take turns",
        "change `algorithm` in the policy, which it can do; or go insecure first, and sign anew",
    )


def _digests(view: View) -> Blocked | None:
    accepts, policy = view.situation.capabilities.accepts, view.situation.policy
    if view.situation.capabilities.makes_digests is not None or accepts.digest_types is None:
        return None
    refused = policy.digest_types - accepts.digest_types
    taken = ", ".join(map(str, sorted(accepts.digest_types)))
    return limit(f"it does not take digest type {min(refused)}, only {taken}") if refused else None


def _algorithm(view: View, target: Target) -> Blocked | None:
    accepts, policy = view.situation.capabilities.accepts, view.situation.policy
    algorithms = {key.algorithm for key in target.seps} | ({policy.algorithm} if target.missing else set())
    unknown = algorithms - ALGORITHMS.keys()
    refused = set() if accepts.algorithms is None else algorithms - accepts.algorithms
    if unknown:
        return _cannot(f"no validator knows algorithm {min(unknown)}", "choose another `algorithm` in the policy")
    return limit(f"it does not take algorithm {min(refused)}") if refused else None


def _room(view: View, target: Target) -> Blocked | None:
    """Refuse where the parent has no room for the final DS, or for both sets where it takes single changes only."""
    accepts = view.situation.capabilities.accepts
    if accepts.max_ds is None:
        return None
    types = len(view.situation.capabilities.makes_digests or view.situation.policy.digest_types)
    one_key = 1 if accepts.form == "dnskey" else types
    wanted = wanted_ds(view, target)
    coming = one_key * sum(role != "zsk" for role in target.missing)
    end = count(view, wanted) + coming
    if end > accepts.max_ds:
        return parent_limit(view, end)
    both = tuple(sorted({*view.ds.ds, *wanted}))
    if not swaps(view) and (coming or wanted != view.ds.ds) and count(view, both) + coming > accepts.max_ds:
        return parent_limit(view, count(view, both) + coming)
    return not_accepted(view, wanted) if fits(view, wanted) else None


def _cannot(detail: str, action: str) -> Blocked:
    finding = Finding(
        code="CAPABILITY_MISSING", severity="error", summary="This change cannot be carried through", detail=detail,
        action=action,
    )  # fmt: skip
    return Blocked(findings=(finding,))
