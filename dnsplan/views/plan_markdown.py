"""A plan for a pull request: GitHub-flavoured Markdown, everything from outside escaped."""

from __future__ import annotations

from dnsplan.model.names import display_name
from dnsplan.model.plan import NeedsHuman, Plan, Step, ZonePlan
from dnsplan.views.escape import markdown_escaped
from dnsplan.views.plan_text import counterexample_in_words, is_quiet, proof_in_words, verdict
from dnsplan.views.words import SYMBOLS, headline, moment

MOST_ZONES = 20


def render_markdown(plan: Plan) -> str:
    """Return the plan as Markdown, the verdict in its first visible line."""
    shown = [zone for zone in plan.zones if not is_quiet(zone)]
    lines = [f"### dsplan: {verdict(plan)}", "", "| zone | state | next |", "|---|---|---|"]
    lines += [
        f"| {_name(zone)} | {SYMBOLS[zone.headline]} | {markdown_escaped(headline(zone))} |"
        for zone in shown[:MOST_ZONES]
    ]
    for zone in shown[:MOST_ZONES]:
        lines += ["", *_zone(zone)]
    if len(shown) > MOST_ZONES:
        lines += ["", f"{len(shown) - MOST_ZONES} more zones are in the plan document."]
    return "\n".join(lines) + "\n"


def _name(zone: ZonePlan) -> str:
    return markdown_escaped(display_name(zone.zone))


def _zone(zone: ZonePlan) -> list[str]:
    served, wanted = set(zone.observed_ds), set(zone.desired_ds)
    diff = [
        f"{'+ ' if ds not in served else '- ' if ds not in wanted else '  '}DS {ds}" for ds in sorted(served | wanted)
    ]
    lines = [f"#### {_name(zone)}", "", "```diff", *diff, "```", ""]
    if zone.timeline:
        lines += ["| step | what | not before | who | undo |", "|---|---|---|---|---|"]
        lines += [
            f"| {s.stage} | {s.summary} | {moment(s.not_before)} | {markdown_escaped(s.who)} | {s.undo} |"
            for s in zone.timeline
        ]
    for move in zone.moves:
        step = move.step if isinstance(move, NeedsHuman) else move
        if isinstance(step, Step):
            lines += ["", f"Why it is safe: {proof_in_words(step.proof)}."]
        shown = getattr(move, "counterexample", None)
        if shown is not None:
            lines += ["", "```", *counterexample_in_words(shown), "```"]
    for finding in zone.findings:
        lines.append(f"- **{finding.severity}** {finding.code}: {markdown_escaped(finding.summary)}")
    return lines
