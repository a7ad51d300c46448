"""Commands on the files alone: validate, schema, roll. They read no secret and send no packet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from dnsplan.cli.options import Options
from dnsplan.errors import ExitCode, UsageError


def validate(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATHS", help="Only the faults of these files and folders.")
    ] = None,
) -> int:
    """Check every file, offline. All faults at once, each with its place and how to mend it.

    Formats: text, json, github, sarif, junit. Warnings do not change the exit code.
    """
    from dnsplan.portfolio import load
    from dnsplan.views.faults import render_faults

    options: Options = context.obj
    chosen = options.one_of("text", "json", "github", "sarif", "junit")
    loaded = load(options.folder, paths=[options.folder / path for path in paths or ()])
    errors = sum(fault.severity == "error" for fault in loaded.faults)
    sys.stdout.write(render_faults(loaded.faults, chosen))
    if chosen == "text" and not options.quiet:
        zones = f"{len(loaded.portfolio.zones)} zones" if loaded.portfolio else "the portfolio"
        verdict = f"{errors} fault{'s' if errors != 1 else ''}" if errors else f"{zones}: no fault"
        sys.stderr.write(f"{verdict}\n")
    return int(ExitCode.ERROR if errors else ExitCode.OK)


def schema(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="dsplan, zone, policy, parent, plan, observation or record.")
    ],
) -> int:
    """Print the JSON Schema (2020-12) of a kind of file or document."""
    from dnsplan.portfolio import schema as text_of

    del context
    sys.stdout.write(text_of(name))
    return 0


def roll(
    context: typer.Context,
    zone: Annotated[str, typer.Argument(metavar="ZONE", help="The zone whose KSK (or CSK) is to be rolled.")],
    token: Annotated[str, typer.Option(metavar="TOKEN", help="What to write; by default the date, made unique.")] = "",
) -> int:
    """Ask for one key rollover. A new `roll:` token is written into the zone's file, for you to commit."""
    from dnsplan.cli.clock import SystemClock
    from dnsplan.cli.wiring import load, one_zone
    from dnsplan.model.time import format_instant
    from dnsplan.portfolio.edit import set_roll

    options: Options = context.obj
    portfolio = load(options)
    name = one_zone(portfolio, zone)
    last = portfolio.zones[name].roll.sep
    today = format_instant(SystemClock().now())[:10]
    wanted = token or (today if not (last or "").startswith(today) else f"{today}.{_number(last or '') + 1}")
    if wanted == last:
        raise UsageError(f"the token is {wanted!r} already", hint="choose another with --token")
    path = set_roll(options.folder, portfolio, name, wanted)
    sys.stdout.write(f"~ change: {path}: roll: {wanted}\n")
    if not options.quiet:
        sys.stderr.write("next: commit it, then `dsplan plan` shows the rollover\n")
    return 0


def _number(token: str) -> int:
    tail = token.rpartition(".")[2]
    return int(tail) if "." in token and tail.isdigit() else 1
