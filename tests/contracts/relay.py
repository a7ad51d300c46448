"""A TCP relay in front of a real server: it counts writes, loses answers after the server has acted, or is dead."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Relay:
    """Forwards connections to a server; `is_write` tells from its first bytes whether a request changes anything."""

    def __init__(self, host: str, port: int, is_write: Callable[[bytes], bool]) -> None:
        self._target = (host, port)
        self._is_write = is_write
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.writes = 0
        self.lose_next_answer = False
        self.after_write: Callable[[], None] = lambda: None
        self.before_write: Callable[[], None] = lambda: None
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Refuse connections from now on."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._target) as server:
            state = {"write": False}
            upward = threading.Thread(target=self._upward, args=(client, server, state), daemon=True)
            upward.start()
            self._downward(client, server, state)
            for end in (client, server):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            upward.join()

    def _upward(self, client: socket.socket, server: socket.socket, state: dict[str, bool]) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if self._is_write(data):
                    state["write"] = True
                    self.writes += 1
                    self.before_write()
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _downward(self, client: socket.socket, server: socket.socket, state: dict[str, bool]) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if state["write"]:
                    state["write"] = False
                    self.after_write()
                    if self.lose_next_answer:
                        self.lose_next_answer = False
                        return
                client.sendall(data)


def is_dns_update(data: bytes) -> bool:
    """Tell whether the first bytes of a message over TCP are those of an UPDATE (opcode 5)."""
    return len(data) > 4 and data[4] >> 3 & 15 == 5


def is_http_change(data: bytes) -> bool:
    """Tell whether a request changes anything."""
    return data.split(b" ", 1)[0] in {b"POST", b"PUT", b"PATCH", b"DELETE"} and b"/cache/flush" not in data[:200]
