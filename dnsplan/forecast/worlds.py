"""A described world, read and checked: what does not fit is said with its JSON pointer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from dnsplan.errors import ConfigError
from dnsplan.model.names import parse_name
from dnsplan.model.records import ALGORITHMS
from dnsplan.model.time import parse_instant
from dnsplan.portfolio.schema import first_breach


class WorldError(ConfigError):
    """A world that cannot be run; `code` for machines."""

    def __init__(self, code: str, message: str, identity: object = None) -> None:
        super().__init__(message, hint="the form of a world is `dsplan schema world`")
        self.code = code
        self.identity = identity if isinstance(identity, str) else None


def read_world(text: str) -> Mapping[str, Any]:
    """Return the world that a JSON document describes; WorldError says what is wrong and where."""
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise WorldError("BAD_JSON", f"not a JSON document: {_short(error)}") from None
    identity = document.get("id") if isinstance(document, dict) else None
    breach = first_breach("world", document)
    if breach is not None:
        raise WorldError("BAD_WORLD", f"{breach[0]}: {breach[1]}", identity)
    breach = first_breach("policy", {"policy": "world", **document["policy"]})
    if breach is not None:
        raise WorldError("BAD_POLICY", f"/policy{breach[0].rstrip('/')}: {breach[1]}", identity)
    for pointer, message in _contradictions(document):
        raise WorldError("BAD_WORLD", f"{pointer}: {message}", identity)
    world: Mapping[str, Any] = document
    return world


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _short(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]


def _contradictions(world: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what no schema can say: names, times, keys that are named and not there."""
    try:
        parse_instant(world["now"])
    except ValueError as error:
        yield "/now", str(error)
    try:
        parse_name(world["zone"])
    except ValueError as error:
        yield "/zone", str(error)
    yield from _keys(world)
    yield from _servers(world)


def _keys(world: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    start, goal = world["start"], world["goal"]
    held: dict[str, tuple[int, str]] = {}
    for pointer, keys in (
        ("/start/dnskey/keys", start["dnskey"]["keys"]),
        ("/start/unpublished", start.get("unpublished", [])),
    ):
        for index, key in enumerate(keys):
            if key["algorithm"] not in ALGORITHMS:
                yield f"{pointer}/{index}/algorithm", f"no validator knows algorithm {key['algorithm']}"
            if key["key"] in held:
                yield f"{pointer}/{index}/key", f"key {key['key']!r} is there twice"
            held[key["key"]] = (key["algorithm"], key["role"])
    for index, ds in enumerate(start["ds"]):
        if ds["key"] in held and held[ds["key"]][0] != ds["algorithm"]:
            yield f"/start/ds/{index}/algorithm", f"key {ds['key']!r} has algorithm {held[ds['key']][0]}"
    for index, symbol in enumerate(goal.get("keys", [])):
        if symbol not in held:
            yield f"/goal/keys/{index}", f"key {symbol!r} is neither published nor in /start/unpublished"


def _servers(world: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    counts = {
        side: len(lags) if isinstance(lags := world["truth"][f"{side}_propagation"], list) else 1
        for side in ("parent", "child")
    }
    for index, fault in enumerate(world["truth"].get("faults", [])):
        if "server" not in fault:
            continue
        side, _, number = fault["server"].partition(":")
        if int(number) >= counts[side]:
            yield f"/truth/faults/{index}/server", f"there are {counts[side]} {side} servers"
