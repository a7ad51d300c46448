"""What is believed of a sweep, and what is not."""

from __future__ import annotations

from dataclasses import replace

from engine_builders import (
    K1,
    K2,
    T0,
    Z1,
    TinyWorld,
    child_answer,
    dnskey,
    ds,
    observation,
    parent_answer,
    policy,
    rolling,
)

from dnsplan.engine import absorb, plan_zone, record_intent, record_outcome
from dnsplan.engine.spans import OUT_OF_VANTAGE_MARGIN, margins
from dnsplan.model.action import CreateKey
from dnsplan.model.audit import AuthorisedBy, Record, StepRecord
from dnsplan.model.history import DsContent, HeldKey, ZoneHistory
from dnsplan.model.observation import Observation, Unreachable
from dnsplan.model.plan import Blocked, Capabilities, Gate, Proof, Receipt, Step, Wait
from dnsplan.model.portfolio import ZoneIntent

POLICY = policy()
CAPS = Capabilities(update="replace")
PARENT, CHILD = (parent_answer(ds(K1)),), (child_answer(K1, Z1),)


def seen(history: ZoneHistory, *sweeps: Observation, **changes: object) -> ZoneHistory:
    rules = policy(**changes)
    for sweep in sweeps:
        history = absorb(history, sweep, policy=rules, capabilities=CAPS)
    return history


def contents(versions) -> list:
    return [version.content for version in versions]


def test_the_first_look_knows_nothing_of_the_past() -> None:
    history = seen(ZoneHistory(zone="example.ch"), observation(0, PARENT, CHILD))

    unknown, known = history.ds
    assert unknown.content is None
    assert (unknown.first, unknown.ttl_star) == (0, 90)
    assert known.content == DsContent(ds=(ds(K1),))
    assert known.everywhere == T0


def test_an_old_sweep_changes_nothing() -> None:
    history = seen(ZoneHistory(zone="example.ch"), observation(5, PARENT, CHILD))

    assert seen(history, observation(5, (), ())) is history


def test_a_sweep_without_any_answer_leaves_the_versions_alone() -> None:
    history = seen(ZoneHistory(zone="example.ch"), observation(0, PARENT, CHILD))
    silent = observation(1, (Unreachable(address="192.0.2.1", reason="timeout"),), ())

    after = seen(history, silent)

    assert after.ds == history.ds
    assert after.servers == history.servers


def test_a_lagging_server_holds_the_confirmation_back() -> None:
    lagging = (parent_answer(ds(K1)), parent_answer(ds(K1), ds(K2), address="192.0.2.2"))
    both = tuple(parent_answer(ds(K1), ds(K2), address=f"192.0.2.{n}") for n in (1, 2))
    old = tuple(parent_answer(ds(K1), address=f"192.0.2.{n}") for n in (1, 2))

    history = seen(ZoneHistory(zone="example.ch"), observation(0, old, CHILD), observation(10, lagging, CHILD))
    assert [version.everywhere for version in history.ds] == [None, T0, None]
    history = seen(history, observation(20, both, CHILD))

    assert history.ds[-1].everywhere == T0 + 20
    assert history.ds[-1].first == T0


def test_clean_sweeps_are_counted_with_their_spacing_and_anew_after_a_contradiction() -> None:
    timing = replace(POLICY.timing, sweep_count=2, sweep_spacing=10)
    two = tuple(parent_answer(ds(K1), address=f"192.0.2.{n}") for n in (1, 2))
    mixed = (two[0], parent_answer(ds(K2), address="192.0.2.2"))
    silent = (two[0], Unreachable(address="192.0.2.2", reason="timeout"))
    start = ZoneHistory(zone="example.ch")

    once = seen(start, observation(0, two, CHILD), observation(5, two, CHILD), timing=timing)
    paused = seen(once, observation(8, silent, CHILD), timing=timing)
    spoiled = seen(once, observation(8, mixed, CHILD), observation(10, two, CHILD), timing=timing)

    assert (once.ds[-1].clean, once.ds[-1].everywhere) == (1, None)
    assert paused.ds[-1].clean == 1
    assert seen(paused, observation(10, two, CHILD), timing=timing).ds[-1].everywhere == T0 + 10
    assert spoiled.ds[-1].everywhere is None
    assert spoiled.ds[-1].clean == 1


def test_content_that_comes_back_is_a_version_of_its_own() -> None:
    other = (parent_answer(ds(K2)),)

    history = seen(
        ZoneHistory(zone="example.ch"),
        observation(0, PARENT, CHILD),
        observation(10, other, CHILD),
        observation(20, PARENT, CHILD),
    )

    assert contents(history.ds)[1:] == [DsContent(ds=(ds(K1),)), DsContent(ds=(ds(K2),)), DsContent(ds=(ds(K1),))]
    assert history.ds[-1].everywhere == T0 + 20


def test_a_server_that_goes_back_makes_the_old_content_the_newest_again() -> None:
    two = tuple(parent_answer(ds(K1), address=f"192.0.2.{n}") for n in (1, 2))
    mixed = (two[0], parent_answer(ds(K2), address="192.0.2.2"))

    history = seen(ZoneHistory(zone="example.ch"), observation(0, two, CHILD), observation(5, mixed, CHILD))
    history = seen(history, observation(9, two, CHILD))

    assert contents(history.ds)[-1] == DsContent(ds=(ds(K1),))
    assert history.ds[-1].everywhere == T0 + 9


def test_at_the_first_look_two_contents_may_both_be_the_older_one() -> None:
    mixed = (parent_answer(ds(K1)), parent_answer(ds(K2), address="192.0.2.2"))
    both = (parent_answer(ds(K1)), parent_answer(ds(K1), address="192.0.2.2"))

    history = seen(ZoneHistory(zone="example.ch"), observation(0, mixed, CHILD), observation(5, both, CHILD))

    assert contents(history.ds)[-1] == DsContent(ds=(ds(K1),))
    assert [version.first for version in history.ds] == [0, 0, 0]


def test_the_largest_ttl_ever_seen_stays() -> None:
    high, low = (parent_answer(ds(K1), ttl=500),), (parent_answer(ds(K1), ttl=10),)

    history = seen(ZoneHistory(zone="example.ch"), observation(0, high, CHILD), observation(5, low, CHILD))

    assert history.ds[-1].ttl_star == 500


def test_what_no_cache_can_hold_any_more_is_forgotten() -> None:
    history = seen(
        ZoneHistory(zone="example.ch"), observation(0, PARENT, CHILD), observation(10, (parent_answer(ds(K2)),), CHILD)
    )

    assert len(history.ds) == 3
    assert len(seen(history, observation(400_000, (parent_answer(ds(K2)),), CHILD)).ds) == 1


def test_an_unsigned_dnskey_answer_beside_a_signed_one_is_a_lie() -> None:
    lie = replace(child_answer(K2, Z1, address="198.51.100.2"), key_signers=frozenset(), zone_signers=frozenset())
    first = seen(ZoneHistory(zone="example.ch"), observation(0, PARENT, (*CHILD, lie)))

    assert contents(first.dnskey)[1:] == [first.dnskey[-1].content]
    assert first.dnskey[-1].everywhere is None


def test_an_unsigned_dnskey_answer_is_the_zones_own_only_where_there_is_no_ds() -> None:
    unsigned = (child_answer(K1, Z1, signers=(), data=()),)
    timing = replace(policy().timing, sweep_count=2)
    lied = seen(ZoneHistory(zone="example.ch"), observation(0, PARENT, unsigned))
    history = ZoneHistory(zone="example.ch")
    for at in (0, 1):
        looked = observation(at, (parent_answer(),), unsigned)
        history = absorb(history, looked, policy=policy(timing=timing), capabilities=Capabilities(update="replace"))

    assert lied.dnskey == ()
    assert history.dnskey[-1].everywhere == T0 + 1


def test_data_in_the_middle_of_a_re_signing_count_for_nothing() -> None:
    mixed = (child_answer(K1, Z1, mixed=True),)

    history = seen(ZoneHistory(zone="example.ch"), observation(0, PARENT, mixed))

    assert history.zonedata == ()
    assert history.dnskey[-1].everywhere == T0
    world = TinyWorld(history=history)
    assert plan_zone(world.situation(observation(0, PARENT, mixed))).headline == "WAITING"


def test_a_server_that_left_the_ns_set_counts_until_no_cache_names_it() -> None:
    pair = (replace(CHILD[0], ns_ttl=100), child_answer(K1, Z1, address="198.51.100.2"))
    gone = replace(pair[1], keys=(K1, K2, Z1))
    history = seen(ZoneHistory(zone="example.ch"), observation(0, PARENT, pair))
    new = (replace(child_answer(K1, K2, Z1), ns_ttl=100),)

    left = seen(history, observation(10, PARENT, (*new, pair[1]), extra=frozenset({"198.51.100.2"})))
    silent = seen(left, observation(20, PARENT, new))
    late = seen(left, observation(116, PARENT, (*new, pair[1]), extra=frozenset({"198.51.100.2"})))

    assert left.departed[0].until == T0 + 10 + 5 + 100
    assert left.dnskey[-1].everywhere is None
    assert silent.dnskey[-1].everywhere is None
    assert late.dnskey[-1].everywhere == T0 + 116
    assert late.departed == ()
    assert gone.keys


def test_a_departed_server_that_is_silent_makes_the_plan_wait_and_a_forgotten_one_does_not() -> None:
    pair = (CHILD[0], child_answer(K1, Z1, address="198.51.100.2"))
    world = rolling(TinyWorld(history=seen(ZoneHistory(zone="example.ch"), observation(0, PARENT, pair))))
    dead = Unreachable(address="198.51.100.2", reason="timeout")
    sweep = observation(1, PARENT, (CHILD[0], dead), extra=frozenset({"198.51.100.2"}))

    plan = world.plan(1, sweep)
    later = world.plan(50, replace(sweep, at=T0 + 50))

    assert isinstance(plan.moves[0], Wait)
    assert "198.51.100.2 (timeout)" in plan.moves[0].reason
    assert not any("198.51.100.2" in finding.detail for finding in later.findings)


def test_parents_that_left_are_remembered_too() -> None:
    pair = (PARENT[0], parent_answer(ds(K1), address="192.0.2.2"))
    history = seen(ZoneHistory(zone="example.ch"), observation(0, pair, CHILD), observation(1, PARENT, CHILD))

    assert [(server.side, server.address) for server in history.departed] == [("parent", "192.0.2.2")]
    skipped = observation(50, pair, CHILD, extra=frozenset({"192.0.2.2"}))
    assert seen(history, skipped).ds[-1].everywhere is not None


def test_a_family_out_of_sight_widens_the_margins() -> None:
    wide = margins(POLICY, CAPS, frozenset({6}))

    assert wide.parent == wide.child == OUT_OF_VANTAGE_MARGIN


def test_a_zone_that_was_not_seen_waits_and_says_why() -> None:
    world = TinyWorld()
    nothing = Observation(zone="example.ch", at=T0, parent_zone=None, parent=(), child=(), problem="not delegated")
    silent = observation(0, (Unreachable(address="192.0.2.1", reason="timeout"),), ())

    for sweep, said in ((nothing, "not delegated"), (silent, "192.0.2.1 (timeout)")):
        plan = plan_zone(world.situation(sweep))
        assert plan.headline == "WAITING"
        assert said in plan.findings[0].detail
    world.intent = ZoneIntent(zone="example.ch")
    assert plan_zone(world.situation(nothing)).headline == "HOLD"


def test_a_zone_without_servers_in_sight_is_named() -> None:
    world = rolling(TinyWorld())

    plan = world.plan(1, observation(1, PARENT, ()))

    assert isinstance(plan.moves[0], Wait)
    assert "the servers of the zone" in plan.moves[0].reason
    assert {finding.code for finding in plan.findings} == {"NS_UNREACHABLE"}


def test_an_insecure_parent_is_a_finding_and_no_obstacle() -> None:
    world = TinyWorld()
    insecure = (parent_answer(ds(K1), trust="insecure"),)

    plan = world.plan(0, observation(0, insecure, CHILD))

    assert [finding.code for finding in plan.findings] == ["PARENT_INSECURE"]
    assert plan.headline == "OK"


def step(action) -> Step:
    proof = Proof(triples=0, horizon=0, profiles=frozenset())
    return Step(
        id="s",
        op="dnskey.create",
        rrset="KEY",
        action=action,
        gate=Gate(),
        proof=proof,
        undo="fast",
        stage="B0",
        summary="x",
    )


def test_an_outcome_without_its_intent_and_a_key_without_a_rollover_change_little() -> None:
    history = ZoneHistory(zone="example.ch")
    receipt = Receipt(state="accepted", created=K2)

    assert record_outcome(history, "nothing", receipt, now=T0) is history
    asked = record_intent(
        history, step(CreateKey(role="ksk", algorithm=13, existing=frozenset())), intent_id="1", step_json="", now=T0
    )
    assert record_outcome(asked, "1", receipt, now=T0).held == ()


def test_a_target_that_never_showed_gives_way_but_may_still_come() -> None:
    world = rolling(TinyWorld())
    world.run(1)
    world.run(2)
    world.intent = ZoneIntent(zone="example.ch", dnssec="insecure", signer="s", parent="p")
    world.pending.clear()

    for at in range(3, 110):
        world.run(at)

    assert world.log[-1][1] == "repeat"
    assert [version.seen for version in world.history.ds[-2:]] == [True, False] or world.served_ds


def test_a_refused_ds_of_a_repeated_call_leaves_nothing_in_flight() -> None:
    world = rolling(TinyWorld())
    world.run(1)
    world.receipt = lambda _: Receipt(state="refused", message="no")

    plan = world.plan(2)
    world.perform(plan.moves[0], 2)  # type: ignore[arg-type]  # a step

    assert world.history.ds[-1].seen


def test_a_finished_rollover_keeps_its_keys_when_the_signer_was_not_asked() -> None:
    world = rolling(TinyWorld())
    world.until_done(1)
    history = replace(world.history, held=(HeldKey(key=K2, role="ksk", created=T0),))

    assert absorb(
        history, observation(500, (parent_answer(*world.served_ds),), CHILD), policy=POLICY, capabilities=CAPS
    ).held


def test_records_are_values() -> None:
    one = StepRecord(zone="a", id="s", op="ds.set", intent_at=1, before=(), target="", proof="")
    whole = Record(
        id="r",
        previous=None,
        commit="",
        tool_version="",
        actor="",
        run_url="",
        authorised_by=AuthorisedBy(),
        steps=(one,),
    )

    assert whole.steps[0].outcome is None
    assert isinstance(Blocked(findings=()), Blocked)
    assert dnskey("x") == dnskey("x")
