"""A zone as it was observed, as a described world: the same document that `simulate` takes."""

from __future__ import annotations

from typing import Any

from dnsplan.engine.view import View, view_of
from dnsplan.errors import DsplanError
from dnsplan.model.plan import Situation
from dnsplan.model.portfolio import Policy
from dnsplan.model.records import ALGORITHMS, DIGEST_TYPES, Dnskey, Ds
from dnsplan.model.time import Seconds, format_duration, format_instant

YEAR = 365 * 86400


def described(situation: Situation, goal: str, registration: Seconds | None = None) -> dict[str, Any]:
    """Return the world, with delays from the policy's margins; DsplanError if nothing was seen.

    The parent takes `registration` for a change of the DS; None: the policy's budget.
    """
    view = view_of(situation)
    if view is None:
        raise DsplanError(
            "the zone could not be observed", hint="see `dsplan plan` for the servers that did not answer"
        )
    policy = situation.policy
    wanted: dict[str, Any] = {"dnssec": "insecure" if goal == "insecure" else "signed"}
    if goal not in {"", "signed", "insecure"}:
        wanted["roll"] = goal
    return {
        "id": situation.intent.zone,
        "now": format_instant(situation.now),
        "zone": situation.intent.zone,
        "policy": _policy(policy),
        "goal": wanted,
        "start": _start(view),
        "parent": _parent(situation),
        "signer": {
            "resign": situation.capabilities.resign,
            "dnskey_ttl": policy.dnskey_ttl,
            "zone_ttl": policy.zone_ttl_max,
        },
        "truth": _truth(situation, registration),
        "tick": max(policy.timing.sweep_spacing, 1),
        "until": YEAR,
    }


def _start(view: View) -> dict[str, Any]:
    served = {key.id for key in view.dnskey.keys}
    spare = [held for held in view.situation.held or () if held.key.id not in served]
    return {
        "ds": [_ds(view, ds) for ds in view.ds.ds],
        "ds_ttl": view.history.ds[-1].ttl_star,
        "unpublished": [_key(view, held.key) for held in spare],
        "dnskey": {
            "keys": [_key(view, key) for key in view.dnskey.keys],
            "signers": sorted(_symbol(view, key) for key in view.dnskey.signers),
            "ttl": view.history.dnskey[-1].ttl_star,
        },
        "zone": {
            "signers": sorted(_symbol(view, key) for key in view.zone.signers),
            "ttl": view.history.zonedata[-1].ttl_star,
            "negative_ttl": view.situation.policy.dnskey_ttl,
        },
    }


def _parent(situation: Situation) -> dict[str, Any]:
    capabilities = situation.capabilities
    accepts = capabilities.accepts
    return {
        "update": capabilities.update if capabilities.update in {"add-remove", "one-at-a-time"} else "replace",
        "max_ds": accepts.max_ds or 100,
        "form": "dnskey" if capabilities.makes_digests is not None else "ds",
        "digest_types": sorted(capabilities.makes_digests or accepts.digest_types or DIGEST_TYPES),
        "checks_dnskey": accepts.requires_matching_dnskey != "none",
        "ttl": situation.policy.ds_ttl_max,
    }


def _truth(situation: Situation, registration: Seconds | None) -> dict[str, Any]:
    policy = situation.policy
    budget = policy.timing.registration_budget
    return {
        "child_propagation": policy.timing.child_margin,
        "parent_propagation": policy.timing.parent_margin,
        "registration": budget if registration is None else registration,
        "resign": situation.capabilities.resign,
        "ttl_after": {"ds": policy.ds_ttl_max, "dnskey": policy.dnskey_ttl, "zone": policy.zone_ttl_max},
    }


def _symbol(view: View, key: str) -> str:
    known = view.keys_by_id.get(key)
    return f"{known.key_tag}-{known.id[:6]}" if known else f"unknown-{key[-6:]}"


def _key(view: View, key: Dnskey) -> dict[str, Any]:
    return {"key": _symbol(view, key.id), "algorithm": key.algorithm, "role": view.role_of(key)}


def _ds(view: View, ds: Ds) -> dict[str, Any]:
    key = view.ring.get(ds, str(ds))
    return {"key": _symbol(view, key), "algorithm": ds.algorithm, "digest_type": ds.digest_type}


def _policy(policy: Policy) -> dict[str, Any]:
    timing = policy.timing
    return {
        "policy": "world",
        "algorithm": ALGORITHMS[policy.algorithm],
        "scheme": policy.scheme,
        "ksk": {"rollover": policy.ksk.rollover},
        "algorithm_rollover": policy.algorithm_rollover,
        "ds": {"digest_types": sorted(DIGEST_TYPES[number] for number in policy.digest_types)},
        "validators": sorted(policy.validators),
        "unknown_ds": policy.unknown_ds,
        "timing": {
            "child_margin": format_duration(timing.child_margin),
            "parent_margin": format_duration(timing.parent_margin),
            "registration_budget": format_duration(timing.registration_budget),
            "sweeps": {"count": timing.sweep_count, "spacing": format_duration(timing.sweep_spacing)},
        },
    }
