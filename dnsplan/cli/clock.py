"""The only clock of the program."""

from __future__ import annotations

import time

from dnsplan.model.time import Instant

SLICE = 0.1
"""Seconds; a sleep that is woken up ends within it."""


class SystemClock:
    """The machine's own time, in whole seconds."""

    def __init__(self) -> None:
        self._woken = False

    def now(self) -> Instant:
        """Return the present."""
        return int(time.time())  # noqa: TID251  # the one place where the time is read

    def sleep_until(self, instant: Instant) -> None:
        """Return at `instant`, or at once when it is past or after `wake`."""
        while not self._woken and (left := instant - time.time()) > 0:  # noqa: TID251  # same
            time.sleep(min(left, SLICE))

    def wake(self) -> None:
        """End the sleep in progress and every later one; a signal handler may call it."""
        self._woken = True


class FixedClock:
    """A time that was given: `plan --now`."""

    def __init__(self, instant: Instant) -> None:
        self._instant = instant

    def now(self) -> Instant:
        """Return the given time."""
        return self._instant

    def sleep_until(self, instant: Instant) -> None:
        """Move on at once."""
        self._instant = max(self._instant, instant)
