"""Queries over a few UDP sockets: bounded in flight, paced for each server, retried, and TCP where an answer is cut.

No task for each query: a query is a future with a timer, so that one loop can keep thousands in flight.
"""

from __future__ import annotations

import asyncio
import ipaddress
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


@dataclass(frozen=True, slots=True)
class Failed:
    """No usable answer."""

    reason: Reason
    detail: str = ""


Answer = dns.message.Message | Failed


@dataclass(slots=True)
class _Pending:
    address: str
    asked: bytes
    future: asyncio.Future[bytes | Failed]
    tries: int = 0
    key: tuple[int, str, int] | None = None
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class _Pace:
    """A token bucket: `rate` queries a second, as many at once after a pause."""

    tokens: float
    at: float = field(default=0.0)


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, transport: Transport, index: int) -> None:
        self._owner, self._index = transport, index

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._owner.received(self._index, data, addr)

    def error_received(self, exc: Exception) -> None:
        """Ignore it: an ICMP error proves nothing, since anybody can send one. The timer decides."""


class Transport:
    """Ask servers at one port; open within a running loop, close when done."""

    def __init__(self, settings: ObserveSettings, port: int) -> None:
        self._settings, self._port = settings, port
        self._sockets: dict[int, list[asyncio.DatagramTransport]] = {4: [], 6: []}
        self._pending: dict[tuple[int, str, int], _Pending] = {}
        self._waiting: deque[_Pending] = deque()
        self._paces: dict[str, _Pace] = {}
        self._tcp = asyncio.Semaphore(20)
        self.sent = 0

    async def open(self) -> None:
        """Open the sockets, each at a random port; a family that this machine lacks stays empty."""
        loop = asyncio.get_running_loop()
        for family, kind in ((4, socket.AF_INET), (6, socket.AF_INET6)):
            for _ in range(SOCKETS if family in self._settings.families else 0):
                try:
                    raw = socket.socket(kind, socket.SOCK_DGRAM)
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
                    raw.setblocking(False)  # the socket module's own way
                    raw.bind(("0.0.0.0" if family == 4 else "::", 0))  # noqa: S104  # a client's port
                except OSError:
                    break
                index = family * 100 + len(self._sockets[family])
                made = await loop.create_datagram_endpoint(lambda i=index: _Protocol(self, i), sock=raw)  # type: ignore[misc]  # bound at once
                self._sockets[family].append(made[0])

    def close(self) -> None:
        """Close the sockets; whatever is still in flight fails."""
        for pending in (*self._pending.values(), *self._waiting):
            if pending.timer:
                pending.timer.cancel()
            if not pending.future.done():
                pending.future.cancel()
        for transports in self._sockets.values():
            for transport in transports:
                transport.close()

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
        pending = _Pending(address, asked, asyncio.get_running_loop().create_future())
        self._waiting.append(pending)
        self._pump()
        return pending.future

    def _pump(self) -> None:
        while self._waiting and len(self._pending) < self._settings.concurrency:
            pending = self._waiting.popleft()
            if pending.future.done():
                continue
            delay = self._delay(pending.address)
            self._reserve(pending)
            if delay > 0:
                pending.timer = asyncio.get_running_loop().call_later(delay, self._transmit, pending)
            else:
                self._transmit(pending)

    def _delay(self, address: str) -> float:
        """Take one token of the server's bucket; return how long to wait for it."""
        now, rate = asyncio.get_running_loop().time(), float(self._settings.rate_per_server)
        pace = self._paces.setdefault(address, _Pace(rate, now))
        pace.tokens = min(rate, pace.tokens + (now - pace.at) * rate) - 1
        pace.at = now
        return 0.0 if pace.tokens >= 0 else -pace.tokens / rate

    def _reserve(self, pending: _Pending) -> None:
        """Choose a socket and an id that no query to this server has in flight."""
        family = 6 if ":" in pending.address else 4
        number = new_id()
        index = family * 100 + (new_id() % max(1, len(self._sockets[family])))
        while (index, pending.address, number) in self._pending:
            number = new_id()
        pending.key = (index, pending.address, number)
        self._pending[pending.key] = pending

    def _transmit(self, pending: _Pending) -> None:
        assert pending.key is not None  # noqa: S101  # _reserve set it
        index, address, number = pending.key
        family, position = divmod(index, 100)
        sockets = self._sockets[family]
        if not sockets:
            self._finish(pending, Failed("network", "this machine lacks the address family"))
            return
        pending.tries += 1
        self.sent += 1
        try:
            sockets[position].sendto(query(number, pending.asked), (address, self._port))
        except OSError as error:
            self._finish(pending, Failed("network", error.strerror or "cannot send"))
            return
        timeout = self._settings.timeout_ms / 1000 * (1 + 0.5 * (pending.tries - 1))
        pending.timer = asyncio.get_running_loop().call_later(timeout, self._expired, pending)

    def _expired(self, pending: _Pending) -> None:
        self._forget(pending)
        if pending.tries >= self._settings.tries:
            self._finish(pending, Failed("timeout", f"no answer to {pending.tries} queries"))
            return
        self._reserve(pending)
        self._transmit(pending)

    def received(self, index: int, data: bytes, source: tuple[str, int]) -> None:
        """Take a datagram if it is the answer to a query in flight; anything else is dropped."""
        if len(data) < 12 or source[1] != self._port:
            return
        number = struct.unpack("!H", data[:2])[0]
        pending = self._pending.get((index, source[0].partition("%")[0], number))
        if pending is None or not matches(data, number, pending.asked):
            return
        self._finish(pending, data)

    def _forget(self, pending: _Pending) -> None:
        if pending.key is not None:
            self._pending.pop(pending.key, None)
        if pending.timer is not None:
            pending.timer.cancel()

    def _finish(self, pending: _Pending, result: bytes | Failed) -> None:
        self._forget(pending)
        if not pending.future.done():
            pending.future.set_result(result)
        self._pump()

    async def _ask_tcp(self, address: str, asked: bytes) -> bytes | Failed:
        number = new_id()
        timeout = self._settings.timeout_ms / 1000 * 2
        async with self._tcp:
            try:
                async with asyncio.timeout(timeout):
                    reader, writer = await asyncio.open_connection(address, self._port)
                    try:
                        wire = query(number, asked)
                        writer.write(struct.pack("!H", len(wire)) + wire)
                        await writer.drain()
                        size = struct.unpack("!H", await reader.readexactly(2))[0]
                        data = await reader.readexactly(size)
                    finally:
                        writer.close()
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                return Failed("truncated", "the answer is cut over UDP, and TCP does not answer")
        return data if matches(data, number, asked) else Failed("malformed", "the answer over TCP does not match")


def has_route(address: str) -> bool:
    """Tell whether this machine has a route to an address; no packet is sent."""
    kind = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
    try:
        with socket.socket(kind, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 53))
    except OSError:
        return False
    return True
