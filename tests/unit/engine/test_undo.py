"""What the zone file is to say so that a step in flight is undone, for each reason for which it may have begun."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine_builders import K1, Z1, TinyWorld, dnskey, ds, policy, rolling, unsigned_world

from dnsplan.engine import plan_zone
from dnsplan.engine.undo import Retreat, retreat_of, speed_of
from dnsplan.engine.view import view_of
from dnsplan.model.history import Rollover
from dnsplan.model.portfolio import KeyPolicy, Roll, Source


def retreat(world: TinyWorld, at: int) -> Retreat:
    seen = world.observe(at)
    world.plan(at, seen)
    view = view_of(world.situation(seen))
    assert view is not None
    return retreat_of(view)


def begun(world: TinyWorld, until: int = 1) -> TinyWorld:
    for at in range(1, until + 1):
        world.run(at)
    return world


def by_policy(**changes: object) -> TinyWorld:
    world = TinyWorld()
    world.run(0)
    world.policy = replace(world.policy, **changes)  # type: ignore[arg-type]
    return begun(world)


def test_a_token_is_taken_out_or_is_the_last_one_again() -> None:
    first = begun(rolling(TinyWorld()))
    assert retreat(first, 2).intent.roll == Roll()

    first.until_done(2)
    first.intent = replace(first.intent, roll=Roll(sep="y", zsk="z"))
    first.run(400)
    found = retreat(first, 401)

    assert (found.way, found.intent.roll) == ("open", Roll(sep="x", zsk="z"))


def test_a_token_that_nothing_has_begun_for_is_taken_out_as_well() -> None:
    world = TinyWorld()
    world.run(0)
    world.intent = replace(world.intent, roll=Roll(zsk="z"))

    found = retreat(world, 1)

    assert (found.way, found.intent.roll) == ("open", Roll())
    assert "has not begun" in found.reason


def test_at_rest_nothing_is_undone() -> None:
    world = TinyWorld()
    world.run(0)

    assert retreat(world, 1).way == "nothing"


def test_what_no_token_asked_for_is_undone_by_pinning_the_keys_of_before() -> None:
    ksk = TinyWorld(policy=policy(ksk=KeyPolicy(lifetime=5), zsk=KeyPolicy(lifetime=None)))
    zsk = TinyWorld(policy=policy(ksk=KeyPolicy(lifetime=None), zsk=KeyPolicy(lifetime=5)))
    for world in (ksk, zsk):
        world.run(0)
        world.run(5)

    assert retreat(ksk, 6).intent.keys == (K1,)
    assert set(retreat(zsk, 6).intent.keys) == {K1, Z1}
    assert set(retreat(by_policy(algorithm=15), 2).intent.keys) == {K1, Z1}
    for world in (ksk, zsk):
        world.intent = retreat(world, 7).intent
        assert retreat(world, 8).way == "asked"
        world.until_done(8)
        assert set(world.keys) == {K1, Z1}


def test_a_key_that_was_not_compromised_is_taken_out_of_the_list() -> None:
    world = TinyWorld()
    world.run(0)
    other = dnskey("other")
    world.intent = replace(world.intent, compromised=(other, K1))

    assert retreat(begun(world), 2).intent.compromised == (other,)


def test_signing_and_unsigning_are_asked_for_by_the_goal() -> None:
    signing, unsigning = unsigned_world(), TinyWorld()
    for world in (signing, unsigning):
        world.run(0)
    unsigning.intent = replace(unsigning.intent, dnssec="insecure")
    begun(unsigning)

    assert retreat(signing, 2).intent.dnssec == "insecure"
    assert retreat(unsigning, 2).intent.dnssec == "signed"
    signing.intent = replace(signing.intent, dnssec="insecure")
    assert retreat(signing, 3).way == "asked"


def test_a_repair_has_nothing_to_go_back_to() -> None:
    world = TinyWorld(served_ds=(ds(dnskey("lost")),))
    world.run(0)

    assert (world.history.rollover or Rollover(id="", recipe="", started=0)).recipe == "bootstrap"
    assert retreat(world, 1).way == "irreversible"


@pytest.mark.parametrize("source", [None, Source(file="policies/p.yaml", line=1)])
def test_what_only_a_policy_asks_for_is_undone_there(source: Source | None) -> None:
    world = by_policy(digest_types=frozenset({4}), source=source)

    found = retreat(world, 2)

    assert found.way == "elsewhere"
    assert ("policies/p.yaml" if source else "policy default") in found.action


def test_the_way_back_is_not_asked_for_twice_and_ends_where_a_key_is_deleted() -> None:
    world = begun(rolling(TinyWorld()), 119)
    back = replace(world, intent=replace(world.intent, roll=Roll()))
    back.run(120)
    assert retreat(back, 121).way == "asked"

    del world.held[K1]
    found = retreat(world, 121)

    assert found.way == "irreversible"
    assert str(K1.key_tag) in found.reason


def test_the_way_back_is_fast_until_validators_rely_on_the_new_key_alone() -> None:
    speeds = []
    for until in (1, 50, 119):
        world = begun(rolling(TinyWorld()), until)
        world.intent = replace(world.intent, roll=Roll())
        seen = world.observe(until + 1)
        world.plan(until + 1, seen)
        plan = plan_zone(world.situation(seen))
        speeds.append(speed_of(plan.timeline, seen.at))

    assert speeds == ["fast", "fast", "slow"]


def test_each_step_says_how_the_way_back_from_it_goes() -> None:
    conservative = TinyWorld()
    conservative.run(0)
    conservative.policy = replace(conservative.policy, algorithm=15, algorithm_rollover="conservative")

    plan = conservative.plan(1)

    assert {step.stage: step.undo for step in plan.timeline} == {
        "F0-ksk": "fast", "F0-zsk": "fast", "F1": "fast", "F2": "fast", "F3a": "fast", "F3b": "fast", "F4": "slow",
        "F5": "slow", "F6": "irreversible",
    }  # fmt: skip
