"""apply: carry out what is ready, recorded before and after, under the lock, until a signal or a deadline."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from dnsplan.cli.logs import event
from dnsplan.cli.options import Options
from dnsplan.cli.paint import painter
from dnsplan.errors import ExitCode, LockedError, RefusedError, UsageError

if TYPE_CHECKING:
    from dnsplan.apply import Ports, RunResult, Tally
    from dnsplan.apply.executor import Stop
    from dnsplan.cli.clock import SystemClock
    from dnsplan.ledger import GitLedger
    from dnsplan.model.plan import Plan
    from dnsplan.model.portfolio import Portfolio, ZoneName

GUARDS = frozenset({"max_ds_removals", "new_ledger", "unknown_blocks_destructive"})
"""What `--allow` can lift, beside the two below: a name that lifts nothing must not look as if it did."""

SILENT = "silent_server:"
"""Lifted for one server, whose address follows."""
BREAK_CHAIN = "break_chain:"
"""Lifted for one zone, whose name follows."""


def apply(
    context: typer.Context,
    path: Annotated[Path | None, typer.Argument(metavar="PLAN", help="A plan saved by `plan -o`.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    due: Annotated[bool, typer.Option("--due", help="Only zones whose wait is over or whose files changed.")] = False,
    wait: Annotated[str, typer.Option(metavar="DURATION", help="Stay for up to this long (90s, 15m, 1h).")] = "",
    lock_timeout: Annotated[str, typer.Option(metavar="DURATION", help="Wait so long for the ledger's lock.")] = "0s",
    allow: Annotated[
        list[str] | None, typer.Option(metavar="GUARD", help="Lift a guard by its name; recorded.")
    ] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="3 waiting, 4 a person must act.")
    ] = False,
) -> int:
    """Carry out what is ready now. Every step is planned anew from what the servers show at this moment.

    Safe to repeat at any time: a run finds out by itself what is done. Formats: text, json.
    """
    from dnsplan.cli.due import nothing_due

    options: Options = context.obj
    options.one_of("text", "json")
    for guard in set(allow or ()) - GUARDS:
        silent = guard.startswith(SILENT) and _is_address(guard.removeprefix(SILENT))
        if not silent and not guard.startswith(BREAK_CHAIN):
            names = ", ".join(sorted((*GUARDS, f"{SILENT}ADDRESS", f"{BREAK_CHAIN}ZONE")))
            raise UsageError(f"there is no guard {guard!r} to lift", hint=f"guards: {names}")
    if due and nothing_due(options):
        sys.stdout.write(
            '{"zones":[],"head":null,"next_at":null}\n' if options.format == "json" else "Nothing is due.\n"
        )
        return int(ExitCode.OK)
    stay, patience = _seconds(wait, "--wait"), _seconds(lock_timeout, "--lock-timeout")
    job = _Job(options, path, due=due, allowed=frozenset(allow or ()))
    job.prepare()
    if not yes and job.saved is None:
        job.confirm(stay)
    result = job.carry_out(stay, patience)
    return job.report(result, detailed=detailed_exitcode)


class _Job:
    """One call of `apply`."""

    def __init__(self, options: Options, path: Path | None, *, due: bool, allowed: frozenset[str]) -> None:
        from dnsplan.apply import Tally
        from dnsplan.apply.executor import Stop
        from dnsplan.cli.clock import SystemClock

        self.options, self.path, self.due, self.allowed = options, path, due, allowed
        self.clock: SystemClock = SystemClock()
        self.stop: Stop = Stop()
        self.tally: Tally = Tally()
        self.ended_by = 0
        """The signal that asked for the end; 0 for none."""
        self.deadline = 0
        self.runs = 0
        self.saved: Plan | None = None
        self.zones: tuple[ZoneName, ...] = ()
        self.portfolio: Portfolio
        self.ledger: GitLedger
        self.ports: Ports

    def prepare(self) -> None:
        """Load everything that the run needs; RefusedError if it is not authorised."""
        from dnsplan.cli.authorise import authorised_commit, check_ledger
        from dnsplan.cli.planning import read_text
        from dnsplan.cli.wiring import chosen, load, open_ledger, ports

        if self.path is not None:
            self.saved = _checked_plan(read_text(self.path, "the plan"))
        self.portfolio = load(self.options)
        self.commit = authorised_commit(self.options.folder)
        check_ledger(self.options.folder, self.portfolio.audit)
        self.ledger = open_ledger(self.options, self.portfolio, self.clock, allowed=self.allowed)
        self.ledger.sync()
        self.ports = replace(
            ports(self.options, self.portfolio, self.clock, self.ledger),
            silenced=frozenset(guard.removeprefix(SILENT) for guard in self.allowed if guard.startswith(SILENT)),
            unknown_is_fine="unknown_blocks_destructive" in self.allowed,
            breaks_chain=_breaking(self.portfolio, self.allowed),
        )
        zones = chosen(self.options, self.portfolio)
        if self.saved is not None:
            planned = {zone.zone for zone in self.saved.zones}
            zones = tuple(zone for zone in zones if zone in planned)
        self.zones = self._due(zones) if self.due else zones
        self.whole = len(zones) == len(self.portfolio.zones)

    def _due(self, zones: tuple[ZoneName, ...]) -> tuple[ZoneName, ...]:
        over = self.ledger.due(self.clock.now())
        histories = self.ledger.read(zones)
        return tuple(
            zone
            for zone in zones
            if zone in over or zone not in histories or histories[zone].planned != self.ports.digest(zone)
        )

    def carry_out(self, wait: int, lock_timeout: int) -> RunResult:
        """Run once, or until nothing is left to wait for."""
        from dnsplan.apply import RunResult, apply_until

        if self.saved is not None and self._applied(self.saved):
            return RunResult(zones=(), note="this plan was carried out already")
        with _signals(self), _progress(self.options) as tell:
            self.deadline = self.clock.now() + wait
            return apply_until(
                self.deadline, self.clock, lambda: self._once(lock_timeout), stop=self.stop, progress=tell
            )

    def confirm(self, stay: int) -> None:
        """Show on a terminal what would be done, and ask; the answer holds for exactly that."""
        from dnsplan.cli.planning import plan_of
        from dnsplan.views.plan_text import render_plan

        if not sys.stdin.isatty():
            raise UsageError("there is no terminal to ask on", hint="use --yes, or apply a saved plan")
        plan = plan_of(self.options, self.portfolio, self.zones, self.ports, self.ledger)
        show = painter(self.options, sys.stderr)
        sys.stderr.write(show(render_plan(plan)) + "\n")
        if not any(zone.timeline for zone in plan.zones):
            return
        what = "Carry out what is ready now" + (", and what becomes ready within the wait?" if stay else "?")
        if not typer.confirm(what, err=True):
            raise RefusedError("not confirmed; nothing was done")
        self.saved = plan

    def _applied(self, saved: Plan) -> bool:
        return any(record.plan == saved.plan_id for record in self.ledger.log(50))

    def _once(self, lock_timeout: int) -> RunResult:
        from secrets import token_hex

        from dnsplan.apply import Run, run
        from dnsplan.cli.repository import tree_of
        from dnsplan.cli.wiring import actor, run_url
        from dnsplan.model.audit import AuthorisedBy

        request = Run(
            id=token_hex(8),
            commit=self.commit,
            actor=actor(),
            run_url=run_url(),
            authorised_by=AuthorisedBy(merge_commit=self.commit),
            allowed=self.allowed,
            saved=self.saved,
            planned=tree_of(self.options.folder) if self.whole else None,
            stop=self.stop,
            tally=self.tally,
        )
        try:
            self._acquire(lock_timeout if self.runs == 0 else max(lock_timeout, self.deadline - self.clock.now()))
            self.runs += 1
            result = run(self.portfolio, self.zones, self.ports, request)
        finally:
            self.ledger.release()
        for zone in result.zones:
            for step in zone.steps:
                event("step", zone=step.zone, op=step.op, id=step.id, outcome=step.outcome or "unknown")
        if not all(zone.stale for zone in result.zones):
            self.saved = None  # it came out as planned; what follows is the same change, planned anew each time
        return result

    def _acquire(self, patience: int) -> None:
        """Take the lock within `patience` seconds; LockedError if another run keeps it."""
        deadline, pause = self.clock.now() + patience, 1
        while True:
            try:
                self.ledger.acquire("apply", 0)
            except LockedError:
                if self.stop.asked:
                    raise KeyboardInterrupt from None
                if self.clock.now() >= deadline:
                    raise
                self.clock.sleep_until(min(deadline, self.clock.now() + pause))
                pause = min(pause * 2, 8)
            else:
                return

    def report(self, result: RunResult, *, detailed: bool) -> int:
        """Print what became of it and return the exit code."""
        from dnsplan.apply import exit_code
        from dnsplan.views.apply_text import apply_json, render_apply

        if self.options.format == "json":
            sys.stdout.write(apply_json(result))
        elif result.note:
            sys.stdout.write(f"Nothing to do: {result.note}.\n")
        else:
            sys.stdout.write(painter(self.options)(render_apply(result)))
        if result.interrupted:
            sys.stderr.write("interrupted: the step in flight is finished and recorded, the lock is free\n")
            sys.stderr.write("next: run `dsplan apply` again; it goes on from here\n")
        if result.interrupted and self.ended_by == signal.SIGTERM:
            return int(ExitCode.TERMINATED)
        return int(exit_code(result, detailed=detailed))


def _breaking(portfolio: Portfolio, allowed: frozenset[str]) -> frozenset[ZoneName]:
    """Return the zones whose chain may be broken on purpose; UsageError for one without a compromised key."""
    from dnsplan.cli.wiring import one_zone

    names = sorted(guard.removeprefix(BREAK_CHAIN) for guard in allowed if guard.startswith(BREAK_CHAIN))
    zones = frozenset(one_zone(portfolio, name) for name in names)
    for zone in sorted(zones):
        if not portfolio.zones[zone].compromised:
            hint = "list the key under `compromised:` in the zone's file first"
            raise UsageError(f"{zone}: no key is called compromised, so its chain is not broken", hint=hint)
    return zones


def _checked_plan(text: str) -> Plan:
    from dnsplan.codec.plan import load_plan, plan_id_matches, read_document

    if not plan_id_matches(read_document(text)):
        raise RefusedError(
            "the plan was changed after it was made: its plan_id does not match",
            hint="make it anew: dsplan plan -o FILE",
        )
    return load_plan(text)


def _is_address(text: str) -> bool:
    from ipaddress import ip_address

    try:
        return str(ip_address(text)) == text
    except ValueError:
        return False


def _seconds(text: str, option: str) -> int:
    from dnsplan.model.time import parse_duration

    if not text:
        return 0
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


@contextmanager
def _signals(job: _Job) -> Iterator[None]:
    """Let the first signal finish the call in flight, or end the wait; the second ends at once."""

    def ask(number: int, frame: FrameType | None) -> None:
        del frame
        if job.stop.asked:
            raise KeyboardInterrupt
        job.stop.asked, job.ended_by = True, number
        job.clock.wake()
        name = "interrupted" if number == signal.SIGINT else "asked to end"
        sys.stderr.write(f"{name}: finishing the step in flight\n")

    old = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


@contextmanager
def _progress(options: Options) -> Iterator[Callable[[RunResult], None]]:
    """Show on a terminal what is being waited for; say nothing elsewhere."""
    if options.quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    from dnsplan.views.words import headline

    console = Console(stderr=True, no_color=options.color == "never")
    with console.status("looking at every server") as status:

        def tell(result: RunResult) -> None:
            waiting = [zone for zone in result.zones if zone.plan.headline == "WAITING"]
            done = sum(len(zone.steps) for zone in result.zones)
            what = headline(waiting[0].plan) if waiting else "finishing"
            status.update(f"{done} steps in the last run; {len(waiting)} zones wait; {what}")

        yield tell
