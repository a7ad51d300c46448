"""The audit branch as `ports.Ledger`: histories, the due index and the chain of records, one commit for each write.

It touches neither work tree nor index nor any other branch, and writes nothing without the lock.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dnsplan.codec import canonical, parse
from dnsplan.codec.ledger import dump_history, dump_record, load_history, load_record
from dnsplan.errors import LedgerError, LockedError, RefusedError
from dnsplan.ledger.files import PLANNED, commit_files, due_path, history_path, record_path, zone_of
from dnsplan.ledger.lock import LOCK, Lock, LockInfo
from dnsplan.ledger.plumbing import NOTHING, Plumbing
from dnsplan.ledger.references import References
from dnsplan.ledger.verify import Broken, Verified, verify
from dnsplan.model.audit import Record
from dnsplan.model.history import ZoneHistory
from dnsplan.model.portfolio import Audit, ZoneName
from dnsplan.model.time import Instant, Seconds, format_instant, parse_instant
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
        wanted = list(zones)
        texts = self._texts([history_path(zone) for zone in wanted])
        return {
            zone: load_history(text, f"the history of {zone}")
            for zone, text in zip(wanted, texts, strict=True)
            if text is not None
        }

    def known(self) -> frozenset[ZoneName]:
        """Return every zone that has a history."""
        return frozenset(zone_of(path) for path in self._paths("zones/"))

    def due(self, now: Instant) -> frozenset[ZoneName]:
        """Return zones whose `next_at` is not after `now`; only the index up to today is read."""
        days = [path for path in self._paths("due/") if path <= due_path(now)]
        return frozenset(
            zone for text in self._texts(days) for zone, moment in _index(text).items() if parse_instant(moment) <= now
        )

    def planned(self) -> str:
        """Return the configuration that was last planned in full; empty when there is none."""
        text = self._texts([PLANNED])[0]
        data: Any = parse(text, PLANNED) if text else {}
        return str(data.get("config", ""))

    def newest(self) -> tuple[Record, str] | None:
        """Return the newest record and the SHA-256 (hex) of its file."""
        path = self._newest_path(self.head())
        text = self._texts([path])[0] if path else None
        if path is None or text is None:
            return None
        return load_record(text, path), hashlib.sha256(text.encode()).hexdigest()

    def log(self, limit: int) -> tuple[Record, ...]:
        """Return the newest records, the newest first."""
        head = self.head()
        if head is None:
            return ()
        log = ["log", "--format=", "--name-only", "--diff-filter=A", head, "--", "applies"]
        paths = [line for line in self._plumbing.must(log).text.splitlines() if line][:limit]
        texts = self._texts(paths)
        return tuple(load_record(text, path) for path, text in zip(paths, texts, strict=True) if text is not None)

    def show(self, record_id: str) -> Record | None:
        """Return the record of an id; None if there is none."""
        path = next((path for path in self._paths("applies/") if path.endswith(f"/{record_id}.json")), None)
        text = self._texts([path])[0] if path else None
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
            now, parent = self._clock.now(), self.head()
            files = self._files(parent, record, histories)
            if planned is not None:
                files[PLANNED] = canonical({"config": planned, "at": format_instant(now)}) + "\n"
            message = _message(subject, record)
            commit = commit_files(self._plumbing, parent=parent, files=files, message=message, now=now)
            shared = self._references.remote is not None
            if self._lock.swap_with(self._branch, commit, self._theirs if shared else parent):
                self._theirs = commit
                if shared:
                    self._references.follow(self._branch, commit)
                return commit
            if self._references.read(LOCK) != self._lock.mine:
                raise LockedError("the ledger's lock was taken by another run", hint="run the command again")
            self.sync()
        raise LedgerError(
            f"the ledger could not be written: {self._references.refusal}",
            hint="see whether the remote lets this account push the audit branch, then run the command again",
        )

    def _files(
        self, head: str | None, record: Record | None, histories: Sequence[ZoneHistory]
    ) -> dict[str, str | None]:
        files: dict[str, str | None] = {history_path(history.zone): dump_history(history) for history in histories}
        files.update(self._due_files(head, histories))
        if record is not None:
            path, newest = record_path(record.id, record.at), self._newest_path(head)
            text = self._texts([newest], head)[0] if newest else None
            if text is None:
                link = None
            elif newest == path:  # the outcome of the newest record: what it follows stays as it is
                link = load_record(text, path).previous
            else:
                link = hashlib.sha256(text.encode()).hexdigest()
            files[path] = dump_record(replace(record, previous=link))
        return files

    def _due_files(self, head: str | None, histories: Sequence[ZoneHistory]) -> dict[str, str | None]:
        """Return the index files that change: each zone leaves its old day and stands at its new one."""
        moves: dict[str, dict[str, str | None]] = defaultdict(dict)
        paths = [history_path(history.zone) for history in histories]
        for history, known in zip(histories, self._texts(paths, head), strict=True):
            old = None if known is None else load_history(known, f"the history of {history.zone}").next_at
            if old is not None:
                moves[due_path(old)][history.zone] = None
            if history.next_at is not None:
                moves[due_path(history.next_at)][history.zone] = format_instant(history.next_at)
        days = sorted(moves)
        result: dict[str, str | None] = {}
        for day, text in zip(days, self._texts(days, head), strict=True):
            index = {**_index(text), **moves[day]}
            kept = {zone: moment for zone, moment in index.items() if moment is not None}
            if kept or text is not None:
                result[day] = canonical({"zones": dict(kept)}) + "\n" if kept else None
        return result

    def _newest_path(self, commit: str | None) -> str | None:
        if commit is None:
            return None
        log = ["log", "-1", "--format=", "--name-only", "--diff-filter=A", commit, "--", "applies"]
        return self._plumbing.must(log).text.strip() or None

    def _paths(self, folder: str) -> list[str]:
        head = self.head()
        return (
            []
            if head is None
            else self._plumbing.must(["ls-tree", "-r", "-z", "--name-only", head, folder]).text.split("\0")[:-1]
        )

    def _texts(self, paths: Sequence[str], head: str | None = None) -> list[str | None]:
        head = head or self.head()
        if head is None:
            return [None] * len(paths)
        blobs = self._plumbing.blobs([f"{head}:{path}" for path in paths])
        return [None if blob is None else blob.decode("utf-8", "replace") for blob in blobs]

    def _descends(self, newer: str, older: str) -> bool:
        return self._plumbing.run(["merge-base", "--is-ancestor", older, newer]).status == 0


def _index(text: str | None) -> dict[str, str]:
    data: Any = parse(text, "the due index") if text else {}
    return dict(data.get("zones", {}))


def _message(subject: str, record: Record | None) -> str:
    trailers = []
    if record is not None:
        trailers = [f"Config: {record.commit}"] if record.commit else []
        if record.plan:
            trailers.append(f"Plan: {record.plan}")
        if record.authorised_by.merge_commit:
            trailers.append(f"Authorised-by: {record.authorised_by.merge_commit}")
    return subject + "\n" + ("\n" + "\n".join(trailers) + "\n" if trailers else "")
