"""Each recipe, second by second, in the smallest world: what happens when, and never before its gate."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine_builders import (
    K1,
    K2,
    T0,
    Z1,
    TinyWorld,
    child_answer,
    dnskey,
    ds,
    parent_answer,
    policy,
    rolling,
    unsigned_world,
)

from dnsplan.engine import absorb, plan_zone, record_intent
from dnsplan.model.action import SetDs
from dnsplan.model.history import DnskeyContent, DsContent
from dnsplan.model.observation import Unreachable
from dnsplan.model.plan import Blocked, Capabilities, NeedsHuman, Receipt, Step, Wait
from dnsplan.model.portfolio import Accepts, Roll, ZoneIntent

ONE = Accepts(max_ds=1)


def test_bootstrap_signs_at_once_and_adds_the_ds_when_no_cache_holds_unsigned_data() -> None:
    world = unsigned_world()

    done = world.until_done()

    # everywhere at 1; child margin 5 and the largest TTL of data 60: the gate is 66; 20 s of registration
    assert world.log == [(0, "A0-ksk"), (0, "A0-zsk"), (0, "A1"), (66, "A3")]
    assert done == 86
    assert world.history.rollover is None
    assert world.served_ds == tuple(ds(key) for key in world.keys if key.is_sep)


def test_bootstrap_of_a_signed_zone_uses_the_keys_that_sign() -> None:
    world = TinyWorld(served_ds=())

    world.until_done()

    assert [stage for _, stage in world.log] == ["A3"]
    assert world.served_ds == (ds(K1),)


def test_bootstrap_with_one_key_for_everything() -> None:
    world = unsigned_world(policy=policy(scheme="csk"))

    world.until_done()

    assert [stage for _, stage in world.log] == ["A0-csk", "A1", "A3"]
    assert world.key_signers == world.zone_signers


def test_double_ksk_adds_first_so_that_both_waits_overlap() -> None:
    world = rolling(TinyWorld())

    done = world.until_done(1)

    # both keys everywhere at 2; DNSKEY gate 2+5+40 = 47; DS seen at 22, DS gate 22+7+90 = 119
    assert world.log == [(1, "B0-ksk"), (1, "B1"), (2, "B2a"), (47, "B2b"), (119, "B3"), (120, "B4")]
    assert done == 120
    assert dict(world.history.tokens) == {"sep": "x", "zsk": ""}
    assert K1 not in world.held


def test_double_ksk_swaps_where_the_parent_takes_one_ds() -> None:
    world = rolling(TinyWorld(capabilities=Capabilities(update="replace", accepts=ONE)))

    world.until_done(1)

    # swapped at the DNSKEY gate 47, seen at 67, DS gate 67+7+90 = 164
    assert world.log == [(1, "B0-ksk"), (1, "B1"), (47, "B2"), (164, "B3"), (165, "B4")]


def test_double_ksk_goes_one_record_at_a_time_where_the_interface_does() -> None:
    capabilities = Capabilities(update="one-at-a-time", accepts=Accepts(max_ds=4))
    served = tuple(sorted((ds(K1), ds(K1, 4))))
    both = policy(digest_types=frozenset({2, 4}))
    world = rolling(TinyWorld(capabilities=capabilities, policy=both, served_ds=served))

    world.until_done(1)

    assert [stage for _, stage in world.log] == ["B0-ksk", "B1", "B2a", "B2a", "B2b", "B2b", "B3", "B4"]


def test_a_parent_that_takes_one_record_and_one_call_at_a_time_is_refused() -> None:
    world = rolling(TinyWorld(capabilities=Capabilities(update="one-at-a-time", accepts=ONE)))

    plan = world.run(1)
    plan = world.run(2)

    assert isinstance(plan.moves[0], Blocked)
    assert plan.moves[0].guard == "parent_limit"
    assert plan.headline == "BLOCKED"


def test_a_parent_limit_in_keys_counts_keys() -> None:
    accepts = Accepts(form="dnskey", max_ds=2)
    world = rolling(TinyWorld(capabilities=Capabilities(update="replace", accepts=accepts)))

    world.until_done(1)

    assert "B2a" in [stage for _, stage in world.log]


def test_a_parent_that_makes_the_digests_gets_all_ds_of_a_key_in_one_call() -> None:
    capabilities = Capabilities(
        update="one-at-a-time", accepts=Accepts(form="dnskey", max_ds=2), makes_digests=frozenset({2, 4})
    )
    world = rolling(TinyWorld(capabilities=capabilities, served_ds=tuple(sorted((ds(K1), ds(K1, 4))))))

    world.until_done(1)

    assert [stage for _, stage in world.log] == ["B0-ksk", "B1", "B2a", "B2b", "B3", "B4"]


@pytest.mark.parametrize("accepts", [Accepts(algorithms=frozenset({8})), Accepts(digest_types=frozenset({4}))])
def test_what_the_parent_does_not_take_is_refused_before_the_first_call(accepts: Accepts) -> None:
    world = TinyWorld(served_ds=(), capabilities=Capabilities(update="replace", accepts=accepts))

    plan = world.run(0)

    assert isinstance(plan.moves[0], Blocked)
    assert plan.moves[0].guard == "parent_limit"


def test_too_many_ds_are_refused() -> None:
    world = TinyWorld(
        served_ds=(), policy=policy(digest_types=frozenset({2, 4})),
        capabilities=Capabilities(update="replace", accepts=ONE),
    )  # fmt: skip

    blocked = world.run(0).moves[0]

    assert isinstance(blocked, Blocked)
    assert blocked.guard == "parent_limit"


def test_of_two_keys_alike_a_person_says_which_one_stays() -> None:
    world = TinyWorld(
        served_ds=(ds(K1), ds(K2)), keys=(K1, K2, Z1), key_signers=frozenset({K1.id, K2.id}),
        held={K1: "ksk", K2: "ksk", Z1: "zsk"},
    )  # fmt: skip

    blocked = world.run(0).moves[0]

    assert isinstance(blocked, Blocked)
    assert blocked.findings[0].code == "KEY_AMBIGUOUS"
    world.intent = replace(world.intent, keys=(K2,))
    world.until_done(1)
    assert (world.keys, world.served_ds) == ((K2, Z1) if K2 < Z1 else (Z1, K2), (ds(K2),))


def test_insecure_removes_the_ds_first_and_signs_until_no_cache_trusts_a_key() -> None:
    world = TinyWorld(intent=ZoneIntent(zone="example.ch", dnssec="insecure", signer="s", parent="p"))

    done = world.until_done()

    # DS gone at 20; 20 + margin 7 + DS TTL 90 + DNSKEY TTL 40 = 157
    assert world.log == [(0, "G1"), (157, "G2"), (158, "G3"), (158, "G3")]
    assert done == 158
    assert world.held == {}


def test_insecure_is_blocked_by_a_foreign_ds_that_would_be_left_alone() -> None:
    foreign = ds(dnskey("foreign"))
    world = TinyWorld(
        intent=ZoneIntent(zone="example.ch", dnssec="insecure", signer="s", parent="p"), served_ds=(ds(K1), foreign)
    )

    blocked = world.run(0)
    world.policy = policy(unknown_ds="remove")

    assert isinstance(blocked.moves[0], Blocked)
    assert str(foreign) in blocked.moves[0].findings[0].detail
    world.until_done(1)
    assert world.served_ds == ()


def test_a_foreign_ds_and_a_foreign_key_survive_a_rollover_and_are_reported() -> None:
    foreign, other = ds(dnskey("foreign")), dnskey("other", 256)
    world = rolling(TinyWorld(served_ds=tuple(sorted((ds(K1), foreign))), keys=(K1, Z1, other)))

    world.until_done(1)

    assert foreign in world.served_ds
    assert other in world.keys
    assert {finding.code for finding in world.plan(500).findings} == {"CHAIN_DANGLING_DS", "KEY_FOREIGN"}


def test_a_broken_zone_is_repaired_at_once() -> None:
    world = TinyWorld(served_ds=(ds(dnskey("lost")),))

    plan = world.plan(0)
    world.run(0)

    assert [stage for _, stage in world.log] == ["A3a"]
    assert "CHAIN_NO_MATCH" in {finding.code for finding in plan.findings}
    world.until_done(1)
    assert ds(K1) in world.served_ds


def test_a_token_present_when_the_ledger_first_meets_a_zone_counts_as_done() -> None:
    world = TinyWorld(intent=ZoneIntent(zone="example.ch", dnssec="signed", roll=Roll(sep="old"), signer="s"))

    assert world.until_done() == 0
    assert world.log == []


def test_hold_and_insecure_zones_at_their_goal_need_nothing() -> None:
    held = TinyWorld(intent=ZoneIntent(zone="example.ch"))
    insecure = unsigned_world(intent=ZoneIntent(zone="example.ch", dnssec="insecure"))

    assert held.run(0).headline == "HOLD"
    assert insecure.run(0).headline == "OK"


def test_pinned_keys_are_the_goal() -> None:
    world = TinyWorld(intent=ZoneIntent(zone="example.ch", dnssec="signed", keys=(K2,), signer="s", parent="p"))
    world.held[K2] = "ksk"

    world.until_done()

    assert K2 in world.keys
    assert world.served_ds == (ds(K2),)
    assert world.run(900).headline == "OK"


def test_pinned_keys_in_use_need_nothing_and_without_a_ds_they_get_one() -> None:
    world = TinyWorld(intent=ZoneIntent(zone="example.ch", dnssec="signed", keys=(K1,), signer="s", parent="p"))
    bare = replace(world, served_ds=(), log=[], pending=[])

    assert world.until_done() == 0
    bare.until_done()
    assert bare.served_ds == (ds(K1),)


def test_a_manual_parent_pauses_with_the_exact_ds_and_goes_on_when_it_shows() -> None:
    world = rolling(TinyWorld(capabilities=Capabilities(update="manual", contact="registry desk")))

    world.run(1)
    plan = world.run(2)

    move = plan.moves[0]
    assert isinstance(move, NeedsHuman)
    assert isinstance(move.step.action, SetDs)
    assert plan.headline == "MANUAL"
    assert move.contact == "registry desk"
    target = move.step.action.ds
    world.receipt = lambda _: Receipt(state="manual")
    world.perform(move.step, 2)
    again = world.run(3)
    assert isinstance(again.moves[0], NeedsHuman)
    assert again.moves[0].step.action.ds == target  # type: ignore[union-attr]
    world.served_ds = target
    assert isinstance(world.run(4).moves[0], Wait)


def test_a_signer_without_an_interface_waits_for_its_operator() -> None:
    world = unsigned_world(capabilities=Capabilities(update="replace", signer_manual=True))

    assert isinstance(world.run(0).moves[0], NeedsHuman)


def test_a_parent_that_scans_gets_its_ds_through_cds() -> None:
    world = rolling(TinyWorld(capabilities=Capabilities(update="cds")))

    world.until_done(1)

    assert [stage for _, stage in world.log] == ["B0-ksk", "B1", "B2a", "B2b", "B3", "B4"]


def test_a_call_without_an_outcome_is_made_again_and_one_that_never_shows_after_the_budget() -> None:
    world = rolling(TinyWorld())
    world.run(1)
    world.receipt = lambda _: None
    world.run(2)
    lost = world.history.intents[-1]
    world.receipt = lambda _: Receipt(state="pending", operation="op-1")

    world.run(3)

    assert lost.outcome is None
    assert world.log[-2:] == [(2, "B2a"), (3, "repeat")]
    assert isinstance(world.run(102).moves[0], Wait)
    world.receipt = lambda _: Receipt(state="accepted")
    world.run(103)
    assert world.log[-1] == (103, "repeat")
    world.until_done(104)


@pytest.mark.parametrize(("unknown", "kept"), [("keep", True), ("remove", False)])
def test_a_repeated_ds_change_spares_what_others_added_since(unknown: str, kept: bool) -> None:
    world = rolling(TinyWorld(policy=policy(unknown_ds=unknown)))
    world.run(1)
    world.receipt = lambda _: None
    world.run(2)
    stranger = ds(dnskey("stranger"))
    world.served_ds = (ds(K1), stranger)
    world.receipt = lambda _: Receipt(state="accepted")

    world.run(60)

    assert world.log[-1] == (60, "repeat")
    assert (stranger in world.pending[-1][1]) is kept


def test_a_lost_cds_change_is_published_again() -> None:
    world = rolling(TinyWorld(capabilities=Capabilities(update="cds")))
    world.run(1)
    world.receipt = lambda _: None
    world.run(2)
    world.receipt = lambda _: Receipt(state="accepted")

    world.run(3)

    assert world.log[-1] == (3, "repeat")


def test_a_refused_call_is_proposed_anew() -> None:
    world = rolling(TinyWorld())
    refused = iter([Receipt(state="refused", message="no")])
    world.run(1)
    world.receipt = lambda _: next(refused, Receipt(state="accepted"))

    plan = world.plan(2)
    step = plan.moves[0]
    assert isinstance(step, Step)
    world.perform(step, 2)

    assert all(version.seen for version in world.history.ds)
    assert isinstance(world.plan(3).moves[0], Step)


def test_a_key_change_that_was_lost_is_repeated() -> None:
    world = rolling(TinyWorld())
    world.receipt = lambda step: None if step.stage == "B1" else Receipt(state="accepted")

    world.run(1)
    world.receipt = lambda _: Receipt(state="accepted")
    plan = world.run(2)

    assert world.log[-1] == (2, "repeat")
    assert plan.headline == "WAITING"


def test_a_refused_key_change_leaves_no_version_behind() -> None:
    world = rolling(TinyWorld())
    world.receipt = lambda step: Receipt(state="refused" if step.stage == "B1" else "accepted")
    plan = world.plan(1)
    world.history = plan.history
    world.perform(plan.moves[0], 1)  # type: ignore[arg-type]  # a step
    world.perform(world.plan(2).moves[0], 2)  # type: ignore[arg-type]  # a step

    newest = world.history.dnskey[-1].content
    assert isinstance(newest, DnskeyContent)
    assert set(newest.keys) == {K1, Z1}


def test_the_timeline_tells_the_whole_change_before_it_begins() -> None:
    world = rolling(TinyWorld())

    plan = world.plan(1)

    assert [(step.stage, (step.not_before or 0) - T0) for step in plan.timeline] == [
        ("B0-ksk", 1), ("B1", 1), ("B2a", 1), ("B2b", 46), ("B3", 98), ("B4", 98),
    ]  # fmt: skip
    assert [step.predicted for step in plan.timeline] == [False, True, True, True, True, True]
    assert plan.timeline[2].who == "parent p"
    assert plan.timeline[0].who == "signer s"


def test_a_change_that_the_kernel_never_admits_is_blocked_with_its_counterexample() -> None:
    world = TinyWorld(served_ds=(), zone_signers=frozenset({Z1.id}))
    world.policy = policy(validators=frozenset({"lenient", "strict4035"}))
    world.keys = (K1, Z1, dnskey("unused", 256, algorithm=8))

    plans = [world.run(at) for at in range(80)]

    assert isinstance(plans[-1].moves[0], Blocked)
    shown = plans[-1].moves[0].counterexample
    assert shown is not None
    assert shown.profile == "strict4035"
    assert shown.end is None
    assert [step.not_before for step in world.plan(80).timeline] == [None]


def test_a_silent_server_waits_and_a_lying_one_blocks_with_its_address() -> None:
    world = rolling(TinyWorld())
    seen = world.observe(1)
    lie = replace(child_answer(K1, Z1, address="198.51.100.9"), key_signers=frozenset(), zone_signers=frozenset())
    bogus = parent_answer(ds(K1), address="192.0.2.9", trust="bogus")

    blocked = world.plan(1, replace(seen, child=(*seen.child, lie), parent=(*seen.parent, bogus)))

    assert isinstance(blocked.moves[0], Blocked)
    servers = [finding.servers for finding in blocked.moves[0].findings]
    assert servers == [("192.0.2.9",), ("198.51.100.9",)]


@pytest.mark.parametrize(("unknown", "left"), [("keep", 2), ("remove", 1), ("block", 2)])
def test_a_ds_of_no_known_key_is_kept_removed_or_in_the_way(unknown: str, left: int) -> None:
    world = TinyWorld(served_ds=(ds(K1), ds(dnskey("stranger"))), policy=policy(unknown_ds=unknown))
    plans = [world.run(at) for at in (0, 60, 80)]

    assert plans[-1].headline == ("BLOCKED" if unknown == "block" else "OK")
    assert len(world.served_ds) == left


def test_unsettled_versions_name_what_they_wait_for() -> None:
    world = rolling(TinyWorld(policy=policy(timing=replace(policy().timing, sweep_count=2, sweep_spacing=10))))
    world.run(1)

    plan = world.plan(2)

    assert isinstance(plan.moves[0], Wait)
    assert plan.history.next_at == T0 + 10  # the DNSKEY counts again at 12, the DS of the first look at 10
    assert isinstance(world.history.ds[-1].content, DsContent)


def test_a_signer_that_was_not_asked_leaves_its_keys_as_they_are_known() -> None:
    world = rolling(TinyWorld())
    world.until_done(1)
    world.intent = replace(world.intent, roll=Roll(sep="y"))
    world.run(500)
    seen = world.observe(501)
    world.plan(501, seen)

    unasked = plan_zone(replace(world.situation(seen), held=None))
    finished = replace(world.situation(seen), held=None, intent=ZoneIntent(zone="example.ch", dnssec="insecure"))

    assert unasked.timeline
    assert not any(finding.code == "KEY_FOREIGN" for finding in unasked.findings)
    assert plan_zone(finished).recipe == "insecure"


def test_a_goal_that_is_not_yet_confirmed_waits_for_its_sweeps() -> None:
    timing = replace(policy().timing, sweep_count=2, sweep_spacing=5)
    world = TinyWorld(served_ds=(), policy=policy(timing=timing))

    headlines = [world.run(at).headline for at in range(200)]

    first = headlines.index("OK")
    assert headlines[first - 1] == "WAITING"
    plan = world.plan(first)
    assert plan.headline == "OK"


def test_a_finished_rollover_of_an_unasked_signer_is_closed() -> None:
    world = TinyWorld(served_ds=())
    for at in range(100):
        world.run(at)
        if world.pending:
            break
    seen = world.observe(at + 20)
    history = absorb(world.history, seen, policy=world.policy, capabilities=world.capabilities)

    plan = plan_zone(replace(world.situation(seen), history=history, held=None))

    assert plan.history.rollover is None


def test_a_repetition_waits_for_a_silent_server_and_for_the_kernel() -> None:
    world = rolling(TinyWorld())
    for at in (1, 2, 22):
        world.run(at)
    world.receipt = lambda _: None
    world.run(47)
    seen = world.observe(48)
    silent = replace(seen, parent=(Unreachable(address="192.0.2.1", reason="timeout"),))

    waiting = world.plan(48, silent)

    assert isinstance(waiting.moves[0], Wait)
    assert "192.0.2.1 (timeout)" in waiting.moves[0].reason
    world.keys, world.key_signers = (K1, Z1), frozenset({K1.id})
    refused = world.plan(49)
    assert isinstance(refused.moves[0], Wait)
    assert refused.moves[0].stage == "repeat"


def test_a_new_target_takes_the_place_of_one_that_never_showed() -> None:
    world = rolling(TinyWorld())
    world.run(1)
    plan = world.plan(2)
    step = plan.moves[0]
    assert isinstance(step, Step)
    asked = record_intent(plan.history, step, intent_id="a", step_json="", now=T0 + 2)
    other = replace(step, action=SetDs(ds=(ds(K2),)))

    again = record_intent(asked, other, intent_id="b", step_json="", now=T0 + 3)

    assert [version.seen for version in again.ds[-2:]] == [True, False]
    assert record_intent(again, other, intent_id="c", step_json="", now=T0 + 4).ds == again.ds


def test_what_was_only_asked_for_is_not_called_observed() -> None:
    world = rolling(TinyWorld())
    world.run(1)
    world.run(2)

    plan = world.plan(3)

    assert plan.observed_ds == (ds(K1),)
    assert len(plan.history.ds[-1].content.ds) == 2
    assert K1 in plan.observed_keys


def test_the_ds_of_a_key_that_the_signer_only_holds_leaves_with_the_old_zsk() -> None:
    world = TinyWorld(served_ds=(ds(K1), ds(K2)))
    world.held[K2] = "ksk"
    world.history = replace(world.history, tokens=(("sep", ""), ("zsk", "")))
    world.intent = replace(world.intent, roll=Roll(zsk="x"))

    world.until_done()

    assert world.served_ds == (ds(K1),)
    assert K2 not in world.held


STRICT = frozenset({"lenient", "rfc4509", "hardened", "strict4035"})


@pytest.mark.parametrize(
    ("signers", "stages"),
    [
        ({"signed"}, ["A0-ksk", "A0-zsk", "A1", "A2", "A3"]),
        (set(), ["A0-ksk", "A0-zsk", "A1", "A2", "A3"]),
    ],
    ids=["signed", "half signed"],
)
def test_keys_of_another_algorithm_leave_a_zone_without_ds(signers: set, stages: list[str]) -> None:
    old, data = dnskey("old", algorithm=8), dnskey("olddata", 256, algorithm=8)
    world = TinyWorld(served_ds=(), keys=(old, data), policy=policy(validators=STRICT), held={old: "ksk", data: "zsk"})
    world.key_signers, world.zone_signers = frozenset({old.id}), frozenset({data.id} if signers else set())

    world.until_done()

    assert [stage for _, stage in world.log if stage != "A5"] == stages
    assert {key.algorithm for key in world.keys} == {13}
