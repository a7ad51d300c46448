"""Planning a portfolio from stored observations and histories, one zone in a hundred in the middle of a rollover.

`python benchmarks/planning.py [--sizes 1000 10000 100000] [--workers 2]`. Nothing is asked of any network. What a zone
takes: its history and its observation are read from their text, the sweep is absorbed, and the zone is planned.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path

from dnsplan.codec.ledger import dump_history, load_history
from dnsplan.codec.observation import dump_observations, load_observations
from dnsplan.engine import absorb, plan_zone
from dnsplan.model.history import ZoneHistory
from dnsplan.model.observation import ChildAnswer, Observation, ParentAnswer
from dnsplan.model.plan import Capabilities, Situation
from dnsplan.model.portfolio import Policy, Roll, ZoneIntent
from dnsplan.model.records import Dnskey, make_ds

NOW = 1_790_000_000
EARLIER = (NOW - 90_000, NOW - 60_000, NOW - 30_000)
IN_FLIGHT = 100
"""One zone in so many is in the middle of a rollover."""
PORTION = 250
POLICY, CAPABILITIES = Policy(), Capabilities(update="replace")
HEADER = dump_observations([])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            stored = Path(folder) / "stored"
            with stored.open("w") as file:
                file.writelines(map(stored_zone, range(size)))
            start, before = time.perf_counter(), processor_time()
            headlines = planned(stored, options.workers)
            seconds, work = time.perf_counter() - start, processor_time() - before
        if sum(headlines.values()) != size or headlines["OK"] != size - len(range(0, size, IN_FLIGHT)):
            raise SystemExit(f"not every zone came out as expected: {dict(headlines)}")
        print(
            f"plan {size:>7} stored zones, {options.workers} processes   {seconds:8.2f} s  "
            f"{size / seconds:8.0f} zones/s  {work:7.2f} s of processors  peak {peak() // 1024} MiB a process",
            flush=True,
        )


def planned(stored: Path, workers: int) -> Counter[str]:
    """Return how many zones came out with each headline; only a few portions are held at once."""
    counts: Counter[str] = Counter()
    with stored.open() as lines, ProcessPoolExecutor(workers) as pool:
        waiting: deque[Future[Counter[str]]] = deque()
        for portion in portions(lines):
            waiting.append(pool.submit(plan_portion, portion))
            if len(waiting) > 2 * workers:
                counts += waiting.popleft().result()
        for future in waiting:
            counts += future.result()
    return counts


def portions(lines: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(lines)
    while portion := list(islice(rest, PORTION)):
        yield portion


def plan_portion(lines: list[str]) -> Counter[str]:
    stored = [line.split("\t") for line in lines]
    observations = load_observations(HEADER + "".join(seen for _, _, seen in stored))
    return Counter(plan(*one[:2], seen) for one, seen in zip(stored, observations, strict=True))


def plan(token: str, history: str, observation: Observation) -> str:
    known = load_history(history, "the history")
    absorbed = absorb(known, observation, policy=POLICY, capabilities=CAPABILITIES)
    return plan_zone(situation(absorbed, observation, token)).headline


def situation(history: ZoneHistory, seen: Observation, token: str) -> Situation:
    intent = ZoneIntent(zone=seen.zone, dnssec="signed", roll=Roll(sep=token or None))
    return Situation(intent=intent, policy=POLICY, capabilities=CAPABILITIES, history=history, seen=seen, now=seen.at)


def stored_zone(number: int) -> str:
    """One line: the token of a rollover, the history as the ledger has it, and the observation of today."""
    zone, token = f"z{number}.example", "" if number % IN_FLIGHT else "roll-1"
    history = ZoneHistory(zone=zone, tokens=(("sep", ""), ("zsk", "")))
    for at in EARLIER:
        seen = observation(zone, at)
        history = absorb(history, seen, policy=POLICY, capabilities=CAPABILITIES)
        history = plan_zone(situation(history, seen, token)).history
    today = dump_observations([observation(zone, NOW)]).removeprefix(HEADER)
    return f"{token}\t{dump_history(history).rstrip()}\t{today}"


def observation(zone: str, at: int) -> Observation:
    """What two servers of the zone and two of its parent answer."""
    ksk, zsk = key(zone, 257), key(zone, 256)
    ns = frozenset({f"ns1.{zone}", f"ns2.{zone}"})
    parent = ParentAnswer(
        address="", ds=(make_ds(zone, ksk, 2),), ttl=3600, trust="secure", ns=ns, ns_ttl=3600
    )  # fmt: skip
    child = ChildAnswer(
        address="", keys=tuple(sorted((ksk, zsk))), key_signers=frozenset({ksk.id}), key_ttl=3600,
        zone_signers=frozenset({zsk.id}), zone_ttl=3600, negative_ttl=900, serial=1, ns=ns, ns_ttl=3600,
        signatures_end=at + 30 * 86400,
    )  # fmt: skip
    return Observation(
        zone=zone,
        at=at,
        parent_zone="example",
        parent=tuple(replace(parent, address=f"192.0.2.{number}") for number in (1, 2)),
        child=tuple(replace(child, address=f"198.51.100.{number}") for number in (1, 2)),
    )


def key(zone: str, flags: int) -> Dnskey:
    return Dnskey(flags=flags, algorithm=13, public_key=hashlib.sha512(f"{zone}/{flags}".encode()).digest())


def processor_time() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def peak() -> int:
    """The largest process so far, in KiB."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


if __name__ == "__main__":
    main()
