"""What an apply did, zone by zone, for people and machines."""

from __future__ import annotations

from dnsplan.apply.outcome import RunResult
from dnsplan.codec import canonical, to_json
from dnsplan.codec.canonical import Json
from dnsplan.model.names import display_name
from dnsplan.model.plan import Blocked, Finding, ZonePlan
from dnsplan.model.time import format_instant
from dnsplan.views.escape import escaped
from dnsplan.views.words import headline

_WORDS = {
    "performed": "= done",
    "pending": "… pending",
    "manual": "✋ manual",
    "refused": "! refused",
    "failed": "! failed",
}


def render_apply(result: RunResult) -> str:
    """Return one block for each zone in which something happened or is still to happen."""
    lines = []
    for zone in result.zones:
        if zone.stale:
            lines.append(f"{display_name(zone.zone)}  ! stale: {zone.stale}")
            continue
        if not zone.steps and zone.plan.headline in {"OK", "HOLD"}:
            continue
        lines.append(f"{display_name(zone.zone)}  {zone.plan.headline}  {headline(zone.plan)}")
        for finding in _reasons(zone.plan):
            lines.extend(
                f"  {what}: {said}" for what, said in (("why", finding.detail), ("to do", finding.action)) if said
            )
        for step in zone.steps:
            word = _WORDS.get(step.outcome or "", "? unknown")
            reason = f": {escaped(step.reason)}" if step.reason else ""
            lines.append(f"  {word}  {step.op} {step.id}{reason}")
    if not lines:
        lines.append("Nothing to do.")
    if result.next_at is not None:
        lines.append(f"next run may find something at {format_instant(result.next_at)}")
    if result.head:
        lines.append(f"audit head: {result.head}")
    return "\n".join(escaped(line) for line in lines) + "\n"


def _reasons(plan: ZonePlan) -> tuple[Finding, ...]:
    """Return the findings for which a zone is blocked."""
    return tuple(finding for move in plan.moves if isinstance(move, Blocked) for finding in move.findings)


def apply_json(result: RunResult) -> str:
    """Return the same for machines."""
    zones: list[Json] = [
        {
            "zone": zone.zone,
            "headline": zone.plan.headline,
            "reason": headline(zone.plan),
            "findings": [to_json(finding) for finding in _reasons(zone.plan)],
            "stale": zone.stale,
            "steps": [to_json(step) for step in zone.steps],
        }
        for zone in result.zones
    ]
    next_at = None if result.next_at is None else format_instant(result.next_at)
    return canonical({"zones": zones, "head": result.head, "next_at": next_at, "note": result.note}) + "\n"
