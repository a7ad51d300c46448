"""A network of the lab's own: loopback addresses on which port 53 is free, seen by this process and its children."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from lab_process import LabError, run

CLONE_NEWNET = 0x40000000


@contextmanager
def private_network(addresses: Iterable[str]) -> Iterator[None]:
    """Let this thread, and what it starts, see a fresh loopback with these addresses and nothing else.

    Needs the rights of root. Threads of before stay where they were; the old network is back at the end.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(CLONE_NEWNET):
            reason = os.strerror(ctypes.get_errno())
            raise LabError(f"the lab needs a network namespace of its own: {reason} (run it as root)")
        try:
            run("ip", "link", "set", "lo", "up")
            for address in addresses:  # all of 127/8 is local, but BIND listens only where an interface says so
                run("ip", "address", "add", f"{address}/32", "dev", "lo")
            yield
        finally:
            libc.setns(before, CLONE_NEWNET)
    finally:
        os.close(before)
