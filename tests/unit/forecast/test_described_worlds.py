"""What does not fit into a described world is said with its JSON pointer."""

from __future__ import annotations

import copy
import json

import pytest
from worlds import world

from dnsplan.forecast.worlds import WorldError, read_world

USUAL = world("swap", 1, faults=True)


def changed(path: str, value: object) -> dict:
    document = copy.deepcopy(USUAL)
    *parents, last = path.split("/")
    place = document
    for name in parents:
        place = place[int(name)] if isinstance(place, list) else place[name]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return document


def test_a_world_that_fits_is_read_as_it_is() -> None:
    assert read_world(json.dumps(USUAL)) == USUAL


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        ("now", "yesterday", "/now"),
        ("zone", "a..b", "/zone"),
        ("tick", 0, "/tick"),
        ("truth", None, "/"),
        ("goal/dnssec", "maybe", "/goal/dnssec"),
        ("goal/keys", ["nobody"], "/goal/keys/0"),
        ("start/dnskey/keys", [{"key": "k1", "algorithm": 250, "role": "ksk"}], "/start/dnskey/keys/0/algorithm"),
        ("start/unpublished", [{"key": "k1", "algorithm": 13, "role": "ksk"}], "/start/unpublished/0/key"),
        ("start/ds", [{"key": "k1", "algorithm": 8, "digest_type": 2}], "/start/ds/0/algorithm"),
        ("policy/algorithm", 7, "/policy/algorithm"),
        ("policy/timing/child_margin", "soon", "/policy/timing/child_margin"),
        ("parent/ttl", -1, "/parent/ttl"),
        ("truth/faults", [{"kind": "silent", "server": "child:9", "from": 0, "until": 1}], "/truth/faults/0/server"),
    ],
)
def test_a_world_that_does_not_fit_is_refused_with_its_place(path: str, value: object, pointer: str) -> None:
    with pytest.raises(WorldError) as raised:
        read_world(json.dumps(changed(path, value)))

    assert str(raised.value).startswith(f"{pointer}: "), str(raised.value)
    assert raised.value.identity == USUAL["id"]


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "[" * 100_000, '{"now": NaN}', '"x"'])
def test_what_is_no_world_at_all_is_refused(text: str) -> None:
    with pytest.raises(WorldError):
        read_world(text)
