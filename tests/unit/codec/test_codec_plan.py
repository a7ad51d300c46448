"""The plan document: its layout, its id, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from plan_samples import plan

from dnsplan.codec import canonical, parse, sha256_of
from dnsplan.codec.plan import dump_plan, load_plan, plan_id_matches, read_document, with_plan_id
from dnsplan.errors import ConfigError


def document() -> dict[str, Any]:
    return read_document(dump_plan(plan()))


def sealed(changed: dict[str, Any]) -> str:
    rest = {name: value for name, value in changed.items() if name != "plan_id"}
    return canonical({**rest, "plan_id": sha256_of(rest)})


def test_a_plan_comes_back_with_the_same_bytes() -> None:
    text = dump_plan(plan())

    assert load_plan(text) == plan()
    assert dump_plan(load_plan(text)) == text


def test_the_document_has_the_layout_of_the_contract() -> None:
    data = document()

    assert data.keys() >= {
        "format", "format_version", "plan_id", "created", "expires", "repo", "selector", "partial", "observed",
        "summary", "zones", "unmanaged",
    }  # fmt: skip
    assert data["created"] == "1970-01-01T00:16:40Z"
    assert data["repo"] == {"commit": "c" * 40, "dirty": False, "config_digest": "sha256:0"}
    assert data["zones"][0].keys() >= {
        "zone", "parent", "policy", "source", "headline", "move", "timeline", "observed", "desired", "findings",
        "proof", "fingerprint",
    }  # fmt: skip
    assert data["zones"][0]["move"]["kind"] == "Step"
    assert data["zones"][0]["proof"]["triples"] == 12
    assert data["zones"][1]["move"]["kind"] == "NeedsHuman"
    assert data["zones"][3].keys() == {"zone", "headline", "fingerprint", "policy", "digest"}
    assert data["summary"] == {
        "zones": 4, "unchanged": 1, "changes": 3, "waiting": 0, "manual": 0, "blocked": 0, "ds_add": 2, "ds_remove": 2,
    }  # fmt: skip


def test_the_id_is_the_hash_of_everything_else_and_a_changed_plan_is_refused() -> None:
    data = document()
    assert plan_id_matches(data)
    assert with_plan_id(replace(plan(), plan_id="")).plan_id == data["plan_id"]

    data["zones"][0]["desired"]["ds"] = []

    assert not plan_id_matches(data)
    with pytest.raises(ConfigError, match="plan_id does not match"):
        load_plan(canonical(data))


def test_a_newer_minor_version_with_unknown_fields_is_read_and_a_newer_major_is_not() -> None:
    newer = {**document(), "format_version": "1.7", "mood": {"x": [1]}}
    assert load_plan(sealed(newer)).zones == plan().zones

    with pytest.raises(ConfigError, match=r"format version '2\.0'"):
        load_plan(sealed({**newer, "format_version": "2.0"}))
    with pytest.raises(ConfigError, match="not a dsplan plan"):
        load_plan("[]")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("created", 5, r"plan\.created is not text"),
        ("repo", [], "commit, config_digest, dirty is missing"),
        ("observed", None, r"plan\.observed_at"),
        ("zones", {}, r"plan\.zones is not a list"),
        ("zones", [7], r"plan\.zones\[0\] is not an object"),
        ("zones", [{"zone": "a.example"}], r"plan\.zones\[0\] is not complete: .*policy is missing"),
        ("selector", [["a"]], r"plan\.selector\[0\]"),
        ("partial", 1, r"plan\.partial is not true or false"),
    ],
)
def test_a_document_that_does_not_fit_names_the_place(name: str, value: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_plan(sealed({**document(), name: value}))


def test_a_plan_that_was_cut_off_is_refused() -> None:
    text = dump_plan(plan())
    for length in range(0, len(text) - 2, 97):
        with pytest.raises(ConfigError):
            load_plan(text[:length])
    assert parse(text, "plan")
