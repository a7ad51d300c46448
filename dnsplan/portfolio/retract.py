"""Edits of a zone file that lead back: a token, a goal, pinned keys, a key that is not compromised after all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from dnsplan.errors import ConfigError
from dnsplan.model.portfolio import Portfolio, ZoneIntent
from dnsplan.model.records import Dnskey, parse_dnskey
from dnsplan.portfolio.edit import compose, entry_of, replace_file, value_of, with_value, without_key


def retract(root: Path, portfolio: Portfolio, wanted: ZoneIntent, *, write: bool) -> tuple[Path, tuple[str, ...]]:
    """Bring the zone's file to `wanted` and return it with what changed, one line each; without `write` nothing is.

    Every byte that says something else stays as people wrote it. ConfigError if the layout does not allow the edit.
    """
    served = portfolio.zones[wanted.zone]
    path = (root / served.source.file).resolve()
    with path.open(encoding="utf-8", newline="") as stream:
        text = stream.read()
    lines: list[str] = []
    edited = text
    if wanted.dnssec != served.dnssec:
        edited = with_value(edited, _entry(edited, wanted), "dnssec", wanted.dnssec)
        lines.append(f"dnssec: {wanted.dnssec}")
    if wanted.keys != served.keys and isinstance(wanted.keys, tuple):
        edited = with_value(edited, _entry(edited, wanted), "keys", _pins(wanted.keys))
        lines.append(f"keys: pinned, {', '.join(f'key tag {key.key_tag}' for key in wanted.keys)}")
    if wanted.compromised != served.compromised:
        edited = _with_compromised(edited, wanted)
        lines.append(f"compromised: {len(wanted.compromised)} left" if wanted.compromised else "compromised: taken out")
    if wanted.migrate_to is None and served.migrate_to is not None:
        edited = without_key(edited, _entry(edited, wanted), "migrate_to")
        lines.append("migrate_to: taken out")
    for role in ("sep", "zsk"):
        token, before = getattr(wanted.roll, role), getattr(served.roll, role)
        if token != before:
            edited = _with_token(edited, wanted, before, token)
            lines.append(f"roll: {before} {'taken out' if token is None else f'is {token} again'}")
    if lines and not _says(text, edited, wanted):
        raise ConfigError(f"{path.name}: its layout does not allow the edit", hint=f"by hand: {'; '.join(lines)}")
    if lines and write:
        replace_file(path, edited)
    return path, tuple(lines)


def _entry(text: str, wanted: ZoneIntent) -> Any:
    return entry_of(compose(text), wanted.zone)


def _pins(keys: tuple[Dnskey, ...]) -> str:
    written = (f'{{dnskey: {json.dumps(str(key))}, note: "key tag {key.key_tag}"}}' for key in keys)
    return f"[{', '.join(written)}]"


def _with_compromised(text: str, wanted: ZoneIntent) -> str:
    if not wanted.compromised:
        return without_key(text, _entry(text, wanted), "compromised")
    written = ", ".join(json.dumps(str(key)) for key in wanted.compromised)
    return with_value(text, _entry(text, wanted), "compromised", f"[{written}]")


def _with_token(text: str, wanted: ZoneIntent, before: str | None, token: str | None) -> str:
    """Return the text with a token replaced by that of before, or taken out; `roll` goes with its last token."""
    entry = _entry(text, wanted)
    roll = value_of(entry, "roll")
    mapping, key = entry, "roll"
    if isinstance(roll.value, list):
        key = next(name.value for name, value in roll.value if value.value == before)
        mapping = roll
    if token is not None:
        return with_value(text, mapping, key, json.dumps(token, ensure_ascii=False))
    if mapping is roll and len(roll.value) == 1:
        return without_key(text, entry, "roll")
    return without_key(text, mapping, key)


def _says(before: str, after: str, wanted: ZoneIntent) -> bool:
    """Tell whether the edited text says what was meant, and nothing else than before besides."""
    try:
        old, new = compose(before), compose(after)
        there, was = _plain(entry_of(new, wanted.zone)), _plain(entry_of(old, wanted.zone))
    except (YAMLError, StopIteration, ValueError, AttributeError):
        return False
    roll = there.get("roll", {})
    tokens = list(roll.values()) if isinstance(roll, dict) else [roll]
    edited = {"roll", "keys", "dnssec", "compromised", "migrate_to"}
    rest = {name: value for name, value in was.items() if name not in edited}
    keys = there.get("keys", "auto")
    pinned = tuple(parse_dnskey(pin["dnskey"]) for pin in keys) if isinstance(keys, list) else keys
    return (
        {name: value for name, value in there.items() if name not in edited} == rest
        and there.get("dnssec", "hold") == wanted.dnssec
        and pinned == wanted.keys
        and there.get("migrate_to") == wanted.migrate_to
        and tuple(parse_dnskey(text) for text in there.get("compromised", [])) == wanted.compromised
        and sorted(tokens) == sorted(filter(None, (wanted.roll.sep, wanted.roll.zsk)))
        and _others(old, wanted) == _others(new, wanted)
    )


def _others(document: Any, wanted: ZoneIntent) -> list[Any]:
    """Return what a file says of other zones."""
    zones = value_of(document, "zones")
    entry = entry_of(document, wanted.zone)
    return [] if zones is None else [_plain(node) for node in zones.value if node is not entry]


def _plain(node: Any) -> Any:
    if not isinstance(node.value, list):
        return node.value
    if node.value and isinstance(node.value[0], tuple):
        return {name.value: _plain(value) for name, value in node.value}
    return [_plain(item) for item in node.value]
