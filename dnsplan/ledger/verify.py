"""Whether the audit branch is whole: linear, each record chained to the one before it, none changed after its outcome.

It needs nothing but the branch, so that anyone with a plain clone can check it offline.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dnsplan.codec import canonical, parse
from dnsplan.codec.ledger import load_history, load_record
from dnsplan.errors import ConfigError
from dnsplan.ledger.plumbing import Plumbing
from dnsplan.model.audit import Record
from dnsplan.model.portfolio import Audit

OUTCOME = frozenset({"outcome", "outcome_at", "operation", "reason", "after", "caches_until"})
"""Fields of a step that are added once, when its outcome becomes known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """Everything holds up to `head`."""

    head: str
    commits: int
    records: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """The first place that does not hold; `commit` and `path` are empty where it concerns the branch as a whole."""

    what: str
    commit: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class _Change:
    status: str
    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class _Commit:
    id: str
    parents: tuple[str, ...]
    changes: tuple[_Change, ...]


def verify(folder: Path, audit: Audit, anchor: str | None = None) -> Verified | Broken:
    """Return that the branch holds, or the first place where it does not.

    `anchor` is a head that was noted elsewhere (`apply` prints it): a branch that was rewritten or cut consistently
    betrays itself only by not containing it.
    """
    plumbing = Plumbing(folder)
    head = plumbing.head(f"refs/heads/{audit.branch}") or plumbing.head(f"refs/remotes/{audit.remote}/{audit.branch}")
    if head is None:
        return Broken(what=f"there is no branch {audit.branch}, neither here nor at {audit.remote}")
    if anchor is not None and plumbing.run(["merge-base", "--is-ancestor", anchor, head]).status != 0:
        return Broken(what=f"the anchor {anchor} is no part of the branch: it was rewritten or cut", commit=head)
    shallow = plumbing.git_dir / "shallow"
    commits = tuple(_log(plumbing, head))
    if shallow.exists() and commits[0].id in shallow.read_text(encoding="ascii").split():
        return Broken(what="this clone holds only the end of the branch: fetch all of it first", commit=commits[0].id)
    broken, records = _chain(plumbing, commits)
    if broken is not None:
        return broken
    return _state(plumbing, head) or Verified(head=head, commits=len(commits), records=records)


def _log(plumbing: Plumbing, head: str) -> Iterator[_Commit]:
    """Yield the commits, the oldest first, with the files that each changed."""
    arguments = ["log", "--reverse", "--no-renames", "--raw", "--no-abbrev", "-m", "--root", "-z", "--format=%x01%H %P"]
    for block in plumbing.must([*arguments, head]).out.decode("utf-8", "replace").split("\x01")[1:]:
        fields = [field.strip("\n") for field in block.split("\0")]
        commit, *parents = fields[0].split()
        rest = [field for field in fields[1:] if field]
        changes = tuple(
            _Change(meta.split()[4], path, meta.split()[2], meta.split()[3])
            for meta, path in zip(rest[::2], rest[1::2], strict=True)
        )
        yield _Commit(commit, tuple(parents), changes)


def _chain(plumbing: Plumbing, commits: tuple[_Commit, ...]) -> tuple[Broken | None, int]:
    wanted = sorted(
        {blob for c in commits for ch in c.changes if ch.path.startswith("applies/") for blob in (ch.old, ch.new)}
        - {"0" * 40}
    )
    blobs = dict(zip(wanted, plumbing.blobs(wanted), strict=True))
    order: list[str] = []
    newest: bytes | None = None
    for number, commit in enumerate(commits):
        if len(commit.parents) > 1 or (number > 0) != bool(commit.parents):
            return Broken(what="the branch is not linear", commit=commit.id), 0
        for change in commit.changes:
            what = _fault(change, order, newest, blobs)
            if what:
                return Broken(what=what, commit=commit.id, path=change.path), 0
            if change.path.startswith("applies/"):
                newest = blobs[change.new]
                if change.status == "A":
                    order.append(change.path)
    return None, len(order)


def _fault(change: _Change, order: list[str], newest: bytes | None, blobs: dict[str, bytes | None]) -> str:
    """Return what is wrong with one changed file; empty if nothing is."""
    if not change.path.startswith("applies/"):
        known = change.path.startswith(("zones/", "due/")) or change.path == "planned.json"
        return "" if known else "a file that does not belong to the ledger"
    if change.status == "D":
        return "a record was removed"
    raw = blobs.get(change.new)
    text = (raw or b"").decode("utf-8", "replace")
    record = _record(text)
    if isinstance(record, str):
        return record
    if change.status == "A":
        expected = None if newest is None else hashlib.sha256(newest).hexdigest()
        return "" if record.previous == expected else "`previous` is not the SHA-256 of the record before it"
    if not order or change.path != order[-1]:
        return "a record was changed after a newer one was added"
    before = (blobs.get(change.old) or b"").decode("utf-8", "replace")
    return "" if _only_outcomes(before, text) else "a record was changed beyond the outcome of its steps"


def _record(text: str) -> Record | str:
    """Return the record of a text, or what is wrong with the text."""
    try:
        record = load_record(text, "the record")
        written = canonical(parse(text, "the record")) + "\n"
    except ConfigError as error:
        return f"the record cannot be read: {error}"
    return record if written == text else "the record is not written the way dsplan writes it"


def _only_outcomes(before: str, after: str) -> bool:
    """Tell whether nothing but outcomes that were missing, and further steps, was added; fields unknown here count."""
    old: Any = parse(before, "the record")
    new: Any = parse(after, "the record")
    if {**old, "steps": None} != {**new, "steps": None} or len(new["steps"]) < len(old["steps"]):
        return False
    return all(
        was == became or (was.get("outcome") is None and _asked(was) == _asked(became))
        for was, became in zip(old["steps"], new["steps"], strict=False)
    )


def _asked(step: dict[str, Any]) -> dict[str, Any]:
    """Return what a step says before its outcome is known."""
    return {name: value for name, value in step.items() if name not in OUTCOME}


def _state(plumbing: Plumbing, head: str) -> Broken | None:
    """Return the first history or index file of the newest commit that cannot be read."""
    listed = plumbing.must(["ls-tree", "-r", "-z", "--name-only", head, "zones/", "due/", "planned.json"]).text
    paths = listed.split("\0")[:-1]
    for path, blob in zip(paths, plumbing.blobs([f"{head}:{path}" for path in paths]), strict=True):
        text = (blob or b"").decode("utf-8", "replace")
        try:
            if path.startswith("zones/"):
                load_history(text, path)
            else:
                parse(text, path)
        except ConfigError as error:
            return Broken(what=f"the file cannot be read: {error}", commit=head, path=path)
    return None
