"""Daemons of the lab: started with their log in a folder, waited for, and ended by their own process id."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


class LabError(Exception):
    """The lab itself does not work; the message ends with the log of the daemon concerned."""


@dataclass
class Daemon:
    """A running process and its log."""

    name: str
    log: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    def tail(self) -> str:
        """Return the end of the log."""
        return self.log.read_text(errors="replace")[-3000:]

    def wait_until(self, holds: Callable[[], bool], what: str, seconds: float = 15) -> None:
        """Return as soon as a condition holds; LabError when it does not in time or the process has ended."""
        give_up = time.monotonic() + seconds
        while not holds():
            if self.process.poll() is not None:
                raise LabError(f"{self.name} ended with {self.process.returncode} before {what}\n{self.tail()}")
            if time.monotonic() > give_up:
                raise LabError(f"{self.name}: not {what} within {seconds} s\n{self.tail()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the process, at first politely."""
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)


def start(name: str, folder: Path, *argv: str) -> Daemon:
    """Start a daemon in the foreground; it ends with its parent should that be killed."""
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *argv], cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    return Daemon(name=name, log=log, process=process)


def run(*argv: str, cwd: Path | None = None, stdin: str = "") -> str:
    """Return the output of a command; LabError when it fails."""
    done = subprocess.run(argv, cwd=cwd, input=stdin, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        raise LabError(f"{' '.join(argv)} ended with {done.returncode}: {done.stdout} {done.stderr}")
    return done.stdout


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port above 1024 that is free for UDP and TCP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind((address, 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind((address, port))
            except OSError:
                continue
            return port
