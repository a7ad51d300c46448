"""plan, show, observe: what differs, what would be done and when, without doing anything."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnsplan.cli.options import Options
from dnsplan.cli.paint import painter
from dnsplan.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from dnsplan.apply import Ports
    from dnsplan.ledger import GitLedger
    from dnsplan.model.observation import Observation
    from dnsplan.model.plan import Plan
    from dnsplan.model.portfolio import Portfolio, ZoneName
    from dnsplan.ports import Clock


def plan(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="FILE", help="Save the plan to this file.")] = None,
    observations: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Judge what was stored by `observe -o` instead of asking the DNS."),
    ] = None,
    base: Annotated[
        str,
        typer.Option(
            metavar="REF", help="Only zones that differ from REF; who is asked, and the ledger, are those of REF."
        ),
    ] = "",
    now: Annotated[str, typer.Option(metavar="TIME", help="Plan as of this time (RFC 3339).")] = "",
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="2 changes, 3 waiting, 4 a person must act.")
    ] = False,
) -> int:
    """Show what would change, when, and why it is safe. Nothing is changed anywhere.

    For each zone: what differs from live DNS, what would be done now, and the whole staged change.
    Formats: text, json, markdown.
    """
    from dnsplan.apply import plan_exit_code

    options: Options = context.obj
    chosen_format = options.one_of("text", "json", "markdown")
    made = _make_against(base, options, observations, now) if base else _make(options, observations, now)
    if out is not None:
        _save(made, out)
    _print(options, made, chosen_format)
    if out is not None and not options.quiet:
        sys.stderr.write(f"saved: dsplan apply {out}\n")
    return int(plan_exit_code(made, detailed=detailed_exitcode))


def show(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan saved by `plan -o`.")],
) -> int:
    """Render a saved plan; the network is not touched. Formats: text, json, markdown, html."""
    options: Options = context.obj
    chosen_format = options.one_of("text", "json", "markdown", "html")
    _print(options, read_plan(path), chosen_format)
    return 0


def observe(
    context: typer.Context,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="Where to store what is seen (JSON Lines).")],
) -> int:
    """Look at every server once and store the answers. `plan --observations` judges them later, offline."""
    from dnsplan.cli.clock import SystemClock
    from dnsplan.cli.wiring import chosen, load
    from dnsplan.codec.observation import dump_observations
    from dnsplan.observe import Observer
    from dnsplan.ports import Sight

    options: Options = context.obj
    portfolio = load(options)
    observer = Observer(portfolio.resolution, portfolio.observe, SystemClock())
    seen = observer.observe([Sight(zone=zone) for zone in chosen(options, portfolio)])
    _write(out, dump_observations(seen))
    if not options.quiet:
        sys.stderr.write(f"{len(seen)} zones, {observer.queries_sent} queries: {out}\n")
    return 0


def read_plan(path: Path) -> Plan:
    """Return a saved plan; ConfigError if it cannot be used."""
    from dnsplan.codec.plan import load_plan

    return load_plan(read_text(path, "the plan"))


def read_text(path: Path, what: str) -> str:
    """Return the text of a file; ConfigError names it if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(f"{what} {path} cannot be read: {why}") from None


def plan_of(
    options: Options,
    portfolio: Portfolio,
    zones: Sequence[ZoneName],
    everything: Ports,
    ledger: GitLedger | None,
    *,
    stored: Path | None = None,
) -> Plan:
    """Look at the zones, or at what was `stored` of them, and return the plan; nothing is changed."""
    from dnsplan.apply import assemble, look
    from dnsplan.cli.authorise import changed_here
    from dnsplan.cli.repository import commit_of
    from dnsplan.views.evidence import shown

    observations = None if stored is None else _stored(stored)
    looks = look(portfolio, zones, everything, observations=observations)
    return assemble(
        [replace(one.plan, shown=shown(one.situation.seen)) for one in looks],
        portfolio=portfolio,
        digests={zone: everything.digest(zone) for zone in zones},
        known=ledger.known() if ledger is not None else frozenset(),
        commit=commit_of(options.folder) if ledger is not None else "",
        dirty=bool(changed_here(options.folder)) if ledger is not None else False,
        selector=tuple((kind, value) for kind, values in options.selectors.items() for value in values),
        now=everything.clock.now(),
    )


def _make(options: Options, stored: Path | None, now: str) -> Plan:
    from dnsplan.cli.wiring import chosen, load, ports, try_ledger

    portfolio = load(options)
    clock = _clock(now)
    ledger = try_ledger(options, portfolio, clock)
    everything = ports(options, portfolio, clock, ledger)
    return plan_of(options, portfolio, chosen(options, portfolio), everything, ledger, stored=stored)


def _make_against(reference: str, options: Options, stored: Path | None, now: str) -> Plan:
    """Return the plan of the zones that differ from a commit; nobody is contacted whom that commit does not name."""
    from dnsplan.cli.base import base_of
    from dnsplan.cli.wiring import chosen, load, ports, try_ledger
    from dnsplan.codec.plan import with_plan_id

    ours, clock = load(options), _clock(now)
    base = base_of(options.folder, reference)
    portfolio, changed, endpoints = base.trusted(ours), base.changed_zones(ours), base.endpoints_changed(ours)
    ledger = try_ledger(options, portfolio, clock)
    everything = ports(options, portfolio, clock, ledger, unmerged=frozenset(endpoints))
    zones = tuple(zone for zone in chosen(options, portfolio) if zone in changed)
    made = plan_of(options, portfolio, zones, everything, ledger, stored=stored)
    gone = (set(made.unmanaged) | set(base.portfolio.zones)) - set(ours.zones)
    return with_plan_id(replace(made, base=base.commit, endpoints_changed=endpoints, unmanaged=tuple(sorted(gone))))


def _clock(now: str) -> Clock:
    from dnsplan.cli.clock import FixedClock, SystemClock
    from dnsplan.model.time import parse_instant

    if not now:
        return SystemClock()
    try:
        return FixedClock(parse_instant(now))
    except ValueError as error:
        raise UsageError(f"--now: {error}", hint="write it as 2026-11-24T00:00:00Z") from None


def _stored(path: Path) -> dict[str, Observation]:
    from dnsplan.codec.observation import load_observations

    return {seen.zone: seen for seen in load_observations(read_text(path, "the observations"))}


def _save(made: Plan, out: Path) -> None:
    from dnsplan.codec.plan import dump_plan

    _write(out, dump_plan(made))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None


def _print(options: Options, made: Plan, chosen_format: str) -> None:
    if chosen_format == "json":
        from dnsplan.codec.plan import dump_plan

        sys.stdout.write(dump_plan(made))
    elif chosen_format == "markdown":
        from dnsplan.views.plan_markdown import render_markdown

        sys.stdout.write(render_markdown(made))
    elif chosen_format == "html":
        from dnsplan.views.plan_html import render_html

        sys.stdout.write(render_html(made))
    else:
        from dnsplan.views.plan_text import render_plan

        sys.stdout.write(painter(options)(render_plan(made)))
