"""The lock of the ledger: a reference that is taken, renewed and released by compare-and-swap.

It points at a commit whose message says who holds it. Whoever does not renew it loses it after a minute; a holder whose
lock was taken cannot write, because every write is made together with the lock.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dnsplan.codec import canonical, from_json, parse, to_json
from dnsplan.errors import LockedError
from dnsplan.ledger.files import Draft, commit_files
from dnsplan.ledger.plumbing import NOTHING
from dnsplan.model.time import Instant, Seconds, format_instant

if TYPE_CHECKING:
    from dnsplan.ledger.references import References
    from dnsplan.ports import Clock

LOCK = "refs/dsplan/lock"
LEASE: Seconds = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class LockInfo:
    """Who holds the lock, for what, and until when."""

    id: str
    operation: str
    actor: str
    created: Instant
    expires: Instant


class Lock:
    """Our side of the lock."""

    def __init__(self, references: References, clock: Clock, actor: str) -> None:
        self._references = references
        self._clock = clock
        self._actor = actor
        self.mine: str | None = None
        self._info: LockInfo | None = None

    def acquire(self, operation: str, timeout: Seconds) -> None:
        """Take the lock; LockedError says who holds it if it is not free within `timeout`."""
        deadline, pause = self._clock.now() + timeout, 1
        while True:
            now = self._clock.now()
            current = self._references.read(LOCK)
            holder = None if current is None else self.info_of(current)
            if current is None or (holder is not None and holder.expires <= now):
                info = LockInfo(
                    id=secrets.token_hex(8), operation=operation, actor=self._actor, created=now, expires=now + LEASE
                )
                if self._swap(info, current):
                    return
            if now >= deadline:
                raise LockedError(_held(holder), hint="wait for it, raise --lock-timeout, or see `dsplan lock status`")
            self._clock.sleep_until(min(deadline, now + pause))
            pause = min(pause * 2, 8)

    def lease_left(self, now: Instant) -> Seconds:
        """Return for how long the lock is ours; renew it when less than half is left. LockedError if it was taken."""
        if self._info is None:
            raise LockedError("the ledger's lock is not held")
        if self._info.expires - now < LEASE // 2 and not self._swap(
            replace(self._info, expires=now + LEASE), self.mine
        ):
            self.mine = self._info = None
            raise LockedError("the ledger's lock was taken by another run", hint="run the command again")
        return self._info.expires - now

    def write_with(self, reference: str, draft: Draft, old: str | None) -> str | None:
        """Make a commit for a reference and prolong the lock, both or none; None if one is not what it must be."""
        if self._info is None or self.mine is None:
            raise LockedError("the ledger's lock is not held")
        now = self._clock.now()
        info = replace(self._info, expires=now + LEASE)
        new, renewed = commit_files(self._references.plumbing, (draft, _draft(info)), now)
        if not self._references.swap_all(((reference, new, old or NOTHING), (LOCK, renewed, self.mine))):
            return None
        self.mine, self._info = renewed, info
        return new

    def release(self) -> None:
        """Give the lock back; one that was taken meanwhile stays as it is."""
        if self.mine is not None:
            self._references.swap(LOCK, NOTHING, self.mine)
        self.mine = self._info = None

    def info_of(self, commit: str) -> LockInfo | None:
        """Return what a lock commit says; None if it cannot be read."""
        text = self._references.message(commit)
        try:
            info: LockInfo = from_json(LockInfo, parse(text, "the lock"), "the lock")
        except Exception:  # noqa: BLE001  # whatever stands there, it is no lock of ours
            return None
        return info

    def _swap(self, info: LockInfo, old: str | None) -> bool:
        (new,) = commit_files(self._references.plumbing, (_draft(info),), self._clock.now())
        if not self._references.swap(LOCK, new, old or NOTHING):
            return False
        self.mine, self._info = new, info
        return True


def _draft(info: LockInfo) -> Draft:
    return Draft(message=canonical(to_json(info)))


def _held(holder: LockInfo | None) -> str:
    if holder is None:
        return "the ledger is locked by a run whose lock this version cannot read"
    until = format_instant(holder.expires)
    return f"the ledger is locked by {holder.actor or 'another run'} for {holder.operation} until {until}"
