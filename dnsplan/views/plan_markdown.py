"""A plan for a pull request: GitHub-flavoured Markdown, everything from outside escaped."""

from __future__ import annotations

from collections.abc import Iterator

from dnsplan.model.names import display_name
from dnsplan.model.plan import Blocked, NeedsHuman, Plan, Step, TimelineStep, ZonePlan
from dnsplan.model.time import format_instant
from dnsplan.views.escape import escaped, markdown_escaped
from dnsplan.views.plan_text import (
    counterexample_in_words,
    endpoints_in_words,
    is_quiet,
    next_command,
    proof_in_words,
    scope,
    verdict,
)
from dnsplan.views.records import lines_of
from dnsplan.views.words import SYMBOLS, headline, moment

MOST_ZONES = 20
MOST_CHARACTERS = 65_000
"""What a comment at the large forges may hold."""

TRUNCATED = (
    "**This text is cut: it holds {shown} of {all} zones and is no basis for an approval.** Read the plan document."
)
MARKS = {"keep": " ", "add": "+", "remove": "-", "wait": " "}


def render_markdown(plan: Plan) -> str:
    """Return the plan as Markdown, the verdict in its first visible line, at most 65,000 characters long."""
    zones = [zone for zone in plan.zones if not is_quiet(zone)]
    head = [f"### dsplan: {verdict(plan)}", ""]
    changed = [f"- {markdown_escaped(line)}" for line in endpoints_in_words(plan)]
    head += [*changed, ""] if changed else []
    if zones:
        head += ["| zone | state | next |", "|---|---|---|"]
    foot = "\n".join(_foot(plan))
    rows, blocks = list[str](), list[str]()
    room = MOST_CHARACTERS - len("\n".join(head)) - len(foot) - len(TRUNCATED) - 64
    for zone in zones[:MOST_ZONES]:
        row = f"| {_name(zone)} | {SYMBOLS[zone.headline]} | {markdown_escaped(headline(zone))} |"
        block = "\n".join(("", *_zone(zone)))
        room -= len(row) + len(block) + 2
        if room < 0:
            break
        rows.append(row)
        blocks.append(block)
    cut = [TRUNCATED.format(shown=len(rows), all=len(zones)), ""] if len(rows) < len(zones) else []
    return "\n".join((*head[:2], *cut, *head[2:], *rows, *blocks, "", foot)) + "\n"


def _foot(plan: Plan) -> Iterator[str]:
    quiet = sum(is_quiet(zone) for zone in plan.zones)
    if quiet:
        yield f"= no change: {quiet} zones"
    for name in plan.unmanaged:
        yield f"- ? unmanaged: {markdown_escaped(display_name(name))} is in no file; nothing is done"
    if plan.partial:
        yield markdown_escaped(scope(plan))
    state = " with changes that are not committed" if plan.dirty else ""
    yield "<details><summary>Checked at</summary>"
    yield ""
    yield (
        f"{format_instant(plan.observed_at)}, commit {markdown_escaped(plan.commit[:12]) or 'none'}{state}, "
        f"plan {markdown_escaped(plan.plan_id[:19])}, holds until {format_instant(plan.expires)}"
    )
    yield "</details>"


def _name(zone: ZonePlan) -> str:
    return markdown_escaped(display_name(zone.zone))


def _zone(zone: ZonePlan) -> Iterator[str]:
    yield f"#### {_name(zone)}: {SYMBOLS[zone.headline]}"
    yield ""
    if zone.recipe:
        yield f"{markdown_escaped(zone.recipe)}: {markdown_escaped(zone.why)} (policy {markdown_escaped(zone.policy)})"
        yield ""
    records = [_record(line.fate, f"{line.kind} {line.text}", line.note) for line in lines_of(zone)]
    if records:
        yield from ("```diff", *records, "```")
    if zone.timeline:
        yield from ("", "| step | what | not before | who | undo |", "|---|---|---|---|---|")
        yield from (_step(step) for step in zone.timeline)
    for move in zone.moves:
        ready = move.step if isinstance(move, NeedsHuman) else move
        if isinstance(ready, Step):
            yield from ("", f"Why it is safe: {proof_in_words(ready.proof)}.")
        if isinstance(move, Blocked) and move.counterexample is not None:
            yield from ("", "```", *map(escaped, counterexample_in_words(move.counterexample)), "```")
    if zone.findings:
        yield ""
    for finding in zone.findings:
        servers = f" ({', '.join(finding.servers)})" if finding.servers else ""
        todo = f" To do: {markdown_escaped(finding.action)}" if finding.action else ""
        yield f"- **{finding.severity}** {finding.code}{servers}: {markdown_escaped(finding.summary)}.{todo}"
    command, when = next_command(zone)
    if command:
        yield from ("", f"Next, after the merge: `{escaped(command)}`{f' ({when})' if when else ''}")


def _record(fate: str, text: str, note: str) -> str:
    return escaped(f"{MARKS[fate]} {fate} {text}{f'  ({note})' if note else ''}")


def _step(step: TimelineStep) -> str:
    predicted = ", predicted" if step.predicted else ""
    cells = (step.stage, step.summary, f"{moment(step.not_before)}{predicted}", step.who, step.undo)
    return f"| {' | '.join(map(markdown_escaped, cells))} |"
