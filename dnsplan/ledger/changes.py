"""What a write changes: histories, the days of the due index that zones leave and enter, and a record in the chain."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dnsplan.codec import canonical, parse
from dnsplan.codec.ledger import dump_history, dump_record, load_record
from dnsplan.ledger.files import due_path, history_path, record_path
from dnsplan.ledger.tip import Tip
from dnsplan.model.audit import Record
from dnsplan.model.history import ZoneHistory
from dnsplan.model.time import format_instant


def history_files(tip: Tip, histories: Sequence[ZoneHistory]) -> dict[str, str | None]:
    """Return the files that these histories change; None: the file goes."""
    files: dict[str, str | None] = {history_path(history.zone): dump_history(history) for history in histories}
    moves = _moves(tip, histories)
    days = sorted(moves)
    for day, text in zip(days, tip.texts(days), strict=True):
        index = {**due_index(text), **moves[day]}
        kept = {zone: moment for zone, moment in index.items() if moment is not None}
        if kept or text is not None:
            files[day] = canonical({"zones": dict(kept)}) + "\n" if kept else None
    return files


def record_file(tip: Tip, record: Record) -> tuple[str, str]:
    """Return where a record goes and its text, chained to the newest one before it."""
    path, newest = record_path(record.id, record.at), tip.newest()
    if newest is None:
        link = None
    elif newest[0] == path:  # the outcome of the newest record: what it follows stays as it is
        link = load_record(newest[1], path).previous
    else:
        link = hashlib.sha256(newest[1].encode()).hexdigest()
    return path, dump_record(replace(record, previous=link))


def due_index(text: str | None) -> dict[str, str]:
    """Return the zones of a day's file, each with the moment at which it is due."""
    data: Any = parse(text, "the due index") if text else {}
    return dict(data.get("zones", {}))


def _moves(tip: Tip, histories: Sequence[ZoneHistory]) -> Mapping[str, dict[str, str | None]]:
    """Return what changes in each day's file: a zone leaves its old day and stands at its new one."""
    moves: dict[str, dict[str, str | None]] = defaultdict(dict)
    known = tip.next_at([history.zone for history in histories])
    for history in histories:
        old = known[history.zone]
        if old is not None:
            moves[due_path(old)][history.zone] = None
        if history.next_at is not None:
            moves[due_path(history.next_at)][history.zone] = format_instant(history.next_at)
    return moves
