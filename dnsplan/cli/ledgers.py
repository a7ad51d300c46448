"""audit and lock: read, verify and unlock the ledger."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dnsplan.cli.options import Options
from dnsplan.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from dnsplan.ledger import GitLedger


def log(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="How many records, the newest first.")] = 20,
) -> int:
    """List the newest records of the ledger."""
    from dnsplan.codec import canonical, to_json
    from dnsplan.views.audit import render_log

    options: Options = context.obj
    records = _ledger(options).log(limit)
    if options.one_of("text", "json") == "json":
        sys.stdout.write(canonical({"records": [to_json(record) for record in records]}) + "\n")
    else:
        sys.stdout.write(render_log(records) or "No records yet.\n")
    return 0


def show(context: typer.Context, name: Annotated[str, typer.Argument(metavar="ID", help="The id of a record.")]) -> int:
    """Print everything that one record says."""
    from dnsplan.codec.ledger import dump_record
    from dnsplan.views.audit import render_record

    options: Options = context.obj
    record = _ledger(options).show(name)
    if record is None:
        raise UsageError(f"there is no record {name!r}", hint="`dsplan audit log` lists them")
    sys.stdout.write(dump_record(record) if options.one_of("text", "json") == "json" else render_record(record))
    return 0


def verify(
    context: typer.Context,
    anchor: Annotated[
        str, typer.Option(metavar="HASH", help="A head that `apply` printed: the branch must contain it.")
    ] = "",
) -> int:
    """Check the whole ledger, offline. Exit 1 at any change, omission or reordering, with its place."""
    from dnsplan.cli.due import audit_settings
    from dnsplan.codec import canonical, to_json
    from dnsplan.ledger import Broken
    from dnsplan.ledger import verify as verify_ledger

    options: Options = context.obj
    chosen_format = options.one_of("text", "json")
    result = verify_ledger(options.folder, audit_settings(options.folder), anchor or None)
    broken = isinstance(result, Broken)
    if chosen_format == "json":
        sys.stdout.write(canonical({"ok": not broken, "result": to_json(result)}) + "\n")
    elif isinstance(result, Broken):
        where = " ".join(filter(None, (result.path, f"in commit {result.commit}" if result.commit else "")))
        sys.stdout.write(f"! broken: {result.what}{f' ({where})' if where else ''}\n")
    else:
        sys.stdout.write(f"= holds: {result.records} records in {result.commits} commits, head {result.head}\n")
    return int(ExitCode.ERROR if broken else ExitCode.OK)


def lock_status(context: typer.Context) -> int:
    """Say who holds the ledger's lock."""
    from dnsplan.codec import canonical, to_json
    from dnsplan.model.time import format_instant
    from dnsplan.views.escape import escaped

    options: Options = context.obj
    info = _ledger(options, fresh=False).lock_info()
    if options.one_of("text", "json") == "json":
        sys.stdout.write(canonical({"lock": None if info is None else to_json(info)}) + "\n")
    elif info is None:
        sys.stdout.write("The ledger is free.\n")
    else:
        until = format_instant(info.expires)
        sys.stdout.write(
            f"Held by {escaped(info.actor) or 'another run'} for {escaped(info.operation)} until {until}.\n"
        )
    return 0


def lock_release(context: typer.Context) -> int:
    """Release a lock that was left behind; the run that held it can write no more."""
    options: Options = context.obj
    ledger = _ledger(options, fresh=False)
    if ledger.lock_info() is not None and sys.stdin.isatty() and not typer.confirm("Release the lock?", err=True):
        return int(ExitCode.REFUSED)
    sys.stdout.write("Released.\n" if ledger.break_lock() else "The ledger was free.\n")
    return 0


def _ledger(options: Options, *, fresh: bool = True) -> GitLedger:
    from dnsplan.cli.clock import SystemClock
    from dnsplan.cli.due import audit_settings
    from dnsplan.ledger import GitLedger

    ledger = GitLedger(options.folder, audit_settings(options.folder), SystemClock())
    if fresh:
        ledger.sync()
    return ledger
