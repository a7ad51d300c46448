"""forecast, proof: what is to come and why it is safe, before anything is touched."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dnsplan.cli.options import Options
from dnsplan.cli.paint import painter
from dnsplan.errors import UsageError

if TYPE_CHECKING:
    from dnsplan.ledger import GitLedger
    from dnsplan.model.plan import Situation
    from dnsplan.model.portfolio import Portfolio

_ROLLS = {"double-ksk": "ksk", "double-ds": "ksk", "double-rrset": "ksk", "zsk": "zsk", "csk": "csk"}
"""The goal of a described world for what the files ask for by a token."""


def forecast(
    context: typer.Context,
    zone: Annotated[str, typer.Argument(metavar="[ZONE]", help="The zone; none with --portfolio.")] = "",
    goal: Annotated[
        str,
        typer.Option(
            metavar="GOAL",
            help="As if the files asked for: ksk, zsk, csk, algorithm:NAME, digest:NAME[+NAME], scheme:csk|ksk-zsk, "
            "signed, insecure.",
        ),
    ] = "",
    portfolio: Annotated[
        bool, typer.Option("--portfolio", help="The calendar of all selected zones; no packet.")
    ] = False,
    until: Annotated[str, typer.Option(metavar="DURATION", help="How far the calendar reaches.")] = "1y",
) -> int:
    """Show when each step of a change will happen. Nothing is changed anywhere.

    For a zone: every step with its earliest and latest date, who acts, and what the date rests on.
    Formats: text, json (a simulation of the zone), markdown, mermaid. With --portfolio: text, json, ical.
    """
    options: Options = context.obj
    if portfolio == bool(zone):
        raise UsageError("name one zone, or give --portfolio", hint="dsplan forecast acme.ch --goal ksk")
    if portfolio:
        if goal:
            raise UsageError("--goal is for one zone", hint="dsplan forecast acme.ch --goal ksk")
        return _portfolio(options, until)
    return _zone(options, zone, goal)


def _zone(options: Options, zone: str, goal: str) -> int:
    from dnsplan.forecast.delay import parent_delay, zones_beside
    from dnsplan.forecast.zone import forecast as forecast_of
    from dnsplan.forecast.zone import with_goal
    from dnsplan.views.forecast import forecast_dates, forecast_markdown, forecast_mermaid, render_forecast

    chosen = options.one_of("text", "json", "markdown", "mermaid")
    portfolio, ledger, situation = situation_of(options, zone)
    name = situation.intent.zone
    histories = ledger.read(zones_beside(portfolio, name)) if ledger is not None else {}
    delay = parent_delay(portfolio, name, histories.values())
    if goal:
        situation = with_goal(situation, goal)
    found = forecast_of(situation, delay)
    if chosen == "json":
        from dnsplan.forecast import simulate
        from dnsplan.forecast.described import described
        from dnsplan.forecast.zone import with_undo

        wanted = goal or _ROLLS.get(found.plan.recipe, situation.intent.dnssec)
        result = with_undo(simulate(described(situation, wanted, delay.longest)), found)
        sys.stdout.write(json.dumps({**result, "forecast": forecast_dates(found)}) + "\n")
    elif chosen == "markdown":
        sys.stdout.write(forecast_markdown(found))
    elif chosen == "mermaid":
        sys.stdout.write(forecast_mermaid(found))
    else:
        sys.stdout.write(painter(options)(render_forecast(found)))
    return 0


def proof(
    context: typer.Context,
    zone: Annotated[str, typer.Argument(metavar="ZONE", help="The zone.")],
    step: Annotated[str, typer.Option(metavar="ID", help="Only this step (its id or stage, as `plan` shows it).")] = "",
) -> int:
    """Print the full argument for each step at hand, or for its refusal.

    What every cache may hold and until when, the gate with its numbers, the proof, and what one second earlier would
    break. Formats: text, json.
    """
    from dnsplan.engine.argument import arguments
    from dnsplan.views.proof import proof_json, render_proof

    options: Options = context.obj
    chosen = options.one_of("text", "json")
    _, _, situation = situation_of(options, zone)
    found = [one for one in arguments(situation) if step in {"", one.id, one.stage}]
    if step and not found:
        raise UsageError(f"no step {step!r} is at hand for {situation.intent.zone}", hint="`dsplan plan` lists them")
    name = situation.intent.zone
    sys.stdout.write(proof_json(name, found) if chosen == "json" else painter(options)(render_proof(name, found)))
    return 0


def situation_of(options: Options, zone: str) -> tuple[Portfolio, GitLedger | None, Situation]:
    """Return what is known of a zone now, what the signer holds included, with the portfolio and the ledger."""
    from dnsplan.cli.clock import SystemClock
    from dnsplan.cli.wiring import load, one_zone, ports, try_ledger
    from dnsplan.forecast.zone import situations

    portfolio = load(options)
    name, clock = one_zone(portfolio, zone), SystemClock()
    ledger = try_ledger(options, portfolio, clock)
    (situation,) = situations(portfolio, (name,), ports(options, portfolio, clock, ledger))
    return portfolio, ledger, situation


def _portfolio(options: Options, until: str) -> int:
    from dnsplan.cli.clock import SystemClock
    from dnsplan.cli.wiring import chosen, load, try_ledger
    from dnsplan.forecast.calendar import calendar
    from dnsplan.model.time import parse_duration
    from dnsplan.views.calendar import calendar_ics, calendar_json, render_calendar

    chosen_format = options.one_of("text", "json", "ical")
    try:
        reach = parse_duration(until)
    except ValueError as error:
        raise UsageError(f"--until: {error}", hint="write it as 90d or 1y") from None
    portfolio, clock = load(options), SystemClock()
    zones = chosen(options, portfolio)
    ledger = try_ledger(options, portfolio, clock)
    histories = ledger.read(zones) if ledger is not None else {}
    now = clock.now()
    found = calendar(portfolio, zones, histories, now, now + reach)
    render = {"json": calendar_json, "ical": calendar_ics}.get(chosen_format, render_calendar)
    sys.stdout.write(render(found))
    return 0
