"""The log: one event a line, as JSON in a file (`--log-json`) or as text on stderr (`-v`). No secret ever enters it."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from dnsplan.errors import ConfigError
from dnsplan.model.time import format_instant

LOGGER = logging.getLogger("dnsplan")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", {})
        line = {"at": format_instant(int(record.created)), "level": record.levelname.lower(), "event": record.msg}
        return json.dumps({**line, **fields}, sort_keys=True)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", {})
        return " ".join([str(record.msg), *(f"{key}={value}" for key, value in fields.items())])


def open_log(file: Path | None, *, verbose: bool) -> None:
    """Let events go where the options say; ConfigError if the file cannot be written."""
    LOGGER.handlers.clear()
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    LOGGER.addHandler(logging.NullHandler())
    if verbose:
        shown = logging.StreamHandler(sys.stderr)
        shown.setFormatter(_Text())
        LOGGER.addHandler(shown)
    if file is not None:
        try:
            written = logging.FileHandler(file, encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"the log {file} cannot be written: {error.strerror}") from None
        written.setFormatter(_Json())
        LOGGER.addHandler(written)


def event(name: str, **fields: str | int) -> None:
    """Log one event with its fields."""
    LOGGER.info(name, extra={"fields": fields})
