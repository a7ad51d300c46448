"""A network of the lab's own: loopback addresses on which port 53 is free, seen by this process and its children."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab_process import LabError, run

CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000


@contextmanager
def private_network(addresses: Iterable[str]) -> Iterator[None]:
    """Let this thread, and what it starts, see a fresh loopback with these addresses and nothing else.

    Threads of before stay where they were. For root the old network is back at the end; anybody else becomes root of a
    user namespace, where the system allows it, and stays there until the process ends.
    """
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if os.geteuid():
            _become_root_of_a_namespace()
        _call("unshare", CLONE_NEWNET)
        try:
            run("ip", "link", "set", "lo", "up")
            for address in addresses:  # all of 127/8 is local, but BIND listens only where an interface says so
                run("ip", "address", "add", f"{address}/32", "dev", "lo")
            yield
        finally:
            with suppress(LabError):
                _call("setns", before, CLONE_NEWNET)
    finally:
        os.close(before)


def _become_root_of_a_namespace() -> None:
    user, group = os.geteuid(), os.getegid()
    _call("unshare", CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def _call(function: str, *arguments: int) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), function)(*arguments):
        reason = os.strerror(ctypes.get_errno())
        raise LabError(f"the lab needs a network namespace of its own: {function}: {reason} (run it as root)")
