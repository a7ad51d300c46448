"""Observations as JSON Lines: a header, then one zone a line, so that what was seen once can be judged again."""

from __future__ import annotations

from collections.abc import Iterable

from dnsplan.codec.canonical import canonical, parse
from dnsplan.codec.values import from_json, to_json
from dnsplan.errors import ConfigError
from dnsplan.model.observation import Observation

FORMAT, VERSION = "dsplan.observation", "1.0"


def dump_observations(observations: Iterable[Observation]) -> str:
    """Return the text of a file of observations."""
    header = canonical({"format": FORMAT, "format_version": VERSION})
    return "\n".join([header, *(canonical(to_json(observation)) for observation in observations)]) + "\n"


def load_observations(text: str) -> tuple[Observation, ...]:
    """Return the observations of a file; ConfigError names the line that does not fit."""
    lines = text.split("\n")  # and nothing else: U+2028 may stand inside a text
    header = parse(lines[0], "line 1 of the observations") if lines[0].strip() else None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ConfigError("this file holds no observations", hint="make it with: dsplan observe -o FILE")
    if str(header.get("format_version")).split(".", maxsplit=1)[0] != VERSION.split(".", maxsplit=1)[0]:
        raise ConfigError(
            f"the observations have version {header.get('format_version')!r}; this dsplan reads {VERSION}"
        )
    return tuple(
        from_json(Observation, parse(line, f"line {number} of the observations"), f"line {number}")
        for number, line in enumerate(lines[1:], start=2)
        if line.strip()
    )
