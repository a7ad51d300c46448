"""Where two features meet: a move and what was in flight before it, keys held by hand or lost, and the way back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine_builders import K1, K2, Z1, Z2, TinyWorld, rolling
from test_break_chain import BrokenWorld
from test_lasting_settings import STATED, stating
from test_migration import plain, until
from test_undo import retreat
from two_signers import KA, THERE, World
from two_signers import T0 as START

from dnsplan.engine.undo import retreat_of
from dnsplan.engine.view import view_of
from dnsplan.model.action import SetKeys, SetTtl
from dnsplan.model.history import Beside, DnskeyContent, Ended, RRsetVersion, Silent, ZoneContent
from dnsplan.model.observation import Observation, Unreachable
from dnsplan.model.plan import Blocked, Receipt, Step
from dnsplan.model.portfolio import Roll
from dnsplan.model.records import Dnskey
from dnsplan.model.time import Instant

OTHER = Beside(
    signer="there",
    names=frozenset({"b1.example"}),
    home=frozenset({"a1.example"}),
    servers=frozenset({"203.0.113.1"}),
    dnskey=(
        RRsetVersion(
            content=DnskeyContent(keys=(K2, Z2), signers=frozenset({K2.id})), first=0, everywhere=1, ttl_star=40
        ),
    ),
    zonedata=(RRsetVersion(content=ZoneContent(signers=frozenset({Z2.id})), first=0, everywhere=1, ttl_star=60),),
)


def test_a_zone_whose_key_resolvers_hold_by_hand_does_not_move() -> None:
    world = plain()
    world.intent = replace(world.intent, trust_anchor=True)
    world.run(0)

    (move,) = world.run(1).moves

    assert isinstance(move, Blocked)
    assert move.findings[0].code == "TRUST_ANCHOR_HELD"
    assert (world.stages, world.history.rollover) == ([], None)


def test_a_move_stops_where_it_is_when_a_key_is_held_by_hand_and_may_go_back() -> None:
    world = plain()
    at = until(world, "J3")
    world.intent = replace(world.intent, trust_anchor=True)

    plan = world.run(at + 1)

    assert plan.headline == "BLOCKED"
    assert plan.history.rollover is not None
    world.intent = replace(world.intent, migrate_to=None)
    world.until_ok(at + 2)
    assert KA in world.served["old", "DNSKEY"][-1].value[0]


class WithDeadServers(World):
    """A world with one more server on each side, which never answers and which a person has acknowledged."""

    DEAD = ("192.0.2.9", "198.51.100.9")

    def observe(self, at: int) -> Observation:
        seen = super().observe(at)
        parent, child = (Unreachable(address=address, reason="timeout") for address in self.DEAD)
        left = frozenset({child.address} if seen.extra else ())
        return replace(seen, parent=(*seen.parent, parent), child=(*seen.child, child), extra=seen.extra | left)


def test_a_move_ends_beside_servers_that_were_acknowledged_as_dead() -> None:
    alive = plain()
    world = WithDeadServers(lags=alive.lags, ttls=alive.ttls, margins=alive.margins, unseen=alive.unseen)
    dead = tuple(Silent(address=address, since=0, acknowledged=1) for address in world.DEAD)
    world.history = replace(world.history, silent=dead)

    world.until_ok(most=4 * 86400)

    assert world.history.signed_at == THERE


def test_a_move_is_undone_by_taking_it_out() -> None:
    world = plain()
    at = until(world, "J2")

    def found(moment: Instant) -> tuple[str, str | None, object]:
        view = view_of(world.situation(world.observe(moment)))
        assert view is not None
        there = retreat_of(view)
        world.intent = there.intent
        return there.way, there.intent.migrate_to, there.intent.keys

    assert found(at) == ("open", None, "auto")
    assert found(at) == ("asked", None, "auto")
    world.until_ok(at)
    assert world.history.signed_at == ""


def test_keys_asked_for_before_a_move_are_asked_for_again_as_they_were() -> None:
    world = rolling(TinyWorld())
    world.receipt = lambda step: None if step.stage == "B1" else Receipt(state="accepted")
    world.run(1)
    world.intent = replace(world.intent, migrate_to="there")
    world.history = replace(world.history, beside=OTHER)

    (again,) = world.plan(2).moves

    assert isinstance(again, Step)
    assert (again.stage, type(again.action)) == ("repeat", SetKeys)


def test_a_ttl_asked_for_before_a_move_is_asked_for_again_as_it_was() -> None:
    world = stating(key_ttl=400)
    world.policy = replace(world.policy, stated=STATED)
    world.receipt = lambda _: None
    world.run(0)
    world.intent = replace(world.intent, migrate_to="there")
    world.history = replace(world.history, beside=OTHER)

    again = [move.action for move in world.plan(1).moves if isinstance(move, Step)]

    assert again == [SetTtl(rrset="DNSKEY", ttl=40)]


def test_a_lost_key_is_nothing_to_go_back_to() -> None:
    world = TinyWorld()
    world.run(0)
    del world.held[K1]
    for at in range(1, 120):
        world.run(at)
    assert world.log[-1] == (118, "N2")

    assert retreat(world, 120).way == "irreversible"
    world.intent = replace(world.intent, keys=(K1,))
    plan = world.run(121)

    assert plan.history.rollover is not None
    assert not plan.history.rollover.back
    assert K1.id not in world.key_signers
    assert "NO_WAY_BACK" in {finding.code for finding in plan.findings}
    assert Z1 in world.keys


@pytest.mark.parametrize(
    ("lost", "stolen", "created"), [(K1, K1, 1), (Z1, K1, 2), (K1, Z1, 2), (Z1, Z1, 1), (None, K1, 1), (None, Z1, 1)]
)
def test_keys_lost_and_stolen_are_replaced_once(lost: Dnskey | None, stolen: Dnskey, created: int) -> None:
    world = TinyWorld()
    world.run(0)
    if lost is not None:
        del world.held[lost]
    else:
        world.served_ds = ()  # a repair comes first
    world.intent = replace(world.intent, compromised=(stolen,))

    plan = world.run(1)

    assert plan.recipe == ("bootstrap" if lost is None else "lost-key")
    assert len([step for _, step in world.log if "0-" in step]) == created
    world.until_done(2)
    assert len([step for _, step in world.log if "0-" in step]) == created
    assert stolen not in world.keys


def test_a_repair_of_a_zone_with_a_stolen_key_goes_on_where_the_chain_may_be_broken() -> None:
    world = BrokenWorld(served_ds=())
    world.intent = replace(world.intent, compromised=(K1,))

    world.until_done()

    assert len([step for _, step in world.log if "0-" in step]) == 1
    assert K1 not in world.keys


def test_a_stolen_key_that_is_still_pinned_is_no_zone_at_rest() -> None:
    world = TinyWorld()
    world.intent = replace(world.intent, keys=(K1,))
    assert world.run(0).headline == "OK"
    world.intent = replace(world.intent, compromised=(K1,))

    plan = world.run(1)

    assert plan.headline == "BLOCKED"
    assert isinstance(plan.moves[0], Blocked)
    assert "pinned" in plan.moves[0].findings[0].detail
    world.intent = replace(world.intent, keys="auto")
    assert world.run(2).recipe == "emergency"


def test_a_stolen_key_does_not_wait_for_a_ttl() -> None:
    world = stating(ds_ttl=900)
    right = world._effect
    world._effect = lambda step, at, receipt: receipt if step.op == "ttl.set" else right(step, at, receipt)  # type: ignore[method-assign]
    world.run(0)
    assert world.log == [(0, "V2")]
    world.intent = replace(world.intent, compromised=(K1,))

    world.run(1)
    world.run(2)

    assert [stage for _, stage in world.log] == ["V2", "I0-ksk", "I1"]


def test_going_back_to_what_is_served_says_nothing_of_the_parents_time() -> None:
    world = rolling(TinyWorld(registration=10_000))
    world.run(1)
    at = 1
    while world.log[-1][1] != "B2a":
        at += 1
        world.run(at)
    world.pending.clear()
    world.intent = replace(world.intent, roll=Roll())

    for later in range(at + 1, at + 150):
        world.run(later)

    assert [stage for _, stage in world.log][-3:] == ["B2b", "B3", "B4"]
    assert world.history.registrations == ()


@pytest.mark.parametrize(("back", "config"), [(False, "merge"), (True, "")])
def test_a_move_that_ends_is_a_canary_that_ends_and_one_taken_back_is_none(back: bool, config: str) -> None:
    world = plain()
    at = until(world, "J2")
    assert world.history.rollover is not None
    world.history = replace(world.history, rollover=replace(world.history.rollover, config="merge"))
    if back:
        world.intent = replace(world.intent, migrate_to=None)

    end = world.until_ok(at)

    assert world.history.ended == Ended(at=START + end, config=config)
