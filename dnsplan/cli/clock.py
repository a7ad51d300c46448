"""The only clock of the program."""

from __future__ import annotations

import time

from dnsplan.model.time import Instant


class SystemClock:
    """The machine's own time, in whole seconds."""

    def now(self) -> Instant:
        """Return the present."""
        return int(time.time())  # noqa: TID251  # the one place where the time is read

    def sleep_until(self, instant: Instant) -> None:
        """Return at `instant`, or at once when it is past; a signal ends it early."""
        left = instant - time.time()  # noqa: TID251  # same
        if left > 0:
            time.sleep(left)


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
