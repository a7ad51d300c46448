"""Where things stand on the audit branch, and commits made of changed files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dnsplan.ledger.plumbing import NOTHING, Plumbing
from dnsplan.model.time import Instant, format_instant

PLANNED = "planned.json"


def history_path(zone: str) -> str:
    """Return where a zone's history stands; shards keep folders small."""
    name = zone.replace("%", "%25").replace("/", "%2F")  # RFC 2317 names hold slashes
    return f"zones/{hashlib.sha256(zone.encode()).hexdigest()[:2]}/{name}.json"


def zone_of(path: str) -> str:
    """Return the zone whose history stands at a path."""
    return path.rsplit("/", 1)[1].removesuffix(".json").replace("%2F", "/").replace("%25", "%")


def record_path(record_id: str, at: Instant) -> str:
    """Return where a record stands."""
    return f"applies/{format_instant(at)[:10].replace('-', '/')}/{record_id}.json"


def due_path(at: Instant) -> str:
    """Return the index of the day of an instant."""
    return f"due/{format_instant(at)[:10]}.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A commit to be made: files set (None: removed) on top of a parent."""

    message: str
    parent: str | None = None
    files: Mapping[str, str | None] = field(default_factory=dict)


def commit_files(plumbing: Plumbing, drafts: Sequence[Draft], now: Instant) -> list[str]:
    """Return the new commits, in order, all made by one process; no reference points at them yet.

    Nothing is stored as a difference, and little is compressed: a run waits for each write, and Git packs it all anew
    whenever it tidies up.
    """
    stream = b"".join(_draft(draft, number, now) for number, draft in enumerate(drafts, 1)) + b"done\n"
    command = ["fast-import", "--depth=0", "--quiet", "--force", "--done", "--date-format=raw"]
    return plumbing.must(command, stdin=stream).text.split()


def _draft(draft: Draft, mark: int, now: Instant) -> bytes:
    seed = f"{draft.parent}{draft.message}{now}"
    reference = f"refs/dsplan/pending-{hashlib.sha256(seed.encode()).hexdigest()[:12]}"
    lines = [f"commit {reference}\nmark :{mark}\ncommitter dsplan <dsplan@localhost> {now} +0000\n".encode()]
    lines.append(_data(draft.message))
    if draft.parent is not None:
        lines.append(f"from {draft.parent}\n".encode())
    for path, text in sorted(draft.files.items()):
        if text is None:
            lines.append(f"D {path}\n".encode())
        else:
            lines.append(f"M 100644 inline {path}\n".encode() + _data(text))
    lines.append(f"get-mark :{mark}\nreset {reference}\nfrom {NOTHING}\n\n".encode())
    return b"".join(lines)


def _data(text: str) -> bytes:
    raw = text.encode()
    return b"data " + str(len(raw)).encode() + b"\n" + raw + b"\n"
