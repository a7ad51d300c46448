"""The described world does what its contract says, faults included."""

from __future__ import annotations

import pytest
from oracle import violations
from worlds import RECIPES, ds, world

from dnsplan.forecast import simulate


def steady(recipe: str) -> dict:
    """Return a world of one server a side, without delays, in which every gate is as long as it must be."""
    described = world(recipe, 0, gates_exact=True)
    described["tick"], described["until"] = 1, 2000
    described["policy"]["ds"]["digest_types"] = ["SHA-256"]
    described["policy"]["timing"]["sweeps"] = {"count": 1, "spacing": "0s"}
    described["start"]["ds"] = [ds("k1")] if described["start"]["ds"] else []
    described["parent"].update(max_ds=1 if recipe == "swap" else 4, checks_dnskey=False)
    described["truth"] |= {"child_propagation": 0, "parent_propagation": 0, "registration": 0, "past": []}
    return described


def of(result: dict, rrset: str) -> list[dict]:
    return [event for event in result["events"] if event["rrset"] == rrset]


def test_registration_delays_are_taken_in_the_order_of_accepted_calls() -> None:
    described = steady("add-first")
    described["truth"]["registration"] = [7, 30]
    described["truth"]["faults"] = [{"kind": "rejected", "call": 1}]

    result = simulate(described)

    assert [event["at"] - event["call"] for event in of(result, "DS")] == [7, 30]
    assert result["parent_calls"] == 3
    assert result["reached"]


def test_a_swallowed_call_is_repeated_once_the_registration_budget_is_over() -> None:
    described = steady("swap")
    calm = simulate(described)
    described["truth"]["faults"] = [{"kind": "swallowed", "call": 1}]

    result = simulate(described)

    assert of(result, "DS")[0]["call"] - of(calm, "DS")[0]["call"] == 200
    assert result["parent_calls"] == calm["parent_calls"] + 1


def test_the_process_may_die_after_a_call_that_was_refused() -> None:
    described = steady("swap")
    calm = simulate(described)
    call = calm["calls"] - 2  # the key, the publication, the swap, the withdrawal, the deletion
    described["truth"]["faults"] = [{"kind": "rejected", "call": 1}, {"kind": "crash", "call": call, "when": "after"}]

    result = simulate(described)

    assert result["reached"]
    assert result["calls"] == calm["calls"] + 1
    assert len(of(result, "DS")) == 1


def test_a_frozen_server_takes_the_change_when_it_thaws() -> None:
    described = steady("bootstrap")
    described["truth"]["child_propagation"] = [0, 3]
    described["truth"]["faults"] = [{"kind": "frozen", "server": "child:1", "from": 2, "until": 90}]

    first = of(simulate(described), "DNSKEY")[0]

    assert first["everywhere"] == 90 + described["truth"]["unseen"]["child"]


def test_a_parent_that_takes_keys_makes_the_digests_itself() -> None:
    described = steady("add-first")
    described["parent"].update(form="dnskey", digest_types=[2, 4], max_ds=2, update="replace")

    result = simulate(described)

    assert [(d["key"], d["digest_type"]) for d in of(result, "DS")[-1]["value"]] == [("new-ksk-1", 2), ("new-ksk-1", 4)]
    assert result["reached"]


def test_keys_that_only_the_past_names_do_no_harm() -> None:
    described = steady("swap")
    described["truth"]["past"] = [
        {"rrset": "DS", "until": 0, "ttl": 5, "value": [ds("k0"), ds("k1")]},
        {"rrset": "ZONE", "until": 0, "ttl": 5, "value": {"signers": ["z0"]}},
    ]

    assert simulate(described)["reached"]


def test_no_run_takes_place_while_ci_is_down() -> None:
    described = steady("bootstrap")
    described["truth"]["faults"] = [{"kind": "no_run", "from": 0, "until": 50}]

    result = simulate(described)

    assert min(event["call"] for event in result["events"]) == 50
    assert result["reached"]


def test_a_repair_before_the_rollover_that_was_asked_for_is_not_yet_the_goal() -> None:
    described = steady("add-first")
    described["truth"]["faults"] = [{"kind": "silent", "server": "parent:0", "from": 0, "until": 60}]
    described["truth"]["changes"] = [{"at": 50, "rrset": "DS", "value": []}]

    result = simulate(described)

    assert result["reached"]
    assert [d["key"] for d in of(result, "DS")[-1]["value"]] == ["new-ksk-1"]


def test_two_changes_in_one_run_are_both_remembered() -> None:
    described = steady("csk")
    described["truth"]["registration"] = 30
    described["parent"].update(update="replace", max_ds=1)

    result = simulate(described)

    both = [e for e in of(result, "DS") if e["call"] in {e["call"] for e in of(result, "ZONE")}]
    assert both
    assert result["parent_calls"] == len(of(result, "DS"))


def test_of_several_single_records_the_one_that_can_go_first_is_waited_for() -> None:
    described = steady("insecure")
    described["start"]["ds"] = [ds("k1"), ds("k2")]
    described["start"]["unpublished"] = [{"key": "k2", "algorithm": 13, "role": "ksk"}]
    described["parent"]["update"] = "one-at-a-time"

    result = simulate(described)

    assert [[d["key"] for d in event["value"]] for event in of(result, "DS")] == [["k1"], []]
    assert result["reached"]


def fine(**truth: object) -> dict:
    """Return a world that is as it should be from the start."""
    described = steady("zsk")
    described["goal"] = {"dnssec": "signed"}
    described["truth"] |= truth
    return described


def test_what_nothing_must_be_done_for_is_reached_when_it_is_confirmed() -> None:
    swept, lagging, silent = fine(), fine(parent_propagation=[0, 9]), fine(child_propagation=[0, 0])
    swept["policy"]["timing"]["sweeps"] = {"count": 3, "spacing": "10s"}
    lagging["truth"]["past"] = [{"rrset": "DS", "until": 0, "ttl": 9, "value": [ds("k0"), ds("k1")]}]
    silent["truth"]["faults"] = [{"kind": "silent", "server": "child:1", "from": 0, "until": 50}]

    assert [simulate(described)["reached_at"] for described in (fine(), swept, lagging, silent)] == [0, 20, 9, 50]


def test_the_ds_of_a_key_that_the_signer_holds_is_ours() -> None:
    described = fine()
    described["start"]["ds"] = [ds("k1"), ds("k2")]
    described["start"]["unpublished"] = [{"key": "k2", "algorithm": 13, "role": "ksk"}]

    result = simulate(described)

    assert of(result, "DS")[-1]["value"] == [ds("k1")]
    assert result["reached"]


@pytest.mark.parametrize("roll", ["none", "ksk", "zsk"])
def test_what_becomes_of_a_foreign_ds_is_the_policys_word(roll: str) -> None:
    left = {}
    for unknown in ("keep", "remove", "block"):
        described = fine()
        described["policy"]["unknown_ds"] = unknown
        described["start"]["ds"] = [ds("k1"), ds("f1")]
        if roll != "none":
            described["goal"]["roll"] = roll
        result = simulate(described)
        last = [described["start"]["ds"], *(event["value"] for event in of(result, "DS"))][-1]
        left[unknown] = (result["reached"], "f1" in {d["key"] for d in last}, result["calls"] > 0)

    assert left == {"keep": (True, True, roll != "none"), "remove": (True, False, True), "block": (False, True, False)}


def test_a_repeated_call_leaves_the_ds_alone_that_others_added_meanwhile() -> None:
    described = steady("swap")
    described["parent"]["max_ds"] = 2
    described["parent"]["update"] = "replace"
    described["truth"]["faults"] = [{"kind": "swallowed", "call": 1}]
    calm = simulate(steady("swap"))
    at = of(calm, "DS")[0]["call"] + 20
    described["truth"]["changes"] = [{"at": at, "rrset": "DS", "add": [ds("f1")]}]

    result = simulate(described)

    assert result["reached"]
    assert all("f1" in {d["key"] for d in event["value"]} for event in of(result, "DS"))


@pytest.mark.parametrize(("update", "kept"), [("replace", False), ("add-remove", True), ("one-at-a-time", True)])
def test_a_single_change_takes_effect_on_what_is_there_by_then(update: str, kept: bool) -> None:
    described = steady("add-first")
    described["parent"]["update"] = update
    described["truth"]["registration"] = 60
    described["truth"]["changes"] = [{"at": 40, "rrset": "DS", "add": [ds("f1")]}]

    result = simulate(described)

    assert ("f1" in {d["key"] for d in of(result, "DS")[-1]["value"]}) is kept
    assert result["reached"]


def test_the_signer_is_never_told_what_only_a_lagging_server_shows() -> None:
    """A server that lags shows z1, then z0, then z1: the data are signed by z1 all the time from now on."""
    described = steady("swap")
    described["policy"]["timing"]["sweeps"] = {"count": 2, "spacing": "0s"}
    described["truth"]["child_propagation"] = [0, 3]
    described["truth"]["past"] = [
        {"rrset": "ZONE", "until": -2, "ttl": 60, "value": {"signers": ["z1"]}},
        {"rrset": "ZONE", "until": 0, "ttl": 9, "value": {"signers": ["z0"]}},
    ]

    result = simulate(described)

    assert of(result, "ZONE") == []
    assert result["reached"]


def test_nothing_begins_on_what_one_server_showed_while_another_gives_no_usable_answer() -> None:
    described = fine(child_propagation=[0, 1, 0])
    old = {"keys": [{"key": "k0", "algorithm": 13, "role": "ksk"}], "signers": ["k0"]}
    described["truth"]["past"] = [{"rrset": "DNSKEY", "until": 0, "ttl": 9, "value": old}]
    described["truth"]["faults"] = [{"kind": "lies", "server": "child:2", "from": 0, "until": 50}]

    result = simulate(described)

    assert result["calls"] == 0
    assert result["reached"]


def test_a_parent_that_takes_keys_is_asked_once_for_all_ds_of_a_stranger() -> None:
    described = fine()
    described["parent"] |= {"form": "dnskey", "digest_types": [2], "update": "one-at-a-time"}
    described["policy"]["unknown_ds"] = "remove"
    described["start"]["ds"] = [ds("k1"), ds("f1", 1), ds("f1", 2)]

    result = simulate(described)

    assert result["parent_calls"] == 1
    assert result["reached"]


def test_a_change_that_shows_together_with_one_of_others_is_done() -> None:
    described = steady("add-first")
    described["parent"]["update"] = "add-remove"
    described["policy"]["validators"] = ["lenient"]
    described["truth"]["registration"] = 60
    described["truth"]["changes"] = [
        {"at": 40, "rrset": "DS", "add": [{"key": "f1", "algorithm": 15, "digest_type": 4}]}
    ]

    result = simulate(described)

    assert result["parent_calls"] == 2
    assert result["reached"]
    assert result["reached_at"] < described["truth"]["registration"] + 200


@pytest.mark.parametrize(
    ("recipe", "roll", "open_key"),
    [
        ("liberal", "algorithm:ED25519", "algorithm"),
        ("to-csk", "scheme:csk", "scheme"),
        ("csk", "csk", "scheme"),
        ("add-first", "digest:SHA-384", "ds"),
    ],
)
def test_a_rollover_says_what_the_policy_leaves_open(recipe: str, roll: str, open_key: str) -> None:
    described = steady(recipe)
    described["goal"]["roll"] = roll
    del described["policy"][open_key]

    result = simulate(described)

    assert result["calls"] > 1
    assert result["reached"]
    last = of(result, "DS")[-1]["value"]
    assert {(d["algorithm"], d["digest_type"]) for d in last} == {
        (15 if roll.startswith("algorithm") else 13, 4 if roll.startswith("digest") else 2)
    }


@pytest.mark.parametrize("ttl", [0, 2**31, 2**40, 10**30])
@pytest.mark.parametrize("recipe", RECIPES)
def test_an_absurd_ttl_only_makes_the_wait_absurd(recipe: str, ttl: int) -> None:
    for rrset in ("DS", "DNSKEY"):
        described = world(recipe, 1)
        if rrset == "DS":
            described["start"]["ds_ttl"] = ttl
        else:
            described["start"]["dnskey"]["ttl"] = ttl
        result = simulate(described)

        assert violations(described, result) == []
        assert result["reached"] or ttl > described["until"]
