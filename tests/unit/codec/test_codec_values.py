"""Values as JSON: what the text looks like, and what is said about text that does not fit."""

from __future__ import annotations

from typing import Any

import pytest

from dnsplan.codec import canonical, from_json, parse, sha256_of, to_json
from dnsplan.codec.ledger import dump_history, dump_record, load_history, load_record
from dnsplan.codec.observation import dump_observations, load_observations
from dnsplan.errors import ConfigError, ExitCode
from dnsplan.model.audit import AuthorisedBy, Record, StepRecord
from dnsplan.model.history import DnskeyContent, DsContent, RRsetVersion, ZoneHistory
from dnsplan.model.observation import Observation, ParentAnswer, Unreachable
from dnsplan.model.records import Dnskey, make_ds

KEY = Dnskey(flags=257, algorithm=13, public_key=bytes(range(64)))
DS = make_ds("a.example", KEY, 2)
SIGNED = DnskeyContent(keys=(KEY,), signers=frozenset({KEY.id}))
HISTORY = ZoneHistory(
    zone="a.example",
    ds=(RRsetVersion(content=DsContent(ds=(DS,)), first=0, everywhere=86400, ttl_star=3600),),
    dnskey=(RRsetVersion(content=SIGNED, first=5, everywhere=None, ttl_star=7),),
    servers=frozenset({"192.0.2.9", "192.0.2.10"}),
)


def test_canonical_json_is_sorted_and_has_no_spaces_and_keeps_utf8() -> None:
    assert canonical({"b": [1, True, None], "a": "ü"}) == '{"a":"ü","b":[1,true,null]}'
    assert sha256_of({}) == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_instants_are_times_and_durations_numbers_and_records_their_presentation_form() -> None:
    data: Any = to_json(HISTORY)

    version = data["ds"][0]
    assert version["first"] == "1970-01-01T00:00:00Z"
    assert version["everywhere"] == "1970-01-02T00:00:00Z"
    assert version["ttl_star"] == 3600
    assert version["content"] == {"kind": "DsContent", "ds": [str(DS)]}
    assert data["dnskey"][0]["content"]["keys"] == [str(KEY)]
    assert data["dnskey"][0]["everywhere"] is None
    assert data["servers"] == ["192.0.2.10", "192.0.2.9"]
    assert data["next_at"] is None
    assert from_json(ZoneHistory, data) == HISTORY


def test_a_history_and_a_record_come_back_and_a_record_has_the_keys_of_the_contract() -> None:
    step = StepRecord(zone="a.example", id="s", op="ds.set", intent_at=1, before=(str(DS),), target="{}", proof="{}")
    record = Record(
        id="r", previous=None, commit="c", tool_version="1", actor="a", run_url="",
        authorised_by=AuthorisedBy(approvers=("x",)), steps=(step,), at=5,
    )  # fmt: skip

    data: Any = parse(dump_record(record), "r")

    assert load_record(dump_record(record), "r") == record
    assert load_history(dump_history(HISTORY), "h") == HISTORY
    assert data.keys() >= {
        "schema", "id", "previous", "commit", "tool_version", "actor", "run_url", "authorised_by", "steps",
        "guards_lifted",
    }  # fmt: skip
    assert data["authorised_by"].keys() >= {"pull_request", "merge_commit", "approvers"}
    assert data["steps"][0].keys() >= {"intent_at", "before", "target", "proof", "operation", "outcome", "after"}
    assert data["steps"][0]["intent_at"] == "1970-01-01T00:00:01Z"


def test_unknown_fields_are_ignored_and_defaults_fill_what_is_absent() -> None:
    assert from_json(ZoneHistory, {"zone": "a.example", "colour": [{}]}) == ZoneHistory(zone="a.example")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("ds", 0, "first"), 7, "document.ds[0].first is not text"),
        (("ds", 0, "first"), "yesterday", "document.ds[0].first"),
        (("ds", 0, "first"), "2026-01-01T00:00:00", "has no time zone"),
        (("ds", 0, "ttl_star"), True, "document.ds[0].ttl_star is not a whole number"),
        (("ds", 0, "ttl_star"), 2**60, "document.ds[0].ttl_star is not a number up to"),
        (("ds", 0, "content"), {"kind": ["DsContent"]}, "document.ds[0].content is not one of"),
        (("ds", 0, "content", "ds", 0), "1 2", "document.ds[0].content.ds[0]"),
        (("dnskey", 0, "content", "keys"), {}, "document.dnskey[0].content.keys is not a list"),
        (("servers",), "192.0.2.1", "document.servers is not a list"),
        (("tokens",), [["sep"]], "document.tokens[0] is not a list of 2"),
        (("ds", 0), [], "document.ds[0] is not an object"),
        (("departed",), [{"address": "x", "side": "up", "until": None}], "document.departed[0].side is not one of"),
        (("departed",), [{}], "document.departed[0] is not complete: address, side, until is missing"),
    ],
)
def test_what_does_not_fit_is_named_by_its_path(path: tuple[Any, ...], value: object, said: str) -> None:
    data: Any = to_json(HISTORY)
    at = data
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = value

    with pytest.raises(ConfigError) as caught:
        from_json(ZoneHistory, data)

    assert said in str(caught.value)
    assert caught.value.exit_code is ExitCode.ERROR


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a":', "is not JSON"),
        ("", "is not JSON"),
        ('{"a": 1.5}', "only integers"),
        ('{"a": NaN}', "only integers"),
        ('{"a": 1, "a": 2}', "same key twice"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": "\\ud800"}', "half a character"),
        ('{"a": "\udc80"}', "half a character"),
        ("1" * 5000, "is not JSON"),
    ],
)
def test_text_that_is_no_canonical_json_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse(text, "the plan")


def test_a_history_of_another_schema_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"is no dsplan\.history/1"):
        load_history(dump_history(HISTORY).replace("history/1", "history/2"), "h")


def test_observations_come_back_whatever_stands_in_their_texts() -> None:
    answer = ParentAnswer(address="192.0.2.1", ds=(DS,), ttl=3600, trust="secure")
    silent = Unreachable(address="192.0.2.2", reason="timeout", detail="line\u2028and\nline \u0085")
    seen = Observation(zone="a.example", at=1, parent_zone="example", parent=(answer, silent), child=(silent,))

    assert load_observations(dump_observations([seen, seen])) == (seen, seen)
    assert load_observations(dump_observations([])) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no observations"),
        ('{"format":"dsplan.plan"}', "no observations"),
        ('{"format":"dsplan.observation","format_version":"2.0"}', "version '2.0'"),
        ('{"format":"dsplan.observation","format_version":"1.9"}\n{"zone":', "line 2 of the observations is not JSON"),
        ('{"format":"dsplan.observation","format_version":"1.0"}\n[]', "line 2 is not an object"),
    ],
)
def test_a_file_that_holds_no_observations_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_observations(text)
