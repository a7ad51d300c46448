"""The deliberate break: the DS first, then new keys, then a DS again; only where a person lifts the guard."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from engine_builders import K1, T0, Z1, TinyWorld, dnskey, ds, policy

from dnsplan.model.observation import Observation
from dnsplan.model.plan import Blocked, Situation
from dnsplan.model.records import Dnskey


@dataclass
class BrokenWorld(TinyWorld):
    """A world whose guard a person has lifted."""

    lifted: bool = True

    def situation(self, seen: Observation) -> Situation:
        return replace(super().situation(seen), breaks_chain=self.lifted)


def stolen(world: BrokenWorld, *keys: Dnskey) -> BrokenWorld:
    world.run(0)
    world.intent = replace(world.intent, compromised=keys)
    return world


def test_the_ds_goes_first_and_comes_again_with_a_new_key() -> None:
    world = stolen(BrokenWorld(), K1)

    plan = world.plan(1)
    world.until_done(1)

    # no DS from 21 on, in no cache from 21+90 = 111, trusted for a DNSKEY TTL more: 151; every cache has the new key by
    # then, so that its DS comes as soon as the set without the old key shows
    assert world.log == [(1, "X1"), (21, "X0-ksk"), (21, "X2"), (151, "X4"), (152, "X5a"), (172, "X6")]
    assert K1 not in world.keys
    assert len(world.served_ds) == 1
    assert plan.recipe == "break-chain"
    assert [(f.code, f.expected_until) for f in plan.findings] == [("FORGERY_WINDOW", T0 + 1 + 90 + 40)]


def test_a_compromised_zsk_stops_signing_as_soon_as_the_new_one_is_known() -> None:
    world = stolen(BrokenWorld(), Z1)

    world.until_done(1)

    assert [stage for _, stage in world.log] == ["X1", "X0-zsk", "X2", "X3", "X4", "X5a", "X6"]
    assert Z1 not in world.keys
    assert world.served_ds == (ds(K1),)


def test_without_the_guard_the_chain_stays_whole() -> None:
    world = stolen(BrokenWorld(lifted=False), K1)

    plan = world.plan(1)
    world.until_done(1)

    assert plan.recipe == "emergency"
    assert "break_chain:example.ch" in plan.findings[0].action
    assert all(stage.startswith("I") for _, stage in world.log)


def test_an_emergency_under_way_becomes_a_break_and_goes_on_without_the_guard() -> None:
    world = stolen(BrokenWorld(lifted=False), K1)
    world.run(1)
    world.lifted = True
    assert world.run(2).recipe == "break-chain"
    world.lifted = False

    world.until_done(3)

    assert K1 not in world.keys
    assert sum(stage == "X1" for _, stage in world.log) == 1


def test_a_break_is_taken_back_with_the_compromise() -> None:
    world = stolen(BrokenWorld(), K1)
    world.run(1)
    world.run(30)
    world.intent = replace(world.intent, compromised=())

    world.until_done(31)

    assert (world.served_ds, set(world.keys)) == ((ds(K1),), {K1, Z1})


@pytest.mark.parametrize(("unknown", "blocked"), [("keep", True), ("remove", False)])
def test_a_foreign_ds_would_make_the_zone_bogus(unknown: str, blocked: bool) -> None:
    world = BrokenWorld(policy=policy(unknown_ds=unknown))
    world.served_ds = tuple(sorted((ds(K1), ds(dnskey("foreign")))))
    world.run(0)
    world.until_done(1)
    stolen(world, K1)

    move = world.run(400).moves[0]

    assert isinstance(move, Blocked) == blocked
