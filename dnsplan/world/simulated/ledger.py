"""The ledger of a described world: a dictionary, which survives the crashes of what uses it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dnsplan.model.audit import Record
from dnsplan.model.history import ZoneHistory
from dnsplan.model.portfolio import ZoneName
from dnsplan.model.time import Instant, Seconds


@dataclass(slots=True)
class MemoryLedger:
    """The ledger as a dictionary; it survives crashes."""

    histories: dict[ZoneName, ZoneHistory] = field(default_factory=dict)
    record: Record | None = None
    commits: int = 0

    def read(self, zones: Iterable[ZoneName]) -> Mapping[ZoneName, ZoneHistory]:
        """Return the histories of those zones that have one."""
        return {zone: self.histories[zone] for zone in zones if zone in self.histories}

    def known(self) -> frozenset[ZoneName]:
        """Return every zone that has a history."""
        return frozenset(self.histories)

    def due(self, now: Instant) -> frozenset[ZoneName]:
        """Return zones whose `next_at` is not after `now`."""
        return frozenset(
            zone for zone, history in self.histories.items() if history.next_at is not None and history.next_at <= now
        )

    def planned(self) -> str:
        """Return nothing: a simulated world has no files."""
        return ""

    def commit(
        self, record: Record | None, histories: Sequence[ZoneHistory], *, subject: str, planned: str | None = None
    ) -> str:
        """Keep the histories."""
        del subject, planned
        self.commits += 1
        self.record = record or self.record
        self.histories.update({history.zone: history for history in histories})
        return str(self.commits)

    def newest(self) -> tuple[Record, str] | None:
        """Return the newest record."""
        return None if self.record is None else (replace(self.record), hashlib.sha256(b"").hexdigest())

    def lease_left(self, now: Instant) -> Seconds:
        """Return a lease that never ends: nobody else is here."""
        del now
        return 60
