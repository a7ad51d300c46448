"""The way back from a rollover: what asks for it, what it leads to, and what closes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from engine_builders import K1, K2, Z1, Z2, TinyWorld, ds, policy, rolling, unsigned_world

from dnsplan.engine import plan_zone
from dnsplan.engine.back import in_words_of_back
from dnsplan.model.plan import Blocked, Capabilities, NeedsHuman, Receipt, Wait
from dnsplan.model.portfolio import KeyPolicy, Roll

STANDBY = policy(ksk=KeyPolicy(lifetime=None, standby=1))


def assert_as_at_first(world: TinyWorld) -> None:
    assert (world.served_ds, world.keys) == ((ds(K1),), tuple(sorted((K1, Z1))))
    assert (world.key_signers, world.zone_signers) == (frozenset({K1.id}), frozenset({Z1.id}))
    assert set(world.held) == {K1, Z1}
    assert world.run(1900).headline == "OK"


def begun(world: TinyWorld, until: int) -> TinyWorld:
    """Let a world run on to a second."""
    at = 1
    while at <= until:
        world.run(at)
        at += 1
    return world


def by_policy(**changes: object) -> tuple[TinyWorld, Callable[[TinyWorld], None]]:
    world = TinyWorld()
    world.run(0)
    before, world.policy = world.policy, replace(world.policy, **changes)  # type: ignore[arg-type]

    def undo(world: TinyWorld) -> None:
        world.policy = before

    return world, undo


def pinned(world: TinyWorld) -> None:
    world.intent = replace(world.intent, keys=(K1, Z1))


def compromise() -> tuple[TinyWorld, Callable[[TinyWorld], None]]:
    world = TinyWorld()
    world.run(0)
    world.intent = replace(world.intent, compromised=(K1,))

    def undo(world: TinyWorld) -> None:
        world.intent = replace(world.intent, compromised=())

    return world, undo


@pytest.mark.parametrize("until", [1, 40, 90])
@pytest.mark.parametrize(
    "make",
    [
        lambda: by_policy(algorithm=15), lambda: by_policy(scheme="csk"), lambda: (by_policy(algorithm=15)[0], pinned),
        lambda: by_policy(algorithm=15, algorithm_rollover="conservative"), compromise,
        lambda: by_policy(ksk=STANDBY.ksk),
    ],
    ids=["algorithm", "scheme", "pinned", "conservative", "emergency", "standby"],
)  # fmt: skip
def test_what_the_files_no_longer_want_is_taken_back(
    make: Callable[[], tuple[TinyWorld, Callable[[TinyWorld], None]]], until: int
) -> None:
    world, undo = make()
    begun(world, until)
    undo(world)

    world.until_done(until + 1)

    assert_as_at_first(world)


def test_an_emergency_is_taken_back_with_the_margins_of_peace() -> None:
    world, undo = compromise()
    begun(world, 3)
    undo(world)

    plan = world.run(4)

    assert plan.recipe == "double-ksk"
    assert "not called compromised any more" in plan.why
    assert plan.history.rollover is not None
    assert plan.history.rollover.back


def test_the_way_back_says_which_key_is_meant() -> None:
    world = begun(rolling(TinyWorld()), 22)
    world.intent = replace(world.intent, roll=Roll())

    plan = world.plan(41)
    world.run(41)

    assert plan.why == "rollover 'x' was taken back"
    assert [step.summary for step in plan.timeline] == [
        "remove the abandoned DS", "withdraw the abandoned KSK", "delete the abandoned KSK at the signer",
    ]  # fmt: skip
    assert world.run(42).why == "the way back"


def test_a_key_that_the_signer_has_deleted_closes_the_way_back() -> None:
    world = begun(rolling(TinyWorld()), 119)
    assert K1 not in world.keys
    del world.held[K1]
    world.intent = replace(world.intent, roll=Roll())

    plan = world.plan(120)

    assert plan.why == "rollover 'x' was taken back, too late: it goes on"
    assert [finding.code for finding in plan.findings] == ["NO_WAY_BACK"]
    world.until_done(121)
    assert K1 not in world.keys
    assert dict(world.history.tokens)["sep"] == "x"


def test_a_signer_that_lists_nothing_closes_no_way_back() -> None:
    world = begun(rolling(TinyWorld()), 119)
    world.intent = replace(world.intent, roll=Roll())

    plan = plan_zone(replace(world.situation(world.observe(120)), held=None))

    assert plan.why == "rollover 'x' was taken back"
    assert plan.findings == ()


def test_only_proposals_are_put_in_other_words() -> None:
    wait = Wait(until=None, reason="until the new key shows")

    assert in_words_of_back(wait) is wait


def test_pinned_keys_that_nobody_holds_are_refused() -> None:
    world = TinyWorld()
    world.run(0)
    world.intent = replace(world.intent, keys=(K2, Z2))

    move = world.run(1).moves[0]

    assert isinstance(move, Blocked)
    assert move.findings[0].code == "CAPABILITY_MISSING"


def test_an_unsigned_zone_is_signed_again_with_the_keys_that_are_still_held() -> None:
    world = TinyWorld()
    world.run(0)
    world.intent = replace(world.intent, dnssec="insecure")
    begun(world, 158)
    assert world.keys == ()
    world.intent = replace(world.intent, dnssec="signed")

    world.until_done(159)

    assert_as_at_first(world)


def test_servers_that_disagree_do_not_make_it_forget_the_keys_of_before() -> None:
    world = TinyWorld()
    world.run(0)
    world.intent = replace(world.intent, dnssec="insecure")
    begun(world, 158)
    world.intent = replace(world.intent, dnssec="signed")
    seen = world.observe(159)
    old = replace(seen.child[0], address="198.51.100.2", keys=tuple(sorted((K1, Z1))), key_signers=frozenset({K1.id}))

    world.run(159, replace(seen, child=(*seen.child, old)))

    assert world.history.rollover is not None
    assert world.history.rollover.recipe == "insecure"


def test_a_zone_whose_signing_is_taken_back_before_it_is_served_keeps_no_key() -> None:
    world = unsigned_world(receipt=lambda step: None if step.stage == "A1" else Receipt(state="accepted"))
    world.run(0)
    world.receipt = lambda _: Receipt(state="accepted")
    world.intent = replace(world.intent, dnssec="insecure")

    world.until_done(1)

    assert (world.held, world.keys) == ({}, ())


def test_a_person_who_was_asked_for_a_change_is_asked_for_the_way_back_instead() -> None:
    world = rolling(TinyWorld(capabilities=Capabilities(update="manual")))
    world.run(1)
    step = next(move for move in world.run(2).moves if isinstance(move, NeedsHuman)).step
    world.receipt = lambda step: Receipt(state="manual" if step.rrset == "DS" else "accepted")
    world.perform(step, 2)
    world.intent = replace(world.intent, roll=Roll())

    plan = world.plan(50)

    asked = [move for move in plan.moves if isinstance(move, NeedsHuman)]
    assert [move.step.summary for move in asked] == ["remove the abandoned DS"]
    world.perform(asked[0].step, 50)
    world.until_done(51)
    assert_as_at_first(world)


def test_a_change_that_came_to_nothing_is_not_asked_for_again_on_the_way_back() -> None:
    world = rolling(TinyWorld())
    world.run(1)
    world.registration = 10_000
    world.run(2)
    world.registration = 20
    world.pending.clear()
    world.intent = replace(world.intent, roll=Roll())

    stages = [stage for _, stage in world.log]
    world.until_done(200)

    assert stages[-1] == "B2a"
    assert "repeat" not in [stage for _, stage in world.log]
    assert_as_at_first(world)
