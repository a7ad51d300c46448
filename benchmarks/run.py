"""Figures on this machine, in one run: each line is what was measured and, where there is a peer, the ratio to it.

`python benchmarks/run.py [--zones 200] [--files 1000] [--ledger 10000]`. Nothing leaves loopback.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import dns.asyncquery
import dns.message

from dnsplan.apply import Ports, look
from dnsplan.cli.clock import SystemClock
from dnsplan.engine import plan_zone
from dnsplan.ledger import GitLedger
from dnsplan.model.history import ZoneHistory
from dnsplan.model.observation import ChildAnswer, ParentAnswer
from dnsplan.model.portfolio import Audit, ObserveSettings, Policy, Portfolio, Resolution, ZoneIntent
from dnsplan.observe import Observer

CHILD_SERVERS = ("127.0.53.31", "127.0.53.32")
AT_ONCE = 256
DSPLAN = """\
schema: dsplan/v1
portfolio: benchmark
defaults: {policy: plain, signer: none, parent: desk}
signers:
  none: {type: manual, contact: signer desk}
parents:
  desk: {type: manual, portal: "https://registry.example", contact: registry desk, usual_delay: 2d}
"""


@dataclass(frozen=True)
class Figure:
    """One line of the result."""

    what: str
    seconds: float
    note: str = ""

    def __str__(self) -> str:
        return f"{self.what:<58} {self.seconds * 1000:>9.0f} ms  {self.note}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zones", type=int, default=200)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--ledger", type=int, default=10_000)
    sizes = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for figures in (
            commands(),
            validation(root / "files", sizes.files),
            observation(root, sizes.zones),
            ledger(root / "ledger", sizes.ledger),
        ):
            for figure in figures:
                print(figure, flush=True)


def commands() -> Iterator[Figure]:
    for name in ("--help", "version"):
        run(name)  # the files are in the page cache from here on
        yield Figure(f"dsplan {name}, warm", min(run(name) for _ in range(5)), "best of 5")


def run(*arguments: str, folder: Path | None = None) -> float:
    start = time.perf_counter()
    command = [sys.executable, "-m", "dnsplan", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, text=True)
    if done.returncode:
        raise SystemExit(f"dsplan {' '.join(arguments)}: exit {done.returncode}: {done.stdout}{done.stderr}")
    return time.perf_counter() - start


def portfolio_files(folder: Path, count: int) -> None:
    (folder / "zones").mkdir(parents=True)
    (folder / "policies").mkdir()
    (folder / "dsplan.yaml").write_text(DSPLAN)
    (folder / "policies" / "plain.yaml").write_text("policy: plain\n")
    for number in range(count):
        text = f"zone: z{number}.example\nowner: dns-team\ntags: [prod]\ndnssec: signed\n"
        (folder / "zones" / f"z{number}.example.yaml").write_text(text)


def validation(folder: Path, count: int) -> Iterator[Figure]:
    portfolio_files(folder, count)
    yield Figure(f"dsplan validate, {count} zone files", run("validate", folder=folder))


@contextmanager
def loopback_world(root: Path, zones: list[str]) -> Iterator[dict[str, Any]]:
    """The world in a process of its own, so that it does not share the interpreter with what is measured."""
    facts = root / "world.json"
    command = [sys.executable, "-m", "dnsplan.world.loopback", "--port-file", str(facts)]
    for zone in zones:
        command += ["--zone", zone]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        try:
            while not facts.exists():
                if process.poll() is not None:
                    raise SystemExit("the loopback world did not start")
                time.sleep(0.05)
            yield json.loads(facts.read_text())
        finally:
            process.communicate(timeout=30)  # the world ends with its standard input


def observation(root: Path, count: int) -> Iterator[Figure]:
    zones = [f"z{number}.corp" for number in range(count)]
    portfolio = Portfolio(
        name="benchmark",
        zones={zone: ZoneIntent(zone=zone, dnssec="signed") for zone in zones},
        policies={"default": Policy()},
        signers={},
        parents={},
        accepts={},
        resolution=Resolution(root_hints=()),
    )
    with loopback_world(root, zones) as facts:
        resolution = Resolution(
            root_hints=tuple(facts["root_hints"]), port=facts["port"], trust_anchors=(facts["trust_anchor"],)
        )
        observer = Observer(resolution, ObserveSettings(rate_per_server=100_000), SystemClock())
        ports = Ports(clock=SystemClock(), dns=observer, ledger=None, parent=absent, signer=absent, digest=lambda _: "")
        start = time.perf_counter()
        looks = look(portfolio, tuple(zones), ports)
        ours = time.perf_counter() - start
        for one in looks:
            views = (*one.situation.seen.parent, *one.situation.seen.child)
            if len(views) != 4 or not all(isinstance(view, ParentAnswer | ChildAnswer) for view in views):
                raise SystemExit(f"{one.zone} was not seen in full: {one.situation.seen}")
        start = time.perf_counter()
        for one in looks:
            plan_zone(one.situation)
        planning = time.perf_counter() - start
        plain = asyncio.run(ask_plainly(zones, observer.queries_sent, facts["port"]))
    queries = observer.queries_sent
    yield Figure(f"observe and plan {count} zones", ours, f"{queries} queries")
    yield Figure(f"  of which planning {count} zones", planning)
    yield Figure("plain dnspython, as many queries, nothing validated", plain, f"ratio {ours / plain:.2f}")


def absent(name: str) -> NoReturn:
    raise AssertionError(f"nothing is asked of {name}")


async def ask_plainly(zones: list[str], count: int, port: int) -> float:
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask(number: int) -> None:
        async with gate:
            query = dns.message.make_query(zones[number % len(zones)], "DNSKEY", want_dnssec=True)
            await dns.asyncquery.udp(query, CHILD_SERVERS[number % 2], port=port, timeout=10)

    start = time.perf_counter()
    await asyncio.gather(*(ask(number) for number in range(count)))
    return time.perf_counter() - start


def ledger(folder: Path, count: int) -> Iterator[Figure]:
    portfolio_files(folder, count)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "portfolio")
    clock = SystemClock()
    later = clock.now() + 30 * 86400
    written = GitLedger(folder, Audit(), clock, actor="benchmark")
    written.sync()
    written.acquire("benchmark", 60)
    histories = [ZoneHistory(zone=f"z{number}.example", next_at=later) for number in range(count)]
    start = time.perf_counter()
    written.commit(None, histories, subject="first", planned=git(folder, "rev-parse", "HEAD^{tree}"))
    yield Figure(f"ledger: first commit of {count} zones", time.perf_counter() - start)
    for size in (1, 100):
        best = min(commit_some(written, histories[:size], number) for number in range(5))
        yield Figure(f"ledger: commit of {size} of {count} zones", best, "best of 5")
    written.release()
    yield Figure(f"dsplan apply --due, nothing due in {count} zones", run("apply", "--due", "--yes", folder=folder))


def commit_some(written: GitLedger, histories: list[ZoneHistory], number: int) -> float:
    changed = [replace(history, ns_ttl_star=number + 1) for history in histories]
    start = time.perf_counter()
    written.commit(None, changed, subject="benchmark")
    return time.perf_counter() - start


def git(folder: Path, *arguments: str) -> str:
    names = {f"GIT_{who}_{what}": "bench@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(
        command, capture_output=True, check=True, text=True, env={**os.environ, **names}
    ).stdout.strip()


if __name__ == "__main__":
    main()
