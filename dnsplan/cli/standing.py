"""status, runbook, confirm: how things stand, and the part that people have in it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnsplan.cli.options import Options
from dnsplan.cli.paint import painter
from dnsplan.errors import ConfigError, DsplanError, ExitCode

if TYPE_CHECKING:
    from dnsplan.apply import Look
    from dnsplan.model.audit import StepRecord
    from dnsplan.model.history import Note, ZoneHistory
    from dnsplan.model.portfolio import Portfolio, ZoneName
    from dnsplan.model.time import Instant
    from dnsplan.views.runbook import Surroundings


def status(
    context: typer.Context,
    zone: Annotated[str, typer.Argument(metavar="ZONE", help="One zone; all that are selected by default.")] = "",
    due: Annotated[
        bool, typer.Option("--due", help="Say only whether an apply would find something; no packet.")
    ] = False,
    detailed_exitcode: Annotated[
        bool,
        typer.Option("--detailed-exitcode", help="3 waiting, 4 a person must act; with --due 2 if something is due."),
    ] = False,
) -> int:
    """Say how each zone stands. One line each: OK, ACTIVE, WAITING until when, BLOCKED or MANUAL and who must act."""
    options: Options = context.obj
    chosen_format = options.one_of("text", "json")
    if due:
        return _status_due(options, detailed=detailed_exitcode)
    from dnsplan.apply import RunResult, ZoneOutcome, exit_code
    from dnsplan.views.status import render_status, status_json

    _, looks = _looks(options, zone)
    plans = [one.plan for one in looks]
    sys.stdout.write(status_json(plans) if chosen_format == "json" else painter(options)(render_status(plans)))
    outcomes = tuple(ZoneOutcome(zone=plan.zone, plan=plan) for plan in plans)
    return int(exit_code(RunResult(zones=outcomes), detailed=True)) if detailed_exitcode else 0


def _status_due(options: Options, *, detailed: bool) -> int:
    from dnsplan.cli.due import nothing_due

    nothing = nothing_due(options)
    if options.format == "json":
        sys.stdout.write(f'{{"due":{"false" if nothing else "true"}}}\n')
    else:
        sys.stdout.write("Nothing is due.\n" if nothing else "Something is due: run `dsplan apply --due`.\n")
    return int(ExitCode.CHANGES if detailed and not nothing else ExitCode.OK)


def runbook(
    context: typer.Context,
    zone: Annotated[str, typer.Argument(metavar="ZONE", help="The zone whose manual step is in flight.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="Write the file into this folder.")
    ] = None,
) -> int:
    """Print the runbook of the manual step in flight. Exact values, checks before and after, the way back."""
    from dnsplan.model.plan import NeedsHuman
    from dnsplan.views.runbook import render_runbook

    options: Options = context.obj
    portfolio, looks = _looks(options, zone)
    one = looks[0]
    move = next((move for move in one.plan.moves if isinstance(move, NeedsHuman)), None)
    if move is None:
        sys.stderr.write(f"{one.zone}: no manual step is in flight ({one.plan.headline})\n")
        return 0
    text = render_runbook(one.plan, move, _surroundings(options, portfolio, one))
    if out is None:
        sys.stdout.write(text)
        return 0
    path = out / f"{one.zone}-{move.step.id}.md"
    try:
        out.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    sys.stdout.write(f"{path}\n")
    return 0


def _surroundings(options: Options, portfolio: Portfolio, one: Look) -> Surroundings:
    from dnsplan.cli.authorise import authorised_commit
    from dnsplan.cli.clock import SystemClock
    from dnsplan.views.runbook import Surroundings

    try:
        commit = authorised_commit(options.folder)
    except DsplanError:
        commit = ""  # the runbook says so; reading it is no mutation
    seen = one.situation.seen
    asked = [intent.at for intent in one.situation.history.intents if intent.outcome == "manual"]
    return Surroundings(
        parent=portfolio.parents.get(one.situation.intent.parent or ""),
        parent_servers=tuple(view.address for view in seen.parent),
        child_servers=tuple(view.address for view in seen.child),
        port=portfolio.resolution.port,
        commit=commit,
        asked_at=max(asked, default=None),
        budget=one.situation.policy.timing.registration_budget,
        now=SystemClock().now(),
    )


def confirm(
    context: typer.Context,
    zone: Annotated[str, typer.Argument(metavar="ZONE", help="The zone in which a person did something.")],
    evidence: Annotated[str, typer.Option(metavar="TEXT", help="A ticket number, or where the screenshot is.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who did it.")],
) -> int:
    """Note what a person did. It is evidence for the record and advances nothing: what servers show decides."""
    import secrets

    from dnsplan import __version__
    from dnsplan.cli.authorise import check_ledger
    from dnsplan.cli.clock import SystemClock
    from dnsplan.cli.repository import commit_of
    from dnsplan.cli.wiring import actor, load, one_zone, open_ledger, run_url
    from dnsplan.model.audit import AuthorisedBy, Record
    from dnsplan.model.history import ZoneHistory

    options: Options = context.obj
    portfolio, clock = load(options), SystemClock()
    name = one_zone(portfolio, zone)
    ledger = open_ledger(options, portfolio, clock)
    check_ledger(options.folder, portfolio.audit)
    ledger.acquire("confirm", 30)
    try:
        now = clock.now()
        history = ledger.read([name]).get(name) or ZoneHistory(zone=name)
        note = _note(history, by, evidence, now)
        record = Record(
            id=secrets.token_hex(8), previous=None, commit=commit_of(options.folder), tool_version=__version__,
            actor=actor(), run_url=run_url(), authorised_by=AuthorisedBy(), steps=(_step_of(name, note),), at=now,
            kind="confirm",
        )  # fmt: skip
        ledger.commit(record, [replace(history, notes=(*history.notes, note))], subject=f"confirm: {name}")
    finally:
        ledger.release()
    if not note.step and not options.quiet:
        sys.stderr.write(f"{name}: no manual step is in flight; the note is kept all the same\n")
    sys.stdout.write(f"noted for {name}; the rollover goes on when every server shows the change\n")
    return 0


def _note(history: ZoneHistory, by: str, evidence: str, now: Instant) -> Note:
    from dnsplan.model.history import Note
    from dnsplan.views.escape import escaped

    intent = next((intent for intent in reversed(history.intents) if intent.outcome == "manual"), None)
    return Note(at=now, by=escaped(by)[:200], evidence=escaped(evidence)[:200], step=intent.id if intent else "")


def _step_of(zone: ZoneName, note: Note) -> StepRecord:
    """Return the note as the record of the ledger keeps it: it asks nothing of anyone."""
    from dnsplan.model.audit import StepRecord

    return StepRecord(
        zone=zone, id=note.step, op="confirm", intent_at=note.at, before=(), target="", proof="", outcome="manual",
        outcome_at=note.at, reason=f"{note.by}: {note.evidence}",
    )  # fmt: skip


def _looks(options: Options, zone: str) -> tuple[Portfolio, tuple[Look, ...]]:
    from dnsplan.apply import look
    from dnsplan.cli.clock import SystemClock
    from dnsplan.cli.wiring import chosen, load, one_zone, ports, try_ledger

    portfolio, clock = load(options), SystemClock()
    zones = (one_zone(portfolio, zone),) if zone else chosen(options, portfolio)
    ledger = try_ledger(options, portfolio, clock)
    return portfolio, look(portfolio, zones, ports(options, portfolio, clock, ledger))
