"""The audit branch as `ports.Ledger`: histories, the due index and the chain of records, one commit for each write.

It touches neither work tree nor index nor any other branch, and writes nothing without the lock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnsplan.codec import canonical, parse
from dnsplan.codec.ledger import load_record
from dnsplan.errors import LedgerError, LockedError, RefusedError
from dnsplan.ledger.changes import due_index, history_files, record_file
from dnsplan.ledger.files import PLANNED, Draft, due_path, zone_of
from dnsplan.ledger.lock import LOCK, Lock, LockInfo
from dnsplan.ledger.plumbing import NOTHING, Plumbing
from dnsplan.ledger.references import References
from dnsplan.ledger.tip import Tip
from dnsplan.ledger.verify import Broken, Verified, verify
from dnsplan.model.audit import Record
from dnsplan.model.history import ZoneHistory
from dnsplan.model.portfolio import Audit, ZoneName
from dnsplan.model.time import Instant, Seconds, format_instant, parse_instant

if TYPE_CHECKING:
    from dnsplan.ports import Clock

RACES = 8
"""How often a write that another write overtook is made anew."""


class GitLedger:
    """The ledger in the Git repository that `folder` belongs to."""

    def __init__(self, folder: Path, audit: Audit, clock: Clock, *, actor: str = "", allow_new: bool = False) -> None:
        if audit.sign:
            raise RefusedError("audit.sign is set, and this version cannot sign the ledger", hint="set it to false")
        self._folder, self._audit = folder, audit
        self._plumbing = Plumbing(folder)
        self._branch = f"refs/heads/{audit.branch}"
        self._clock = clock
        self._references = References(self._plumbing, audit.remote, clock)
        self._tracking = f"refs/remotes/{audit.remote}/{audit.branch}"
        self._allow_new = allow_new
        self._theirs: str | None = None
        self._lock = Lock(self._references, clock, actor)
        self._tip = Tip(self._plumbing, None)

    # Reading -------------------------------------------------------------------------------------------------------
    def head(self) -> str | None:
        """Return the newest commit; it is the anchor for `audit verify`."""
        return self._plumbing.head(self._branch) or self._plumbing.head(self._tracking)

    def sync(self) -> None:
        """Take over what the remote has; LedgerUnreachableError if it does not answer."""
        if self._references.remote is None:
            return
        theirs, ours = self._references.read_whole(self._branch), self.head()
        if theirs is None:
            if ours is not None and not self._allow_new:
                raise RefusedError(
                    "guard new_ledger: this clone knew a ledger, and the remote has none any more",
                    hint="find out who removed it; to go on from what is known here: --allow new_ledger",
                )
            self._theirs = None
            return
        if ours is not None and theirs != ours and not self._descends(theirs, ours):
            raise LedgerError(
                f"the remote's ledger {theirs[:12]} does not continue the one known here, {ours[:12]}",
                hint="it was rewritten or cut: see `dsplan audit verify --anchor`",
            )
        self._theirs = theirs
        self._references.follow(self._branch, theirs)

    def read(self, zones: Iterable[ZoneName]) -> Mapping[ZoneName, ZoneHistory]:
        """Return the histories of those zones that have one."""
        return self._at_head().histories(zones)

    def known(self) -> frozenset[ZoneName]:
        """Return every zone that has a history."""
        return frozenset(zone_of(path) for path in self._at_head().paths("zones/"))

    def due(self, now: Instant) -> frozenset[ZoneName]:
        """Return zones whose `next_at` is not after `now`; only the index up to today is read."""
        tip = self._at_head()
        days = [path for path in tip.paths("due/") if path <= due_path(now)]
        return frozenset(
            zone for text in tip.texts(days) for zone, moment in due_index(text).items() if parse_instant(moment) <= now
        )

    def planned(self) -> str:
        """Return the configuration that was last planned in full; empty when there is none."""
        text = self._at_head().texts([PLANNED])[0]
        data: Any = parse(text, PLANNED) if text else {}
        return str(data.get("config", ""))

    def newest(self) -> tuple[Record, str] | None:
        """Return the newest record and the SHA-256 (hex) of its file."""
        newest = self._at_head().newest()
        if newest is None:
            return None
        path, text = newest
        return load_record(text, path), hashlib.sha256(text.encode()).hexdigest()

    def log(self, limit: int) -> tuple[Record, ...]:
        """Return the newest records, the newest first."""
        tip = self._at_head()
        paths = tip.records()[:limit]
        return tuple(load_record(t, path) for path, t in zip(paths, tip.texts(paths), strict=True) if t is not None)

    def show(self, record_id: str) -> Record | None:
        """Return the record of an id; None if there is none."""
        tip = self._at_head()
        path = next((path for path in tip.paths("applies/") if path.endswith(f"/{record_id}.json")), None)
        text = tip.texts([path])[0] if path else None
        return None if path is None or text is None else load_record(text, path)

    def verify(self, anchor: str | None = None) -> Verified | Broken:
        """Return that the branch holds, or the first place where it does not."""
        return verify(self._folder, self._audit, anchor)

    # The lock ------------------------------------------------------------------------------------------------------
    def acquire(self, operation: str, timeout: Seconds) -> None:
        """Take the lock and the newest state; LockedError if another run holds it for longer than `timeout`."""
        self._lock.acquire(operation, timeout)
        try:
            self.sync()
            self._at_head()
        except BaseException:
            self._lock.release()
            raise

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()

    def lease_left(self, now: Instant) -> Seconds:
        """Return how long the lock is still ours without renewal; renew it when less than half is left."""
        return self._lock.lease_left(now)

    def lock_info(self) -> LockInfo | None:
        """Return who holds the lock; None if nobody does."""
        current = self._references.read(LOCK)
        return None if current is None else self._lock.info_of(current)

    def break_lock(self) -> bool:
        """Remove whoever's lock it is; tell whether there was one."""
        current = self._references.read(LOCK)
        return current is not None and self._references.swap(LOCK, NOTHING, current)

    # Writing -------------------------------------------------------------------------------------------------------
    def commit(
        self, record: Record | None, histories: Sequence[ZoneHistory], *, subject: str, planned: str | None = None
    ) -> str:
        """Write a record and histories in one commit, together with the lock; return the new head."""
        if self._lock.mine is None:
            raise LockedError("the ledger's lock is not held")
        for _ in range(RACES):
            commit = self._written(record, histories, subject=subject, planned=planned)
            if commit is not None:
                return commit
            if self._references.read(LOCK) != self._lock.mine:
                raise LockedError("the ledger's lock was taken by another run", hint="run the command again")
            self.sync()
            self._at_head()
        raise LedgerError(
            f"the ledger could not be written: {self._references.refusal}",
            hint="see whether the remote lets this account push the audit branch, then run the command again",
        )

    def _written(
        self, record: Record | None, histories: Sequence[ZoneHistory], *, subject: str, planned: str | None
    ) -> str | None:
        """Return the commit if the branch still was where this run knows it; nobody else moves it under the lock."""
        shared, now = self._references.remote is not None, self._clock.now()
        parent = self._theirs if shared and self._theirs else self._tip.commit  # ours may not have been able to follow
        tip = self._tip if parent == self._tip.commit else Tip(self._plumbing, parent)
        files = history_files(tip, histories)
        if planned is not None:
            files[PLANNED] = canonical({"config": planned, "at": format_instant(now)}) + "\n"
        newest = None if record is None else record_file(tip, record)
        if newest is not None:
            files[newest[0]] = newest[1]
        draft = Draft(message=_message(subject, record), parent=tip.commit, files=files)
        commit = self._lock.write_with(self._branch, draft, self._theirs if shared else parent)
        if commit is not None:
            self._tip = tip.followed_by(commit, histories, newest)
            self._theirs = commit
            if shared:
                self._references.follow(self._branch, commit)
        return commit

    def _at_head(self) -> Tip:
        """Return the newest commit, with what is known of it."""
        head = self.head()
        if head != self._tip.commit:
            self._tip = Tip(self._plumbing, head)
        return self._tip

    def _descends(self, newer: str, older: str) -> bool:
        return self._plumbing.run(["merge-base", "--is-ancestor", older, newer]).status == 0


def _message(subject: str, record: Record | None) -> str:
    trailers = []
    if record is not None:
        trailers = [f"Config: {record.commit}"] if record.commit else []
        if record.plan:
            trailers.append(f"Plan: {record.plan}")
        if record.authorised_by.merge_commit:
            trailers.append(f"Authorised-by: {record.authorised_by.merge_commit}")
    return subject + "\n" + ("\n" + "\n".join(trailers) + "\n" if trailers else "")
