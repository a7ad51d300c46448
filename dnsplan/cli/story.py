"""What `dsplan demo` tells: the main job end to end, with the real commands, in a DNS world on loopback.

Runs every command as a user would, in a portfolio repository of its own, while a validating lookup watches. Never
touches a network beyond loopback, nor any file outside its folder.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dnsplan.errors import ConfigError, DsplanError, ExitCode

if TYPE_CHECKING:
    from dnsplan.model.records import Dnskey, Ds
    from dnsplan.world.loopback import World
    from dnsplan.world.loopback.probe import Figures

ROLLED, PLAIN, MANUAL = "acme.corp", "shop.corp", "fiskur.is"
ZONES = (ROLLED, PLAIN, MANUAL)
COMMAND_TIMEOUT = 120.0
LINES_SHOWN = 60
DS_TEXT = re.compile(r"\b(\d{1,5}) +(13) +(2) +([0-9A-Fa-f]{64})\b")

DSPLAN = """\
schema: dsplan/v1
portfolio: demo
defaults: {{policy: seconds, signer: pdns}}
signers:
  pdns: {{type: powerdns, url: "{pdns_url}", server: localhost, api_key: {{env: DEMO_API_KEY}}}}
parents:
  corp: {{type: rfc2136, server: "{update_server}", zone: corp, ds_ttl: 3s,
         tsig: {{name: {tsig_name}, algorithm: {tsig_algorithm}, secret: {{env: DEMO_TSIG}}}}}}
  isnic: {{type: manual, portal: "https://www.isnic.is", contact: registry desk, usual_delay: 2d}}
resolution:
  root_hints: [{root_hints}]
  port: {port}
  trust_anchors: ["{trust_anchor}"]
"""

POLICY = """\
policy: seconds
ds: {ttl_max: 3s}
dnskey: {ttl: 3s}
zone: {ttl_max: 3s}
timing: {child_margin: 1s, parent_margin: 1s, registration_budget: 10s, sweeps: {count: 2, spacing: 1s}}
"""

ZONE = "zone: {zone}\nowner: demo\nparent: {parent}\ndnssec: signed\n"


class DemoError(DsplanError):
    """Something the demo claims did not hold."""


@dataclass(slots=True)
class Stage:
    """The portfolio's folder, the environment of the commands, and where the story is told."""

    out: TextIO
    folder: Path
    environment: Mapping[str, str]
    chapters: int = 0

    def chapter(self, title: str) -> None:
        """Begin the next part of the story."""
        self.chapters += 1
        self.tell("")
        self.tell(f"{self.chapters}. {title}")

    def tell(self, line: str) -> None:
        """Write one line."""
        self.out.write(f"{line}\n")
        self.out.flush()

    def dsplan(self, *arguments: str, expect: ExitCode = ExitCode.OK, shown: int = LINES_SHOWN) -> str:
        """Run one command, show it with its output, and return the output; DemoError on any other exit code."""
        return self._run(("dsplan", *arguments), (sys.executable, "-m", "dnsplan", *arguments), expect, shown)

    def git(self, *arguments: str) -> None:
        """Run git, unseen; DemoError when it fails."""
        done = subprocess.run(  # noqa: S603  # arguments of our own
            ("git", *arguments),  # noqa: S607  # the git that the user has
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DemoError(f"git {arguments[0]} failed: {done.stderr.strip()}")

    def commit(self, subject: str) -> None:
        """Commit everything in the portfolio."""
        self.tell(f"   $ git commit -am '{subject}'")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", subject)

    def _run(self, named: Sequence[str], arguments: Sequence[str], expect: ExitCode, shown: int) -> str:
        self.tell(f"   $ {' '.join(named)}")
        started = time.monotonic()
        process = subprocess.Popen(  # noqa: S603  # arguments of our own
            arguments,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        late = threading.Timer(COMMAND_TIMEOUT, process.kill)
        late.start()
        try:
            lines = self._relay(process, shown)
        finally:
            late.cancel()
            process.kill()
            code = process.wait()
        self.tell(f"     (exit code {code} after {time.monotonic() - started:.1f} s)")
        if code != expect:
            raise DemoError(f"`{' '.join(named)}` ended with {code}, where {int(expect)} was due")
        return "".join(lines)

    def _relay(self, process: subprocess.Popen[str], shown: int) -> list[str]:
        """Show the output as it comes, up to a number of lines, and return all of it."""
        lines: list[str] = []
        with process.stdout or self.out as stream:
            for line in stream:
                lines.append(line)
                if len(lines) <= shown:
                    self.tell(f"     | {line.rstrip()}")
        process.wait()
        if len(lines) > shown:
            self.tell(f"     | … {len(lines) - shown} more lines")
        return lines


def tell(out: TextIO, *, keep: bool, folder: Path | None = None) -> int:
    """Tell the whole story on `out` and return the exit code: 0 only if everything in it held."""
    from dnsplan.world.loopback import World
    from dnsplan.world.loopback.probe import Probe, Watch

    started = time.monotonic()
    home = _folder(folder)
    try:
        with World.start(ZONES) as world:
            watch = Watch(Probe(world.root_hints, world.port, world.trust_anchor), ZONES)
            watch.start()
            try:
                _tell_all(Stage(out, home, _environment(world)), world)
            finally:
                figures = watch.stop()
        _tell_figures(out, figures, time.monotonic() - started)
    except DsplanError as error:
        out.write(f"\ndemo failed: {error}\n")
        return int(ExitCode.ERROR)
    finally:
        if keep or folder is not None:
            out.write(f"The portfolio is in {home}\n")
        else:
            shutil.rmtree(home, ignore_errors=True)
    return int(ExitCode.OK)


def _folder(wanted: Path | None) -> Path:
    """Return an empty folder; ConfigError when the one asked for holds anything."""
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="dsplan-demo-"))
    if wanted.exists() and any(wanted.iterdir()):
        raise ConfigError(f"{wanted} is not empty", hint="name a folder that does not exist yet")
    wanted.mkdir(parents=True, exist_ok=True)
    return wanted.resolve()


def _environment(world: World) -> dict[str, str]:
    """Return the environment of the commands: no Git settings and no CI of the caller, plain text, the secrets."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GITHUB_", "CI"))}
    return own | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "DEMO_API_KEY": world.api_key,
        "DEMO_TSIG": world.tsig.secret,
    }


def _tell_all(stage: Stage, world: World) -> None:
    _set_up(stage, world)
    _bootstrap(stage, world)
    _roll(stage, world)
    _pause(stage, world)
    _account(stage)


def _set_up(stage: Stage, world: World) -> None:
    stage.tell(f"A DNS world of its own: root, corp (dynamic updates) and is (by hand), on loopback port {world.port}.")
    stage.tell("Every answer is really signed, each zone below has two servers, TTLs are 3 seconds.")
    stage.tell(f"A validating lookup asks for {', '.join(ZONES)} five times a second from now on.")
    stage.chapter("The portfolio: three zones in Git, none of them signed yet")
    (stage.folder / "zones").mkdir()
    (stage.folder / "policies").mkdir()
    text = DSPLAN.format(
        pdns_url=world.pdns_url,
        update_server=world.update_server,
        tsig_name=world.tsig.name,
        tsig_algorithm=world.tsig.algorithm,
        root_hints=", ".join(f'"{address}"' for address in world.root_hints),
        port=world.port,
        trust_anchor=world.trust_anchor,
    )
    (stage.folder / "dsplan.yaml").write_text(text, encoding="utf-8")
    (stage.folder / "policies" / "seconds.yaml").write_text(POLICY, encoding="utf-8")
    for zone in ZONES:
        parent = "isnic" if zone == MANUAL else "corp"
        (stage.folder / "zones" / f"{zone}.yaml").write_text(ZONE.format(zone=zone, parent=parent), encoding="utf-8")
    stage.git("init", "--quiet", "--initial-branch", "main")
    stage.git("config", "user.name", "dsplan demo")
    stage.git("config", "user.email", "demo@dsplan.invalid")
    stage.commit("zones: three zones, to be signed")
    stage.dsplan("validate")
    stage.tell("   What is live, what would be done, and why it is safe:")
    stage.dsplan("plan")


def _bootstrap(stage: Stage, world: World) -> None:
    stage.chapter("Bootstrap below corp: keys and signatures first, the DS when no cache can hold unsigned data")
    stage.dsplan("apply", "--zone", "*.corp", "--yes", "--wait", "1m")
    for zone in (ROLLED, PLAIN):
        ds = _served_ds(world, zone)
        _claim(len(ds) == 1, f"the parent serves one DS of {zone}, not {len(ds)}")
        stage.tell(f"   corp now serves: {zone} DS {ds[0]}")


def _roll(stage: Stage, world: World) -> None:
    stage.chapter(f"A KSK rollover of {ROLLED}: one line in its file asks for it")
    before = _served_keys(world, ROLLED)
    stage.dsplan("roll", ROLLED)
    stage.commit(f"{ROLLED}: roll the KSK")
    stage.dsplan("plan", "--zone", ROLLED)
    stage.dsplan("apply", "--zone", ROLLED, "--yes", "--wait", "1m")
    after = _served_keys(world, ROLLED)
    old, new = ({key for key in keys if key.is_sep} for keys in (before, after))
    _claim(len(old) == 1 and len(new) == 1 and old != new, f"{ROLLED} has exchanged its one KSK for another")
    old_key, new_key = old.pop(), new.pop()
    ds = _served_ds(world, ROLLED)
    _claim({found.key_tag for found in ds} == {new_key.key_tag}, f"the DS of {ROLLED} names the new KSK alone")
    stage.tell(f"   KSK {old_key.key_tag} has gone, KSK {new_key.key_tag} has taken over: {ROLLED} DS {ds[0]}")
    _refuse(stage, old_key, new_key, frozenset(key.id for key in after if not key.is_sep))


def _refuse(stage: Stage, old: Dnskey, new: Dnskey, data_signers: frozenset[str]) -> None:
    """Ask the safety kernel for the classic mistake: the old KSK leaves while its DS may be cached."""
    from dnsplan.engine.kernel import Change, Refusal, admit
    from dnsplan.engine.spans import FOREVER, Span, Spans
    from dnsplan.engine.validators import DsRef, KeySet
    from dnsplan.model.portfolio import Policy

    stage.chapter("What the safety kernel refuses: the same rollover in a hurry")
    stage.tell("   Say the DS was swapped at second 0 on every server, with a TTL of 3 s and a margin of 1 s,")
    stage.tell(f"   and KSK {old.key_tag} is to be withdrawn at second 1:")
    zsks = {(key, 13) for key in data_signers}
    both = KeySet(frozenset({(old.id, 13), (new.id, 13), *zsks}), frozenset({old.id, new.id}))
    hasty = Change(dnskey=KeySet(frozenset({(new.id, 13), *zsks}), frozenset({new.id})))
    spans = Spans(
        ds=(
            Span(frozenset({DsRef(old.id, 13, 2)}), -60, 4, 3, 0),
            Span(frozenset({DsRef(new.id, 13, 2)}), 0, FOREVER, 3, None),
        ),
        dnskey=(Span(both, -30, FOREVER, 3, None),),
        zone=(Span(data_signers, -60, FOREVER, 3, None),),
    )
    early, late = (admit(spans, hasty, second, Policy().validators) for second in (1, 4))
    if not isinstance(early, Refusal) or isinstance(late, Refusal) or early.triple.ds != spans.ds[0]:
        raise DemoError("the safety kernel does not tell a hasty withdrawal from a timely one")
    stage.tell(f"     ! refused: {early.reason}.")
    stage.tell(f"       Counterexample: a resolver that cached DS {old.key_tag} before the swap meets a DNSKEY RRset")
    window = f"from second {early.start} to {early.end} (profile {early.profile})"
    stage.tell(f"       signed by KSK {new.key_tag} alone, {window}.")
    profiles = ", ".join(sorted(late.profiles))
    stage.tell(f"     = admitted at second 4: {late.triples} combinations examined, none fails in {profiles}.")


def _pause(stage: Stage, world: World) -> None:
    stage.chapter(f"{MANUAL}: a registry that people operate, so dsplan pauses")
    stage.dsplan("apply", "--zone", MANUAL, "--yes", "--wait", "1m", "--detailed-exitcode", expect=ExitCode.MANUAL)
    stage.tell("   Exit code 4: a person must act. The runbook says exactly what:")
    runbook = stage.dsplan("runbook", MANUAL, shown=24)
    wanted = sorted({" ".join(found) for found in DS_TEXT.findall(runbook)})
    _claim(len(wanted) == 1, f"the runbook of {MANUAL} names one DS, not {len(wanted)}")
    stage.tell(f"   The registry clerk types: {MANUAL} DS {wanted[0]}")
    world.clerk_set_ds(MANUAL, wanted)
    stage.tell("   The next apply sees it on every server of is and goes on by itself:")
    stage.dsplan("apply", "--zone", MANUAL, "--yes", "--wait", "1m", "--detailed-exitcode")


def _account(stage: Stage) -> None:
    stage.chapter("What is left to do, and what was done")
    stage.dsplan("status")
    stage.dsplan("audit", "log")
    stage.dsplan("audit", "verify")


def _tell_figures(out: TextIO, figures: Figures, seconds: float) -> None:
    """Write what the validating lookup saw; DemoError when a user would have seen a failure."""
    out.write(f"\nThe validating lookup, {figures.lookups} times in {seconds:.0f} s ({figures.queries} DNS queries):\n")
    for zone, verdicts in figures.verdicts.items():
        counts = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in ("insecure", "secure", "bogus"))
        out.write(f"  {zone}: {counts}\n")
    if not figures.clean:
        raise DemoError(f"a user would have seen a failure: {figures.falls[0]}")
    for zone, verdicts in figures.verdicts.items():
        _claim(verdicts["secure"] > 0, f"{zone} became secure")
    out.write("Nothing was ever bogus, and no zone that was secure ceased to be so. Everything held.\n")


def _claim(holds: bool, claim: str) -> None:  # noqa: FBT001  # an assertion
    if not holds:
        raise DemoError(f"this does not hold: {claim}")


def _served_ds(world: World, zone: str) -> list[Ds]:
    from dnsplan.model.records import ds_from_rdata

    return [ds_from_rdata(rdata) for rdata in world.rdata_served(zone, "DS")]


def _served_keys(world: World, zone: str) -> list[Dnskey]:
    from dnsplan.model.records import dnskey_from_rdata

    return [dnskey_from_rdata(rdata) for rdata in world.rdata_served(zone, "DNSKEY")]
