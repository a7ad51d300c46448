"""Queries over a few UDP sockets: bounded in flight, paced for each server, retried, and TCP where an answer is cut.

No task for each query: a query is a future with a timer, so that one loop can keep thousands in flight. An address
that never answers is given up for the rest of the run, so that one dead server does not cost its time-out per zone.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections import deque
from dataclasses import dataclass, field

import dns.message
import dns.name

from dnsplan.model.observation import Reason
from dnsplan.model.portfolio import ObserveSettings
from dnsplan.observe.wire import is_truncated, matches, new_id, parse, query, question

SOCKETS = 4
BUFFER = 4 * 1024 * 1024
TCP_AT_ONCE = 20
GIVEN_UP_AFTER = 8
"""Queries that fail with all their tries before an address that never answered is asked no more."""


@dataclass(frozen=True, slots=True)
class Failed:
    """No usable answer."""

    reason: Reason
    detail: str = ""


Answer = dns.message.Message | Failed


@dataclass(slots=True)
class _Lane:
    """One server's queue and token bucket: `rate` queries a second, as many at once after a pause."""

    tokens: float
    at: float
    queue: deque[_Pending] = field(default_factory=deque)
    is_ready: bool = False
    timer: asyncio.TimerHandle | None = None
    failures: int = 0
    has_answered: bool = False

    @property
    def is_given_up(self) -> bool:
        return self.failures >= GIVEN_UP_AFTER and not self.has_answered


@dataclass(slots=True, eq=False)
class _Pending:
    address: str
    asked: bytes
    future: asyncio.Future[bytes | Failed]
    lane: _Lane
    tries: int = 0
    key: tuple[int, str, int] | None = None
    timer: asyncio.TimerHandle | None = None


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, owner: Transport, index: int) -> None:
        self._owner, self._index = owner, index

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._owner.received(self._index, data, addr)

    def error_received(self, exc: Exception) -> None:
        """Ignore it: an ICMP error proves nothing, since anybody can send one. The timer decides."""


class Transport:
    """Ask servers at one port; open within a running loop, close when done."""

    def __init__(self, settings: ObserveSettings, port: int) -> None:
        self._settings, self._port = settings, port
        self._sockets: list[asyncio.DatagramTransport] = []
        self._by_family: dict[int, list[int]] = {4: [], 6: []}
        self._pending: dict[tuple[int, str, int], _Pending] = {}
        self._lanes: dict[str, _Lane] = {}
        self._ready: deque[_Lane] = deque()
        self._tcp = asyncio.Semaphore(TCP_AT_ONCE)
        self.sent = 0

    async def open(self) -> None:
        """Open the sockets, each at a random port; a family that this machine lacks stays empty."""
        loop = asyncio.get_running_loop()
        for family, kind in ((4, socket.AF_INET), (6, socket.AF_INET6)):
            for _ in range(SOCKETS if family in self._settings.families else 0):
                try:
                    raw = socket.socket(kind, socket.SOCK_DGRAM)
                except OSError:
                    break
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
                raw.setblocking(False)
                try:
                    raw.bind(("0.0.0.0" if family == 4 else "::", 0))  # noqa: S104  # a client's port
                except OSError:
                    raw.close()
                    break
                index = len(self._sockets)
                made = await loop.create_datagram_endpoint(lambda i=index: _Protocol(self, i), sock=raw)  # type: ignore[misc]  # bound at once
                self._sockets.append(made[0])
                self._by_family[family].append(index)

    def close(self) -> None:
        """Close the sockets; whatever is still in flight fails."""
        lanes = tuple(self._lanes.values())
        for pending in (*self._pending.values(), *(p for lane in lanes for p in lane.queue)):
            if pending.timer:
                pending.timer.cancel()
            pending.future.cancel()
        for lane in lanes:
            if lane.timer:
                lane.timer.cancel()
        for transport in self._sockets:
            transport.close()

    def is_doubtful(self, address: str) -> bool:
        """Tell whether an address has failed and never answered so far."""
        lane = self._lanes.get(address)
        return lane is not None and lane.failures > 0 and not lane.has_answered

    async def ask(self, address: str, name: dns.name.Name, rdtype: int) -> Answer:
        """Return the server's answer to one question, over TCP where UDP cuts it."""
        asked = question(name, rdtype)
        data = await self.send(address, asked)
        if isinstance(data, Failed):
            return data
        if is_truncated(data):
            data = await self._ask_tcp(address, asked)
            if isinstance(data, Failed):
                return data
        message = parse(data)
        return Failed("malformed", "the answer cannot be parsed") if message is None else message

    def send(self, address: str, asked: bytes) -> asyncio.Future[bytes | Failed]:
        """Queue a query; the future holds the bytes of the answer or why there is none."""
        loop = asyncio.get_running_loop()
        lane = self._lanes.get(address)
        if lane is None:
            lane = self._lanes[address] = _Lane(float(self._settings.rate_per_server), loop.time())
        pending = _Pending(address, asked, loop.create_future(), lane)
        if lane.is_given_up:
            _give_up(pending)
        elif not self._by_family[6 if ":" in address else 4]:
            pending.future.set_result(Failed("network", "this machine lacks the address family"))
        else:
            lane.queue.append(pending)
            self._make_ready(lane)
            self._pump()
        return pending.future

    def _make_ready(self, lane: _Lane) -> None:
        if not lane.is_ready and lane.timer is None and lane.queue:
            lane.is_ready = True
            self._ready.append(lane)

    def _pump(self) -> None:
        """Send what the window and the servers' buckets allow, one query of each server in turn."""
        while self._ready and len(self._pending) < self._settings.concurrency:
            lane = self._ready.popleft()
            lane.is_ready = False
            if not lane.queue:
                continue
            delay = self._take_token(lane)
            if delay > 0:
                lane.timer = asyncio.get_running_loop().call_later(delay, self._refilled, lane)
                continue
            self._transmit(lane.queue.popleft())
            self._make_ready(lane)

    def _refilled(self, lane: _Lane) -> None:
        lane.timer = None
        self._make_ready(lane)
        self._pump()

    def _take_token(self, lane: _Lane) -> float:
        """Take one token of the bucket, or return how many seconds it takes until there is one."""
        now, rate = asyncio.get_running_loop().time(), float(self._settings.rate_per_server)
        lane.tokens = min(rate, lane.tokens + (now - lane.at) * rate)
        lane.at = now
        if lane.tokens < 1:
            return max((1 - lane.tokens) / rate, 0.001)
        lane.tokens -= 1
        return 0.0

    def _transmit(self, pending: _Pending) -> None:
        """Send from a random socket with an id that no query from there to this server has in flight."""
        address = pending.address
        index = secrets.choice(self._by_family[6 if ":" in address else 4])
        number = new_id()
        while (index, address, number) in self._pending:
            number = new_id()
        pending.key = (index, address, number)
        self._pending[pending.key] = pending
        pending.tries += 1
        self.sent += 1
        self._sockets[index].sendto(query(number, pending.asked), (address, self._port))
        timeout = self._settings.timeout_ms / 1000 * (1 + 0.5 * (pending.tries - 1))
        pending.timer = asyncio.get_running_loop().call_later(timeout, self._expired, pending)

    def _expired(self, pending: _Pending) -> None:
        self._forget(pending)
        lane = pending.lane
        if pending.tries >= self._settings.tries:
            lane.failures += 1
            _settle(pending, Failed("timeout", f"no answer to {pending.tries} queries"))
            while lane.is_given_up and lane.queue:
                _give_up(lane.queue.popleft())
        else:
            lane.queue.appendleft(pending)
            self._make_ready(lane)
        self._pump()

    def received(self, index: int, data: bytes, source: tuple[str, int]) -> None:
        """Take a datagram if it is the answer to a query in flight; anything else is dropped."""
        if len(data) < 12 or source[1] != self._port:
            return
        number = struct.unpack("!H", data[:2])[0]
        pending = self._pending.get((index, source[0].partition("%")[0], number))
        if pending is None or not matches(data, number, pending.asked):
            return
        self._forget(pending)
        pending.lane.has_answered = True
        _settle(pending, data)
        self._pump()

    def _forget(self, pending: _Pending) -> None:
        if pending.key is not None:
            self._pending.pop(pending.key, None)
        if pending.timer is not None:
            pending.timer.cancel()

    async def _ask_tcp(self, address: str, asked: bytes) -> bytes | Failed:
        number = new_id()
        async with self._tcp:
            self.sent += 1
            try:
                async with asyncio.timeout(self._settings.timeout_ms / 1000 * 2):
                    data = await _over_tcp(address, self._port, query(number, asked))
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                return Failed("truncated", "the answer is cut over UDP, and TCP does not answer")
        return data if matches(data, number, asked) else Failed("malformed", "the answer over TCP does not match")


def _settle(pending: _Pending, result: bytes | Failed) -> None:
    if not pending.future.done():
        pending.future.set_result(result)


def _give_up(pending: _Pending) -> None:
    _settle(pending, Failed("timeout", f"no answer to any of {pending.lane.failures} questions so far"))


async def _over_tcp(address: str, port: int, wire: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(struct.pack("!H", len(wire)) + wire)
        await writer.drain()
        size = struct.unpack("!H", await reader.readexactly(2))[0]
        return await reader.readexactly(size)
    finally:
        writer.close()
