"""Edits of zone files that change one line and leave every other byte as people wrote it."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Literal

from dnsplan.errors import ConfigError
from dnsplan.model.names import parse_name
from dnsplan.model.portfolio import Portfolio, ZoneName


def set_roll(
    root: Path, portfolio: Portfolio, zone: ZoneName, token: str, *, role: Literal["sep", "zsk"] = "sep"
) -> Path:
    """Write the token for the KSK or CSK (`sep`) or for the ZSK into the zone's file, and return the file.

    ConfigError if it cannot be written.
    """
    path = (root / portfolio.zones[zone].source.file).resolve()
    with path.open(encoding="utf-8", newline="") as stream:
        text = stream.read()
    target, key = _place(_entry(_compose(text), zone), role)
    edited = _with_token(text, target, key, role, json.dumps(token, ensure_ascii=False))
    if not _holds(edited, zone, token, role):
        raise ConfigError(f"{path.name}: its layout does not allow the edit", hint=f"write {key}: {token} by hand")
    _replace(path, edited)
    return path


def _compose(text: str) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).compose(text)


def _entry(document: Any, zone: ZoneName) -> Any:
    zones = _value(document, "zones")
    entries = [document] if zones is None else zones.value
    return next(entry for entry in entries if parse_name(str(_value(entry, "zone").value)) == zone)


def _value(mapping: Any, key: str) -> Any:
    return next((value for name, value in mapping.value if name.value == key), None)


def _place(entry: Any, role: str) -> tuple[Any, str]:
    """Return the mapping that holds the token, and its key there; a bare `roll` is that of the KSK or CSK."""
    roll = _value(entry, "roll")
    if roll is None or not isinstance(roll.value, list):
        return entry, "roll"
    if role == "zsk":
        return roll, "zsk"
    return roll, "csk" if _value(roll, "csk") is not None else "ksk"


def _with_token(text: str, mapping: Any, key: str, role: str, quoted: str) -> str:
    old = _value(mapping, key)
    if role == "zsk" and key == "roll":  # becomes a mapping, so that a bare token of the KSK or CSK stays
        bare = "" if old is None else f"ksk: {text[old.start_mark.index : old.end_mark.index]}, "
        quoted = f"{{{bare}zsk: {quoted}}}"
    if old is not None:
        return text[: old.start_mark.index] + quoted + text[old.end_mark.index :]
    if mapping.flow_style and not mapping.value:
        at = mapping.start_mark.index + 1
        return f"{text[:at]}{key}: {quoted}{text[at:]}"
    first, value = next((pair for pair in mapping.value if pair[0].value == "zone"), mapping.value[0])
    at = value.end_mark.index
    if mapping.flow_style:
        return f"{text[:at]}, {key}: {quoted}{text[at:]}"
    end = text.find("\n", at) + 1
    newline = "\r\n" if "\r\n" in text else "\n"
    line = f"{' ' * first.start_mark.column}{key}: {quoted}"
    return f"{text[:end]}{line}{newline}{text[end:]}" if end else f"{text}{newline}{line}{newline}"


def _holds(text: str, zone: ZoneName, token: str, role: str) -> bool:
    """Tell whether the edited text is YAML that says what was meant."""
    from ruamel.yaml.error import YAMLError

    try:
        target, key = _place(_entry(_compose(text), zone), role)
    except (YAMLError, StopIteration, ValueError, AttributeError):
        return False
    found = _value(target, key)
    return found is not None and found.value == token


def _replace(path: Path, text: str) -> None:
    """Write the whole file or nothing: a full disk must not leave half of it."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
                stream.write(text)
            Path(temporary).chmod(path.stat().st_mode)
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"{path.name} cannot be written: {error.strerror}") from None
