"""The way back from a step in flight, for people and for machines: what was edited, and what will be done."""

from __future__ import annotations

from dataclasses import dataclass

from dnsplan.codec import canonical, to_json
from dnsplan.engine.undo import Way, speed_of
from dnsplan.model.names import display_name
from dnsplan.model.plan import ZonePlan
from dnsplan.model.time import Instant, format_instant
from dnsplan.views.escape import escaped
from dnsplan.views.plan_text import timeline_step
from dnsplan.views.words import headline

SPEED = {
    "fast": "fast: what validators rely on is as before as soon as the change shows; what was new leaves later",
    "slow": "slow: what caches hold by now runs out first",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Undone:
    """What `undo` did; `plan` is what the next apply makes of the edited file."""

    zone: str
    way: Way
    reason: str
    file: str
    edits: tuple[str, ...]
    written: bool
    plan: ZonePlan
    at: Instant


def render_undo(undone: Undone) -> str:
    """Return the edits, and each step of the way back."""
    would = "" if undone.written else "would "
    lines = [f"{display_name(undone.zone)}: {escaped(undone.reason)}"]
    lines += [f"~ {would}change: {escaped(undone.file)}: {escaped(edit)}" for edit in undone.edits]
    plan = undone.plan
    if not plan.timeline:
        return "\n".join([*lines, f"the next apply: {headline(plan)}"]) + "\n"
    lines.append(f"the next applies go back by {plan.recipe}; {SPEED[speed_of(plan.timeline, undone.at)]}")
    lines.extend(f"  {line}" for step in plan.timeline for line in timeline_step(step, undone.at))
    return "\n".join(lines) + "\n"


def undo_json(undone: Undone) -> str:
    """Return the same for machines; `undo` is the speed of the whole way back."""
    plan = undone.plan
    return (
        canonical(
            {
                "zone": undone.zone,
                "reason": undone.reason,
                "file": undone.file,
                "edits": list(undone.edits),
                "written": undone.written,
                "undo": speed_of(plan.timeline, undone.at),
                "next": {
                    "recipe": plan.recipe,
                    "why": plan.why,
                    "headline": plan.headline,
                    "at": format_instant(undone.at),
                    "timeline": [to_json(step) for step in plan.timeline],
                },
            }
        )
        + "\n"
    )
