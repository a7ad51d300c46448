"""undo: edit a zone's file so that the next apply goes back from the step in flight."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from dnsplan.cli.options import Options
from dnsplan.cli.paint import painter
from dnsplan.errors import DsplanError, RefusedError

if TYPE_CHECKING:
    from dnsplan.engine.undo import Retreat
    from dnsplan.model.plan import Situation


def undo(
    context: typer.Context,
    zone: Annotated[str, typer.Argument(metavar="ZONE", help="The zone whose change is to be taken back.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be edited and done; the file stays as it is.")
    ] = False,
) -> int:
    """Go back from the step in flight. The zone's file is edited, for you to commit; the next apply goes back.

    Says what it edited and what the next applies will do, step by step. Exit code 5 if a step cannot be undone, 1 if
    nothing is in flight or the zone's file is not the place. Formats: text, json.
    """
    from dnsplan.cli.forecasting import situation_of
    from dnsplan.engine import plan_zone
    from dnsplan.portfolio.retract import retract
    from dnsplan.views.undo import Undone, render_undo, undo_json

    options: Options = context.obj
    chosen = options.one_of("text", "json")
    portfolio, _, situation = situation_of(options, zone)
    found = _retreat(situation)
    path, lines = retract(options.folder, portfolio, found.intent, write=not dry_run)
    undone = Undone(
        zone=situation.intent.zone,
        way=found.way,
        reason=found.reason,
        file=str(path),
        edits=lines,
        written=bool(lines) and not dry_run,
        plan=plan_zone(replace(situation, intent=found.intent)),
        at=situation.now,
    )
    sys.stdout.write(undo_json(undone) if chosen == "json" else painter(options)(render_undo(undone)))
    if not options.quiet:
        _say_next(written=undone.written, edited=bool(lines))
    return 0


def _retreat(situation: Situation) -> Retreat:
    """Return the way back; DsplanError where there is none."""
    from dnsplan.engine.undo import retreat_of
    from dnsplan.engine.view import view_of

    view = view_of(situation)
    name = situation.intent.zone
    if view is None:
        raise DsplanError(f"{name}: the zone could not be observed", hint="see `dsplan plan` for the servers")
    found = retreat_of(view)
    if found.way == "irreversible":
        raise RefusedError(f"{name}: {found.reason}", hint=found.action)
    if found.way in {"elsewhere", "nothing"}:
        hint = found.action or f"to replace keys once more: dsplan roll {name}"
        raise DsplanError(f"{name}: {found.reason}", hint=hint)
    return found


def _say_next(*, written: bool, edited: bool) -> None:
    if written:
        sys.stderr.write("next: commit it, then `dsplan apply` goes back\n")
    elif edited:
        sys.stderr.write("nothing was written; without --dry-run the file is edited\n")
    else:
        sys.stderr.write("next: `dsplan apply` goes back; no edit is needed\n")
