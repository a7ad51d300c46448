"""The quick yes of a schema is never another answer than that of jsonschema."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ruamel.yaml import YAML
from wide_worlds import wide_world
from worlds import RECIPES, world

from dnsplan.portfolio.schema import _validator, first_breach, fits

ROOT = Path(__file__).parents[3]
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3, 1 << 40, 1.0, 0.5, "", "x", "DS", "1h", "Mon 09:00-17:00 UTC", [], [1],
    ["x", "x"], {}, {"x": 1}, {"env": "X"},
)  # fmt: skip
"""Values put where they may or may not fit."""


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in inner for place in places(part, (*path, key)))]


def spoilt(value: Any, random: Random) -> Any:
    """Return the value with one member replaced, taken out, or added."""
    whole = [copy.deepcopy(value)]
    path = (0, *random.choice(places(value)))
    around = whole
    for key in path[:-1]:
        around = around[key]
    what = around[path[-1]]
    kind = random.choice(("replace", "replace", "remove", "add"))
    if kind == "remove" and len(path) > 1:
        del around[path[-1]]
    elif kind == "add" and isinstance(what, dict):
        what[random.choice(("x", "ttl", "add", "value", "keys", "server", "type"))] = random.choice(ODD)
    elif kind == "add" and isinstance(what, list):
        what.append(random.choice([*what, *ODD]))
    else:
        around[path[-1]] = random.choice(ODD)
    return whole[0]


def documents() -> list[tuple[str, Any]]:
    worlds = [world(recipe, seed, faults=True) for recipe in RECIPES for seed in range(2)]
    worlds += [wide_world(seed, faults=seed % 2 == 1) for seed in range(40)]
    files = [("dsplan", ROOT / "dsplan.yaml"), *(("zone", path) for path in (ROOT / "zones").rglob("*.yaml"))]
    files += [("policy", path) for path in (ROOT / "policies").glob("*.yaml")]
    loaded = [(name, json.loads(json.dumps(YAML(typ="safe").load(path), default=str))) for name, path in files]
    return [("world", one) for one in worlds] + [("policy", one["policy"]) for one in worlds] + loaded


def test_what_is_accepted_is_valid_and_what_is_valid_is_accepted() -> None:
    random, seen = Random(7), {True: 0, False: 0}
    for name, document in documents():
        assert fits(name, document), (name, first_breach(name, document))
        for _ in range(12):
            changed = spoilt(document, random)
            valid = _validator(name).is_valid(changed)
            seen[valid] += 1
            assert fits(name, changed) == valid, (name, changed)
    assert min(seen.values()) > 200, seen


@pytest.mark.parametrize("value", [{"now": object()}, {"until": 10**30}, {"now": "\ud800"}, {1: 2}])
def test_what_is_no_json_is_left_to_the_one_that_explains(value: object) -> None:
    assert not fits("world", value)


def test_a_document_that_is_nested_too_deeply_is_not_accepted() -> None:
    deep: list = []
    for _ in range(100_000):
        deep = [deep]

    assert not fits("world", deep)
