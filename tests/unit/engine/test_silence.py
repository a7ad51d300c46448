"""Servers that do not answer: they stop their zone, until a person who may say so says that they are dead."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine_builders import K1, TinyWorld, ds, parent_answer, rolling

from dnsplan.engine import acknowledge
from dnsplan.engine.obstacles import silent_servers
from dnsplan.engine.view import view_of
from dnsplan.model.observation import ChildView, Host, Observation, ParentView, Unreachable
from dnsplan.model.plan import Wait

DAY = 86400
DEAD, ALIVE = "192.0.2.9", "192.0.2.1"
ALSO = Unreachable(address="192.0.2.8", reason="timeout")
HOSTS = (
    Host(side="parent", name="a.nic", addresses=(ALIVE,)),
    Host(side="parent", name="b.nic", addresses=(DEAD,)),
    Host(side="child", name="ns.example.ch", addresses=("198.51.100.1",)),
)


def with_dead(seen: Observation, *others: ParentView, hosts: tuple[Host, ...] = HOSTS) -> Observation:
    dead = Unreachable(address=DEAD, reason="timeout")
    return replace(seen, parent=tuple(sorted((*seen.parent, *others, dead), key=lambda v: v.address)), hosts=hosts)


def silent_for(seconds: int) -> tuple[TinyWorld, Observation]:
    """Return a world that is to be rolled, and a sweep in which one parent server has been silent for so long."""
    world = rolling(TinyWorld())
    world.plan(1, with_dead(world.observe(1)))
    return world, with_dead(world.observe(1 + seconds))


def say(world: TinyWorld, seen: Observation, *addresses: str, urgent: bool = False) -> bool:
    """Let a person acknowledge; tell whether it was taken."""
    world.history = acknowledge(world.history, seen, frozenset(addresses), urgent=urgent)
    return any(silent.acknowledged is not None for silent in world.history.silent)


def test_a_silent_server_stops_everything_and_the_finding_says_from_when_it_can_be_acknowledged() -> None:
    world, seen = silent_for(100)

    plan = world.plan(101, seen)

    assert isinstance(plan.moves[0], Wait)
    assert DEAD in plan.moves[0].reason
    finding = next(finding for finding in plan.findings if finding.code == "NS_UNREACHABLE")
    assert "from 1970-01-13T13:46:41Z on" in finding.action  # a day after the first look
    assert "silent_server:ADDRESS" in finding.action


@pytest.mark.parametrize(("seconds", "taken"), [(DAY - 1, False), (DAY, True)])
def test_only_a_day_of_silence_can_be_acknowledged(seconds: int, taken: bool) -> None:
    world, seen = silent_for(seconds)

    assert say(world, seen, DEAD) is taken
    assert (world.plan(1 + seconds, seen).headline == "ACTIVE") is taken


def test_a_server_that_answers_in_between_begins_anew() -> None:
    world, _ = silent_for(0)
    world.plan(DAY // 2, with_dead(world.observe(DAY // 2)))
    world.plan(DAY // 2 + 10, replace(world.observe(DAY // 2 + 10), hosts=HOSTS))
    world.plan(DAY // 2 + 20, with_dead(world.observe(DAY // 2 + 20)))

    assert not say(world, with_dead(world.observe(DAY + 20)), DEAD)


@pytest.mark.parametrize(
    ("others", "hosts", "taken"),
    [
        ((), HOSTS, True),
        ((), (), False),  # nobody noted the names: what cannot be judged is refused
        ((ALSO,), (*HOSTS, Host(side="parent", name="c", addresses=(ALSO.address,))), False),
        ((ALSO,), (Host(side="parent", name="a.nic", addresses=(ALIVE, ALSO.address)), *HOSTS[1:]), True),
        ((), (*HOSTS, Host(side="parent", name="lost", addresses=())), False),
        ((), (*HOSTS, Host(side="child", name="lost", addresses=())), True),  # the child's affair
    ],
)  # fmt: skip
def test_an_address_of_every_other_name_must_answer(
    others: tuple[ParentView, ...], hosts: tuple[Host, ...], taken: bool
) -> None:
    world, _ = silent_for(0)
    seen = with_dead(world.observe(1 + DAY), *others, hosts=hosts)

    assert say(world, seen, DEAD) is taken


def test_the_last_server_of_a_side_is_never_acknowledged() -> None:
    world, _ = silent_for(0)
    seen = world.observe(1 + DAY)
    alone = replace(seen, parent=(Unreachable(address=DEAD, reason="timeout"),), hosts=HOSTS[1:])

    assert not say(world, alone, DEAD)


def test_beside_an_acknowledged_server_margins_are_a_day_and_the_rollover_ends() -> None:
    world, seen = silent_for(DAY)
    say(world, seen, DEAD)
    start = 1 + DAY
    world.run(start, seen)
    for at in range(start + 1, start + 20 * DAY, 1800):
        plan = world.run(at, with_dead(world.observe(at)))
        if plan.headline == "OK":
            break

    assert K1 not in world.keys
    stages = {stage: at - start for at, stage in world.log}
    # B2b: the DNSKEY RRset was everywhere a second after the start; a day and its TTL of 40 later
    assert DAY + 41 <= stages["B2b"] <= DAY + 41 + 1800
    assert stages["B3"] - stages["B2a"] >= DAY + 90
    assert [f.code for f in plan.findings] == ["NS_ACKNOWLEDGED"]
    assert plan.findings[0].servers == (DEAD,)


def test_when_an_acknowledged_server_answers_again_it_counts_and_the_margins_stay_until_its_caches_are_gone() -> None:
    world, seen = silent_for(DAY)
    say(world, seen, DEAD)
    world.run(1 + DAY, seen)
    back = 2 + DAY

    def answering(at: int) -> Observation:
        seen = world.observe(at)
        return replace(seen, parent=(*seen.parent, parent_answer(ds(K1), address=DEAD)), hosts=HOSTS)

    def margin(at: int) -> int:
        world.plan(at, answering(at))
        view = view_of(world.situation(answering(at)))
        assert view is not None
        assert silent_servers(view) == ()
        return view.margins.parent

    assert margin(back) == DAY
    assert margin(back + DAY + 89) == DAY
    assert margin(back + DAY + 90) == 7
    assert world.history.silent == ()


def test_an_acknowledged_server_that_falls_silent_again_soon_needs_no_second_word() -> None:
    world, seen = silent_for(DAY)
    say(world, seen, DEAD)
    world.plan(1 + DAY, seen)
    at = 10 + DAY
    shown = world.observe(at)
    world.plan(at, replace(shown, parent=(*shown.parent, parent_answer(ds(K1), address=DEAD)), hosts=HOSTS))

    plan = world.plan(at + 10, with_dead(world.observe(at + 10)))

    assert [f.code for f in plan.findings] == ["NS_ACKNOWLEDGED"]


def test_in_an_emergency_one_silent_sweep_can_be_acknowledged_and_margins_stay_wide() -> None:
    world = TinyWorld()
    world.run(0)
    world.intent = replace(world.intent, compromised=(K1,))
    seen = with_dead(world.observe(10))

    assert world.plan(10, seen).headline == "WAITING"
    assert say(world, with_dead(world.observe(11)), DEAD, urgent=True)
    plan = world.run(11, with_dead(world.observe(11)))

    assert [stage for _, stage in world.log] == ["I0-ksk", "I1"]
    view = view_of(world.situation(seen))
    assert plan.recipe == "emergency"
    assert view is not None
    assert (view.margins.parent, view.margins.child) == (DAY, DAY)


def test_a_silent_child_server_is_acknowledged_like_a_parents() -> None:
    world = rolling(TinyWorld())
    name = "dead.example.ch"

    def sweep(at: int) -> Observation:
        seen = world.observe(at)
        dead: ChildView = Unreachable(address=name, reason="no-address")
        hosts = (*HOSTS, Host(side="child", name=name, addresses=()))
        return replace(seen, child=(*seen.child, dead), hosts=hosts)

    world.plan(1, sweep(1))
    assert say(world, sweep(1 + DAY), name)
    assert world.run(1 + DAY, sweep(1 + DAY)).recipe == "double-ksk"
    assert len(world.log) == 2
