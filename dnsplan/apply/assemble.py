"""Plans of zones to one plan, with what a saved plan must find unchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dnsplan.codec import sha256_of
from dnsplan.codec.plan import with_plan_id
from dnsplan.model.plan import Plan, ZonePlan
from dnsplan.model.portfolio import Portfolio, ZoneName
from dnsplan.model.time import Instant

EXPIRES_AFTER = 86400


def fingerprint(plan: ZonePlan, effective: str) -> str:
    """Return what must come out again for a saved plan to hold: configuration, recipe, next step; never a time."""
    first = plan.timeline[0].id if plan.timeline else ""
    return sha256_of([effective, plan.zone, plan.recipe, first, plan.headline == "BLOCKED"])


def assemble(
    plans: Sequence[ZonePlan],
    *,
    portfolio: Portfolio,
    digests: Mapping[ZoneName, str],
    known: frozenset[ZoneName],
    commit: str,
    dirty: bool,
    selector: tuple[tuple[str, str], ...],
    now: Instant,
) -> Plan:
    """Return the plan of these zones; zones that only the ledger knows are named as unmanaged."""
    zones = tuple(
        replace(plan, fingerprint=fingerprint(plan, digests[plan.zone]))
        for plan in sorted(plans, key=lambda plan: plan.zone)
    )
    return with_plan_id(
        Plan(
            plan_id="",
            created=now,
            expires=now + EXPIRES_AFTER,
            commit=commit,
            dirty=dirty,
            config_digest=portfolio.config_digest,
            selector=selector,
            partial=len(zones) < len(portfolio.zones),
            observed_at=now,
            incomplete=tuple(plan.zone for plan in zones if any(f.code == "UNOBSERVED" for f in plan.findings)),
            zones=zones,
            unmanaged=tuple(sorted(known - set(portfolio.zones))),
        )
    )
