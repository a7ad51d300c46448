"""The commands and what they are for; each group in a file of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from dnsplan.cli import applying, demo, files, forecasting, ledgers, planning, simulating, standing, undoing
from dnsplan.cli.logs import event, open_log
from dnsplan.cli.options import Options, split_options
from dnsplan.errors import ExitCode, UsageError

EPILOG = (
    "Zones are chosen by --zone GLOB, --tag, --owner, --parent, --signer, --policy, --changed-since REF and --exclude. "
    "-C DIR, --format, --color auto|always|never, --quiet, -v and --log-json FILE stand before or after the command."
)

app = typer.Typer(
    name="dsplan",
    help="Plan, stage and prove DNSSEC delegation changes from files in Git.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
audit = typer.Typer(help="Read and verify the ledger.", no_args_is_help=True, rich_markup_mode=None)
lock = typer.Typer(help="See and release the ledger's lock.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _common(
    _folder: Annotated[str, typer.Option("-C", metavar="DIR", help="Use the portfolio in this folder.")] = ".",
    _format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="text, json or another that the command has.")
    ] = "text",
    _color: Annotated[str, typer.Option("--color", metavar="WHEN", help="auto, always or never.")] = "auto",
    _quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only the data.")] = False,
    _verbose: Annotated[bool, typer.Option("-v", help="Say more.")] = False,
    _log: Annotated[str, typer.Option("--log-json", metavar="FILE", help="Write a log as JSON Lines.")] = "",
) -> None:
    """Plan, stage and prove DNSSEC delegation changes from files in Git."""


COMMANDS: tuple[Callable[..., int], ...] = (
    files.validate,
    files.schema,
    planning.plan,
    planning.show,
    applying.apply,
    standing.status,
    files.roll,
    undoing.undo,
    standing.runbook,
    standing.confirm,
    planning.observe,
    forecasting.forecast,
    forecasting.proof,
    simulating.simulate,
    demo.demo,
)
for function in COMMANDS:
    app.command(epilog=EPILOG)(function)
audit.command("log")(ledgers.log)
audit.command("show")(ledgers.show)
audit.command("verify")(ledgers.verify)
lock.command("status")(ledgers.lock_status)
lock.command("release")(ledgers.lock_release)
app.add_typer(audit, name="audit")
app.add_typer(lock, name="lock")


@app.command()
def version() -> None:
    """Show the version, as text or JSON."""


def run_app(arguments: list[str]) -> int:
    """Run a command and return its exit code; a wrong command line is a UsageError."""
    options, rest = split_options(arguments)
    if rest == ["version"]:
        from dnsplan.cli.version import print_version

        return print_version(["--format", options.format])
    open_log(options.log_json, verbose=options.verbose)
    event("command.started", arguments=" ".join(rest))
    code = _run(rest, options)
    event("command.finished", code=code)
    return code


def _run(rest: list[str], options: Options) -> int:
    command: Any = typer.main.get_command(app)
    try:
        result = command.main(rest, prog_name="dsplan", standalone_mode=False, obj=options)
    except typer.Exit as leaving:
        return int(leaving.exit_code)
    except typer.Abort:
        return int(ExitCode.INTERRUPTED)
    except TyperException as error:
        context = getattr(error, "ctx", None)
        if error.format_message().startswith("Usage:"):  # a group without a command: its help says what there is
            sys.stderr.write(error.format_message() + "\n")
            return int(ExitCode.USAGE)
        path = context.command_path if context else "dsplan"
        raise UsageError(error.format_message(), hint=f"see `{path} --help`") from None
    return int(result or 0)
