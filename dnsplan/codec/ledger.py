"""The ledger's files: a zone's history and a record of an apply."""

from __future__ import annotations

from typing import Any

from dnsplan.codec.canonical import canonical, parse
from dnsplan.codec.values import from_json, to_json
from dnsplan.errors import ConfigError
from dnsplan.model.audit import Record
from dnsplan.model.history import ZoneHistory

HISTORY, RECORD = "dsplan.history/1", "dsplan.record/1"


def dump_history(history: ZoneHistory) -> str:
    """Return the text of a zone's history."""
    return _dump(history, HISTORY)


def load_history(text: str, what: str) -> ZoneHistory:
    """Return the history of its text; ConfigError names `what`."""
    history: ZoneHistory = from_json(ZoneHistory, _parsed(text, what, HISTORY), what)
    return history


def dump_record(record: Record) -> str:
    """Return the text of a record; the next record holds the SHA-256 of exactly these bytes."""
    return _dump(record, RECORD)


def load_record(text: str, what: str) -> Record:
    """Return the record of its text; ConfigError names `what`."""
    record: Record = from_json(Record, _parsed(text, what, RECORD), what)
    return record


def _dump(value: Any, schema: str) -> str:
    data = to_json(value)
    return canonical({"schema": schema, **(data if isinstance(data, dict) else {})}) + "\n"


def _parsed(text: str, what: str, schema: str) -> dict[str, Any]:
    data = parse(text, what)
    if not isinstance(data, dict) or data.get("schema") != schema:
        raise ConfigError(f"{what} is no {schema}")
    return data
