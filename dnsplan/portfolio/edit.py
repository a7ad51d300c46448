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
    target, key = _place(entry_of(compose(text), zone), role)
    edited = _with_token(text, target, key, role, json.dumps(token, ensure_ascii=False))
    if not _holds(edited, zone, token, role):
        raise ConfigError(f"{path.name}: its layout does not allow the edit", hint=f"write {key}: {token} by hand")
    replace_file(path, edited)
    return path


def compose(text: str) -> Any:
    """Return the nodes of YAML text, with their places in it."""
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).compose(text)


def entry_of(document: Any, zone: ZoneName) -> Any:
    """Return the mapping of a zone; StopIteration if the document has none."""
    zones = value_of(document, "zones")
    entries = [document] if zones is None else zones.value
    return next(entry for entry in entries if parse_name(str(value_of(entry, "zone").value)) == zone)


def value_of(mapping: Any, key: str) -> Any:
    """Return the value of a key of a mapping; None if it is not there."""
    return next((value for name, value in mapping.value if name.value == key), None)


def _place(entry: Any, role: str) -> tuple[Any, str]:
    """Return the mapping that holds the token, and its key there; a bare `roll` is that of the KSK or CSK."""
    roll = value_of(entry, "roll")
    if roll is None or not isinstance(roll.value, list):
        return entry, "roll"
    if role == "zsk":
        return roll, "zsk"
    return roll, "csk" if value_of(roll, "csk") is not None else "ksk"


def _with_token(text: str, mapping: Any, key: str, role: str, quoted: str) -> str:
    old = value_of(mapping, key)
    if role == "zsk" and key == "roll":  # becomes a mapping, so that a bare token of the KSK or CSK stays
        bare = "" if old is None else f"ksk: {text[old.start_mark.index : old.end_mark.index]}, "
        quoted = f"{{{bare}zsk: {quoted}}}"
    return with_value(text, mapping, key, quoted)


def with_value(text: str, mapping: Any, key: str, written: str) -> str:
    """Return the text with a key of a mapping set to what is written; every other byte stays."""
    old = value_of(mapping, key)
    if old is not None:
        return text[: old.start_mark.index] + written + text[_end(old) :]
    if mapping.flow_style and not mapping.value:
        at = mapping.start_mark.index + 1
        return f"{text[:at]}{key}: {written}{text[at:]}"
    first, value = next((pair for pair in mapping.value if pair[0].value == "zone"), mapping.value[0])
    at = value.end_mark.index
    if mapping.flow_style:
        return f"{text[:at]}, {key}: {written}{text[at:]}"
    end = text.find("\n", at) + 1
    newline = "\r\n" if "\r\n" in text else "\n"
    line = f"{' ' * first.start_mark.column}{key}: {written}"
    return f"{text[:end]}{line}{newline}{text[end:]}" if end else f"{text}{newline}{line}{newline}"


def _end(node: Any) -> int:
    """Return where a value ends; a block collection's own mark stands behind the comments that follow it."""
    if not isinstance(node.value, list) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)


def without_key(text: str, mapping: Any, key: str) -> str:
    """Return the text without a key of a mapping, its whole line where it has one; every other byte stays."""
    pairs = mapping.value
    index = next(number for number, (name, _) in enumerate(pairs) if name.value == key)
    start, end = pairs[index][0].start_mark.index, _end(pairs[index][1])
    following = pairs[index + 1][0].start_mark.index if index + 1 < len(pairs) else None
    if mapping.flow_style:
        if index:
            return text[: _end(pairs[index - 1][1])] + text[end:]
        return text[:start] + text[end if following is None else following :]
    line = text.rfind("\n", 0, start) + 1
    if text[line:start].strip():  # it shares its line with the dash of a list
        return text[:start] + text[end if following is None else following :]
    after = text.find("\n", end) + 1
    return text[:line] + (text[after:] if after else "")


def _holds(text: str, zone: ZoneName, token: str, role: str) -> bool:
    """Tell whether the edited text is YAML that says what was meant."""
    from ruamel.yaml.error import YAMLError

    try:
        target, key = _place(entry_of(compose(text), zone), role)
    except (YAMLError, StopIteration, ValueError, AttributeError):
        return False
    found = value_of(target, key)
    return found is not None and found.value == token


def replace_file(path: Path, text: str) -> None:
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
