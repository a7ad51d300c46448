"""A plan for a terminal: the verdict first, then for each zone what changes, when, who acts, and why it is safe."""

from __future__ import annotations

from collections.abc import Iterator

from dnsplan.codec.plan import summary
from dnsplan.model.names import display_name
from dnsplan.model.plan import (
    Blocked,
    Counterexample,
    Done,
    Finding,
    GateTerm,
    Move,
    NeedsHuman,
    Plan,
    Proof,
    Step,
    TimelineStep,
    Wait,
    ZonePlan,
)
from dnsplan.model.time import format_instant
from dnsplan.views.escape import escaped
from dnsplan.views.records import lines_of
from dnsplan.views.words import SYMBOLS, headline, in_words, moment, span

WORDS = {"keep": "= keep", "add": "+ add", "remove": "- remove", "wait": "… wait"}
UNDO = {"fast": "undo: fast", "slow": "undo: slow, gates again", "irreversible": "undo: irreversible"}


def render_plan(plan: Plan) -> str:
    """Return the plan as text that reads without colour."""
    lines = [verdict(plan), *endpoints_in_words(plan), ""]
    quiet = [zone for zone in plan.zones if is_quiet(zone)]
    for zone in plan.zones:
        if zone not in quiet:
            lines.extend((*_zone(zone, plan.created), ""))
    if quiet:
        names = ", ".join(display_name(zone.zone) for zone in quiet[:10])
        more = f" and {len(quiet) - 10} more" if len(quiet) > 10 else ""
        lines.append(f"= no change: {names}{more}")
    lines.extend(
        f"? unmanaged: {display_name(name)} is known to the {'base or ' if plan.base else ''}ledger and in no file; "
        "nothing is done"
        for name in plan.unmanaged
    )
    if plan.partial:
        lines.append(scope(plan))
    if plan.dirty and summary(plan)["changes"]:
        lines.append("The files differ from the commit: commit and merge them before `dsplan apply`.")
    return "\n".join(escaped(line) for line in lines).rstrip() + "\n"


def verdict(plan: Plan) -> str:
    """Return the first line: how much changes, and whether anything stands in the way."""
    counts = summary(plan)
    if plan.base and not plan.zones:
        return "No changes. No zone differs from the base."
    if not counts["changes"]:
        zones = f"{counts['zones']} zones match their files" if counts["zones"] != 1 else "1 zone matches its file"
        return f"No changes. {zones}, as far as the DNS shows."
    parts = [f"{counts['changes']} of {counts['zones']} zones change"]
    if counts["ds_add"] or counts["ds_remove"]:
        parts.append(f"now +{counts['ds_add']} DS, -{counts['ds_remove']} DS")
    parts.extend(f"{counts[word]} {word}" for word in ("waiting", "manual", "blocked") if counts[word])
    return "Plan: " + ", ".join(parts) + "."


def scope(plan: Plan) -> str:
    """Return which zones a partial plan holds."""
    differ = f" that differ from {plan.base[:12]}" if plan.base else ""
    return f"This plan holds only the selected zones{differ}."


def endpoints_in_words(plan: Plan) -> tuple[str, ...]:
    """Return a line for each entry that the proposal changes."""
    return tuple(f"! endpoint changed: {name}; not contacted before it is merged" for name in plan.endpoints_changed)


def is_quiet(zone: ZonePlan) -> bool:
    """Tell whether a zone needs no line of its own."""
    return not zone.timeline and not zone.findings and all(isinstance(move, Done) for move in zone.moves)


def _zone(zone: ZonePlan, now: int) -> Iterator[str]:
    yield f"{display_name(zone.zone)}  {SYMBOLS[zone.headline]}"
    if headline(zone) != SYMBOLS[zone.headline]:
        yield f"  {headline(zone)}"
    if zone.recipe:
        where = f"{escaped(zone.source.file)}:{zone.source.line}"
        yield f"  {zone.recipe}: {escaped(zone.why)} (policy {zone.policy}, parent {zone.parent or 'unknown'}, {where})"
    yield from _records(zone)
    if zone.timeline:
        yield "  steps:"
        for step in zone.timeline:
            yield from (f"    {line}" for line in timeline_step(step, now))
    for move in zone.moves:
        yield from (f"  {line}" for line in _argument(move))
        if move is not zone.moves[0]:
            yield f"  also {in_words(move)}"
    for finding in zone.findings:
        yield from _finding(finding)
    command, when = next_command(zone)
    if command:
        yield f"  next: {command}{f' ({when})' if when else ''}"


def _argument(move: Move) -> Iterator[str]:
    """Yield why a step is safe, or what would break."""
    ready = move.step if isinstance(move, NeedsHuman) else move
    if isinstance(ready, Step):
        yield f"safe: {proof_in_words(ready.proof)}"
    if isinstance(move, Blocked) and move.counterexample is not None:
        yield from counterexample_in_words(move.counterexample)


def _records(zone: ZonePlan) -> Iterator[str]:
    for line in lines_of(zone):
        note = f"  ({line.note})" if line.note else ""
        yield f"    {WORDS[line.fate]} {line.kind} {line.text}{note}"


def timeline_step(step: TimelineStep, now: int) -> Iterator[str]:
    """Yield a step with its date, who acts, how fast the way back from it is, and what it waits for."""
    when = "now" if step.not_before is not None and step.not_before <= now else f"not before {moment(step.not_before)}"
    if step.not_before is not None and step.not_before > now:
        when += f" (in {span(step.not_before - now)}{', predicted' if step.predicted else ''})"
    yield f"{step.stage:6} {step.summary}; {when}; {step.who}; {UNDO[step.undo]}"
    for term in step.gate.terms:
        if term.at is None or (term.at > now and term.at == step.gate.at):
            yield f"       until {term.reason}{sum_of(term)}"


def sum_of(term: GateTerm) -> str:
    """Return how the moment of a gate's term comes about; empty where it is no sum."""
    parts = [f"{name} {span(value)}" for name, value in (("margin", term.margin), ("TTL", term.ttl)) if value]
    return f" ({format_instant(term.base)} + {' + '.join(parts)})" if term.base is not None and parts else ""


def next_command(zone: ZonePlan) -> tuple[str, str]:
    """Return what to type next for a zone, and when; two empty texts where nothing is to be done."""
    if not zone.moves:
        return "", ""
    match zone.moves[0]:
        case Step():
            return "dsplan apply", ""
        case NeedsHuman():
            return f"dsplan runbook {zone.zone}", ""
        case Wait(until=until):
            return "dsplan apply", f"from {format_instant(until)} on" if until is not None else "later"
        case Blocked(guard=guard) if guard:
            return f"dsplan apply --allow {guard}", "if that is meant"
        case _:
            return "", ""


def proof_in_words(proof: Proof) -> str:
    """Return the kernel's word in one sentence."""
    if not proof.triples:
        return "no combination of cached DS, DNSKEY and signatures is changed by it"
    missing = ", ".join(f"IPv{family}" for family in sorted(proof.families_missing))
    unseen = f"; {missing} cannot be seen from here" if missing else ""
    return (
        f"{proof.triples} combinations of cached DS, DNSKEY and signatures up to {format_instant(proof.horizon)}, "
        f"none fails in {', '.join(sorted(proof.profiles))}{unseen}"
    )


def counterexample_in_words(shown: Counterexample) -> tuple[str, ...]:
    """Return the combination that would fail."""
    until = "for as long as both are served" if shown.end is None else f"until {format_instant(shown.end)}"
    return (
        f"counterexample ({shown.profile}): {shown.reason},",
        f"  from {format_instant(shown.start)} {until}:",
        f"  cached DS: {', '.join(shown.ds) or 'none'}",
        f"  cached DNSKEY: {', '.join(shown.dnskey) or 'none'}; signed by {', '.join(shown.key_signers) or 'none'}",
        f"  data signed by: {', '.join(shown.zone_signers) or 'none'}",
    )


def _finding(finding: Finding) -> Iterator[str]:
    servers = f" [{', '.join(finding.servers)}]" if finding.servers else ""
    yield f"  {finding.severity}: {finding.code}{servers}: {finding.summary}"
    if finding.detail:
        yield f"    {escaped(finding.detail)}"
    if finding.action:
        yield f"    to do: {escaped(finding.action)}"
