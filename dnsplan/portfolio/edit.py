"""Edits of zone files that keep comments, order and quoting."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import Any

from dnsplan.errors import ConfigError
from dnsplan.model.names import parse_name
from dnsplan.model.portfolio import Portfolio, ZoneName


def set_roll(root: Path, portfolio: Portfolio, zone: ZoneName, token: str) -> Path:
    """Write `roll: TOKEN` into the zone's file and return the file; ConfigError if it cannot be written."""
    path = root / portfolio.zones[zone].source.file
    yaml, document = _load(path)
    entry = _entry(document, zone)
    if isinstance(entry.get("roll"), dict):
        entry["roll"]["csk" if "csk" in entry["roll"] else "ksk"] = _quoted(token)
    else:
        entry["roll"] = _quoted(token)
    text = io.StringIO()
    yaml.dump(document, text)
    _replace(path, text.getvalue())
    return path


def _quoted(token: str) -> Any:
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    return DoubleQuotedScalarString(token)


def _load(path: Path) -> tuple[Any, Any]:
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096
    return yaml, yaml.load(path.read_text(encoding="utf-8"))


def _entry(document: Any, zone: ZoneName) -> Any:
    entries = document.get("zones", [document])
    return next(entry for entry in entries if parse_name(str(entry["zone"])) == zone)


def _replace(path: Path, text: str) -> None:
    """Write the whole file or nothing: a full disk must not leave half of it."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
            Path(temporary).chmod(path.stat().st_mode)
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"{path.name} cannot be written: {error.strerror}") from None
