"""Asks validating resolvers all the time, in a thread, and counts what users would have seen."""

from __future__ import annotations

import random
import select
import socket
import struct
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, product

import dns.flags
import dns.message
import dns.rcode

RATE = 12
"""Questions a second to each resolver about each zone."""
PATIENCE = 6.0
"""Seconds after which a question counts as unanswered."""


Pending = dict[tuple[str, int], tuple[float, str, str, str]]
"""By resolver and query id: when it was asked, the zone, the name and the type."""


@dataclass(frozen=True)
class Failure:
    """A question that a user would have seen fail."""

    at: float
    resolver: str
    name: str
    rrtype: str
    what: str


@dataclass
class Tally:
    """What a resolver answered."""

    asked: int = 0
    answered: int = 0
    secure: int = 0
    servfail: int = 0
    unanswered: int = 0


@dataclass
class Report:
    """Counts by resolver, the failures, and when a zone was last seen insecure and first seen secure."""

    tallies: dict[str, Tally]
    failures: list[Failure] = field(default_factory=list)
    secure_since: dict[tuple[str, str], float] = field(default_factory=dict)
    by_zone: dict[str, Tally] = field(default_factory=dict)

    @property
    def asked(self) -> int:
        """Return how many questions were asked."""
        return sum(tally.asked for tally in self.tallies.values())

    @property
    def servfail(self) -> int:
        """Return how many ended in SERVFAIL or without an answer."""
        return len(self.failures)

    def failed(self, zones: Iterable[str]) -> int:
        """Return how many questions about zones failed."""
        return sum(self.by_zone[zone].servfail + self.by_zone[zone].unanswered for zone in zones)

    def lines(self) -> list[str]:
        """Return a table of the counts by resolver."""
        return [
            f"{name:50} asked {tally.asked:6}  AD {tally.secure:6}  SERVFAIL {tally.servfail:4}  "
            f"unanswered {tally.unanswered:4}"
            for name, tally in self.tallies.items()
        ]

    def line_of(self, zones: Sequence[str], what: str, seconds: float | None = None) -> str:
        """Return a line of the counts of zones, and how long their change took."""
        tallies = [self.by_zone[zone] for zone in zones]
        asked, secure = sum(tally.asked for tally in tallies), sum(tally.secure for tally in tallies)
        line = f"{what:50} asked {asked:6}  AD {secure:6}  SERVFAIL {self.failed(zones):4}"
        return line if seconds is None else f"{line}  {seconds:3.0f} s"


class Prober:
    """Asks for SOA, A and names never asked before in every zone, so that caches are not the only answer."""

    def __init__(
        self, resolvers: Mapping[str, str], zones: Sequence[str], *, seed: int = 1, rate: float = RATE
    ) -> None:
        self._resolvers = dict(resolvers)
        self._zones = list(zones)
        self._random = random.Random(seed)
        self._ids = cycle(range(0x10000))  # at random, two questions in flight would now and then have the same
        self._rate = rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.report = Report(
            tallies={name: Tally() for name in resolvers}, by_zone={zone: Tally() for zone in self._zones}
        )

    def start(self) -> None:
        """Begin; the thread lives in the network of the caller."""
        self._thread.start()

    def stop(self) -> Report:
        """Wait for the last answers and return the report."""
        self._stop.set()
        self._thread.join()
        return self.report

    def _run(self) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            pending: Pending = {}
            due, turn = time.monotonic(), 0
            while not self._stop.is_set() or pending:
                now = time.monotonic()
                if now >= due and not self._stop.is_set():
                    for resolver, zone in product(self._resolvers, self._zones):
                        self._ask(sender, resolver, zone, turn, pending)
                    turn, due = turn + 1, max(due + 1 / self._rate, now - 1)
                wait = min(0.2, max(0.0, due - time.monotonic()))
                while select.select([sender], [], [], wait)[0]:
                    self._take(sender, pending)
                    wait = 0.0
                self._expire(pending)

    def _ask(
        self,
        sender: socket.socket,
        resolver: str,
        zone: str,
        turn: int,
        pending: Pending,
    ) -> None:
        fresh = f"x{self._random.getrandbits(40):x}.{zone}."
        name, rrtype = ((f"{zone}.", "SOA"), (f"{zone}.", "A"), (fresh, "A"), (fresh, "TXT"))[turn % 4]
        query = dns.message.make_query(name, rrtype, use_edns=0, payload=1232)
        query.flags |= dns.flags.AD
        query.id = next(self._ids)
        pending[resolver, query.id] = (time.monotonic(), zone, name, rrtype)
        sender.sendto(query.to_wire(), (self._resolvers[resolver], 53))
        self.report.tallies[resolver].asked += 1
        self.report.by_zone[zone].asked += 1

    def _take(self, sender: socket.socket, pending: Pending) -> None:
        wire, (address, _) = sender.recvfrom(65535)
        resolver = next(name for name, known in self._resolvers.items() if known == address)
        identity, flags = struct.unpack("!HH", wire[:4])
        _, zone, name, rrtype = pending.pop((resolver, identity), (0.0, "", "", ""))
        if not zone:
            return
        secure, failed = bool(flags & dns.flags.AD), flags & 15 not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}
        for tally in (self.report.tallies[resolver], self.report.by_zone[zone]):
            tally.answered += 1
            tally.secure += secure
            tally.servfail += failed
        if failed:
            self._fail(resolver, name, rrtype, dns.rcode.to_text(dns.rcode.Rcode(flags & 15)))
        elif secure:
            self.report.secure_since.setdefault((resolver, zone), time.monotonic())
        else:
            self.report.secure_since.pop((resolver, zone), None)

    def _expire(self, pending: Pending) -> None:
        now = time.monotonic()
        for (resolver, identity), (asked, zone, name, rrtype) in list(pending.items()):
            if now - asked > PATIENCE:
                del pending[resolver, identity]
                for tally in (self.report.tallies[resolver], self.report.by_zone[zone]):
                    tally.unanswered += 1
                self._fail(resolver, name, rrtype, "no answer")

    def _fail(self, resolver: str, name: str, rrtype: str, what: str) -> None:
        self.report.failures.append(
            Failure(at=time.monotonic(), resolver=resolver, name=name, rrtype=rrtype, what=what)
        )
