"""UDP and TCP listeners of the loopback world: one common port on every address, all in one thread.

An address may be silent, or show changes some seconds late; nothing else distinguishes it from a name server.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from typing import cast

from dnsplan.errors import ObservationError

Respond = Callable[[str, bytes, bool], bytes | None]
"""Takes the address that was asked, the query and whether it came over TCP; None means silence."""

PORT_ATTEMPTS = 50
TCP_IDLE = 10.0


class Listeners:
    """The sockets of all addresses."""

    def __init__(self, addresses: tuple[str, ...], respond: Respond) -> None:
        self._respond = respond
        self.port, self._sockets = _bind(addresses)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="loopback-dns", daemon=True)
        self._ready = threading.Event()

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Close every socket and end the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        closers: list[Callable[[], None]] = []
        for address, udp, tcp in self._sockets:
            closers += loop.run_until_complete(self._listen(address, udp, tcp))
        self._ready.set()
        loop.run_forever()
        for close in closers:
            close()
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    async def _listen(self, address: str, udp: socket.socket, tcp: socket.socket) -> list[Callable[[], None]]:
        transport, _ = await self._loop.create_datagram_endpoint(lambda: _Udp(address, self._respond), sock=udp)
        server = await asyncio.start_server(lambda r, w: self._serve_tcp(address, r, w), sock=tcp)
        return [transport.close, server.close]

    async def _serve_tcp(self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (size,) = struct.unpack("!H", await asyncio.wait_for(reader.readexactly(2), TCP_IDLE))
                response = self._respond(address, await asyncio.wait_for(reader.readexactly(size), TCP_IDLE), True)
                if response is not None:
                    writer.write(struct.pack("!H", len(response)) + response)
                    await writer.drain()
        except (OSError, EOFError, TimeoutError):
            pass
        finally:
            writer.close()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, address: str, respond: Respond) -> None:
        self._address = address
        self._respond = respond
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        response = self._respond(self._address, data, False)
        if response is not None and self._transport is not None:
            self._transport.sendto(response, addr)


def _bind(addresses: tuple[str, ...]) -> tuple[int, list[tuple[str, socket.socket, socket.socket]]]:
    """Return a port that is free for UDP and TCP on every address, with its sockets."""
    for _ in range(PORT_ATTEMPTS):
        bound: list[tuple[str, socket.socket, socket.socket]] = []
        port = 0
        try:
            for address in addresses:
                tcp = _socket(socket.SOCK_STREAM, address, port)
                port = tcp.getsockname()[1]
                bound.append((address, tcp, tcp))
                bound[-1] = (address, _socket(socket.SOCK_DGRAM, address, port), tcp)
        except OSError as error:
            for _, udp, tcp in bound:
                udp.close()
                tcp.close()
            if error.errno not in {13, 48, 98}:
                raise ObservationError(
                    f"this system does not answer on {address}: {error.strerror}",
                    hint="the embedded world needs several addresses of 127.0.0.0/8: Linux has them all; elsewhere "
                    f"add them to the loopback interface, as with `ifconfig lo0 alias {address}`",
                ) from None
            continue
        return port, bound
    raise ObservationError("no port is free on all loopback addresses", hint="end other servers on loopback")


def _socket(kind: socket.SocketKind, address: str, port: int) -> socket.socket:
    created = socket.socket(socket.AF_INET, kind)
    try:
        if kind == socket.SOCK_STREAM:
            created.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            created.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        created.setblocking(False)
        created.bind((address, port))
    except OSError:
        created.close()
        raise
    return created
