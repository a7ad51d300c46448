"""One line for each zone: how it stands, who must act, and when something happens next."""

from __future__ import annotations

from collections.abc import Sequence

from dnsplan.codec import canonical
from dnsplan.codec.canonical import Json
from dnsplan.model.names import display_name
from dnsplan.model.plan import ZonePlan
from dnsplan.model.time import format_instant
from dnsplan.views.escape import escaped
from dnsplan.views.words import headline


def render_status(plans: Sequence[ZonePlan]) -> str:
    """Return the lines."""
    width = max((len(display_name(plan.zone)) for plan in plans), default=0)
    lines = []
    for plan in plans:
        upcoming = next((step for step in plan.timeline if step.not_before is not None), None)
        next_event = f"; next: {upcoming.summary}, {format_instant(upcoming.not_before or 0)}" if upcoming else ""
        lines.append(f"{display_name(plan.zone):{width}}  {plan.headline:8}  {headline(plan)}{next_event}")
    return "".join(f"{escaped(line)}\n" for line in lines) or "No zones.\n"


def status_json(plans: Sequence[ZonePlan]) -> str:
    """Return the same for machines."""
    zones: list[Json] = [
        {
            "zone": plan.zone,
            "headline": plan.headline,
            "reason": headline(plan),
            "recipe": plan.recipe,
            "next_at": None if plan.history.next_at is None else format_instant(plan.history.next_at),
        }
        for plan in plans
    ]
    return canonical({"zones": zones}) + "\n"
