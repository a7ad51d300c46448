"""The newest commit of the audit branch and what this run knows of its files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dnsplan.codec.ledger import load_history
from dnsplan.ledger.files import history_path
from dnsplan.ledger.plumbing import Plumbing
from dnsplan.model.history import ZoneHistory
from dnsplan.model.portfolio import ZoneName
from dnsplan.model.time import Instant


class Tip:
    """One commit (None: there is none yet); what was read from it or written to it is not read again."""

    def __init__(self, plumbing: Plumbing, commit: str | None) -> None:
        self.commit = commit
        self._plumbing = plumbing
        self._next_at: dict[ZoneName, Instant | None] = {}
        self._newest: tuple[tuple[str, str] | None] | None = None

    def texts(self, paths: Sequence[str]) -> list[str | None]:
        """Return the contents of files; None where there is no such file."""
        if self.commit is None:
            return [None] * len(paths)
        blobs = self._plumbing.blobs([f"{self.commit}:{path}" for path in paths])
        return [None if blob is None else blob.decode("utf-8", "replace") for blob in blobs]

    def paths(self, folder: str) -> list[str]:
        """Return every file under a folder."""
        if self.commit is None:
            return []
        listed = self._plumbing.must(["ls-tree", "-r", "-z", "--name-only", self.commit, folder])
        return listed.text.split("\0")[:-1]

    def histories(self, zones: Iterable[ZoneName]) -> dict[ZoneName, ZoneHistory]:
        """Return the histories of those zones that have one."""
        wanted = list(zones)
        result = {
            zone: load_history(text, f"the history of {zone}")
            for zone, text in zip(wanted, self.texts([history_path(zone) for zone in wanted]), strict=True)
            if text is not None
        }
        self._next_at.update({zone: result[zone].next_at if zone in result else None for zone in wanted})
        return result

    def next_at(self, zones: Sequence[ZoneName]) -> Mapping[ZoneName, Instant | None]:
        """Return when each zone is due next according to its history; None where it is not, or has none."""
        self.histories([zone for zone in zones if zone not in self._next_at])
        return self._next_at

    def records(self) -> list[str]:
        """Return where the records stand, the newest first."""
        return [] if self.commit is None else self._added()

    def newest(self) -> tuple[str, str] | None:
        """Return where the newest record stands, and its text."""
        if self._newest is None:
            path = next(iter([] if self.commit is None else self._added("-1")), None)
            text = self.texts([path])[0] if path else None
            self._newest = (None if path is None or text is None else (path, text),)
        return self._newest[0]

    def followed_by(self, commit: str, histories: Iterable[ZoneHistory], newest: tuple[str, str] | None) -> Tip:
        """Return the commit that was made on this one, with these histories and, if it is not None, this record."""
        result = Tip(self._plumbing, commit)
        result._next_at = {**self._next_at, **{history.zone: history.next_at for history in histories}}
        result._newest = self._newest if newest is None else (newest,)
        return result

    def _added(self, *limit: str) -> list[str]:
        arguments = ["log", *limit, "--format=", "--name-only", "--diff-filter=A", str(self.commit), "--", "applies"]
        return [line for line in self._plumbing.must(arguments).text.splitlines() if line]
