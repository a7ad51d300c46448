"""The line to a simulated provider, by which calls fail as they do at real ones; a described world's never does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dnsplan.errors import AdapterError
from dnsplan.model.portfolio import ZoneName


@dataclass(slots=True)
class Line:
    """Whether calls arrive and answers come back; counts the changes that were really made."""

    is_dead: bool = False
    is_trusted: bool = True
    loses_next_answer: bool = False
    changes: int = 0
    before_change: Callable[[], None] = lambda: None
    after_change: Callable[[], None] = lambda: None

    def reach(self, zone: ZoneName) -> None:
        """Raise AdapterError where no call is taken, so that certainly nothing changes."""
        if self.is_dead:
            raise AdapterError(
                f"{zone}: the simulated provider cannot be reached", hint="check that it runs", retryable=True
            )
        if not self.is_trusted:
            raise AdapterError(
                f"{zone}: the simulated provider refused the credentials", hint="check the credentials of this entry"
            )

    def changed(self, zone: ZoneName) -> None:
        """Note a change; AdapterError when the answer to it is lost."""
        self.changes += 1
        self.after_change()
        if self.loses_next_answer:
            self.loses_next_answer = False
            raise AdapterError(f"{zone}: no answer of the simulated provider", retryable=True, unknown=True)
