"""Where things stand on the audit branch, and one commit made of changed files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

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


def commit_files(
    plumbing: Plumbing, *, parent: str | None, files: Mapping[str, str | None], message: str, now: Instant
) -> str:
    """Return a new commit on `parent` with these files set (None: removed); no reference points at it yet."""
    reference = f"refs/dsplan/pending-{hashlib.sha256(f'{parent}{message}{now}'.encode()).hexdigest()[:12]}"
    lines: list[bytes] = [f"commit {reference}\nmark :1\ncommitter dsplan <dsplan@localhost> {now} +0000\n".encode()]
    lines.append(_data(message))
    if parent is not None:
        lines.append(f"from {parent}\n".encode())
    for path, text in sorted(files.items()):
        if text is None:
            lines.append(f"D {path}\n".encode())
        else:
            lines.append(f"M 100644 inline {path}\n".encode() + _data(text))
    lines.append(f"get-mark :1\nreset {reference}\nfrom {NOTHING}\n\ndone\n".encode())
    made = plumbing.must(["fast-import", "--quiet", "--force", "--done", "--date-format=raw"], stdin=b"".join(lines))
    return made.text.split()[-1]


def _data(text: str) -> bytes:
    raw = text.encode()
    return b"data " + str(len(raw)).encode() + b"\n" + raw + b"\n"
