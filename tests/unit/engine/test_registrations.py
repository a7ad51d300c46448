"""How long a parent took is kept, and when the next sweep can count."""

from __future__ import annotations

from dataclasses import replace

from engine_builders import K1, K2, T0, TinyWorld, ds, observation, parent_answer, policy, rolling

from dnsplan.engine import absorb
from dnsplan.model.history import Registration, ZoneHistory
from dnsplan.model.observation import Observation, Unreachable
from dnsplan.model.plan import Wait
from dnsplan.model.portfolio import Timing

SWEEPS = Timing(child_margin=5, parent_margin=7, registration_budget=100, sweep_count=2, sweep_spacing=10)


def test_the_parents_time_runs_from_the_submission_to_the_first_clean_sweep() -> None:
    world = rolling(TinyWorld(policy=policy(timing=SWEEPS)))

    world.until_done(10)

    submitted = [T0 + at for at, stage in world.log if stage in {"B2a", "B2b"}]
    assert [one.submitted for one in world.history.registrations] == submitted
    assert [one.shown - one.submitted for one in world.history.registrations] == [28, 28]  # 20, and until the next look


def test_what_was_found_is_no_change_of_the_parents() -> None:
    world = TinyWorld()
    world.run(0)
    world.served_ds = tuple(sorted((ds(K1), ds(K2))))

    world.plan(1)

    assert len(world.history.ds) == 3
    assert world.history.registrations == ()


def asked(at: int) -> TinyWorld:
    """Return a world in which one DS was asked for at `at`."""
    world = rolling(TinyWorld(registration=10_000))
    world.run(at - 1)
    world.run(at)
    assert world.log[-1] == (at, "B2a")
    return world


def shown(world: TinyWorld, at: int, *servers: bool) -> ZoneHistory:
    """Return the history after a sweep in which these parent servers show what was asked for."""
    new, old = world.pending[-1][1], world.served_ds
    parent = tuple(
        parent_answer(*(new if shows else old), address=f"192.0.2.{number}") for number, shows in enumerate(servers, 1)
    )
    seen = replace(world.observe(at), parent=parent)
    return absorb(world.history, seen, policy=world.policy, capabilities=world.capabilities)


def test_one_server_is_not_every_server_and_a_setback_begins_anew() -> None:
    world = asked(10)
    world.policy = policy(timing=SWEEPS)

    world.history = shown(world, 20, True, False)
    assert world.history.registrations == ()
    world.history = shown(world, 30, True, True)
    assert world.history.registrations == (Registration(parent="", submitted=T0 + 10, shown=T0 + 30),)
    world.history = shown(world, 35, True, False)
    world.history = shown(world, 40, True, True)
    assert world.history.registrations == (Registration(parent="", submitted=T0 + 10, shown=T0 + 40),)
    world.history = shown(world, 50, True, True)
    assert world.history.registrations == (Registration(parent="", submitted=T0 + 10, shown=T0 + 40),)


def test_only_the_newest_five_are_kept() -> None:
    world = asked(10)
    past = tuple(Registration(parent="p", submitted=number, shown=number + 1) for number in range(5))
    world.history = replace(world.history, registrations=past)

    kept = shown(world, 20, True).registrations

    assert [one.submitted for one in kept] == [1, 2, 3, 4, T0 + 10]


def waits(world: TinyWorld, seen: Observation) -> int:
    """Return how long after a sweep the next one can count."""
    move = world.plan(seen.at - T0, seen).moves[0]
    assert isinstance(move, Wait)
    assert move.until is not None
    return move.until - seen.at


def test_what_was_just_asked_for_is_looked_at_once_and_then_with_the_spacing() -> None:
    world = asked(10)
    world.policy = policy(timing=SWEEPS)

    just = world.plan(10).history.next_at
    assert just == T0 + 11
    assert waits(world, world.observe(11)) == 10


def test_a_sweep_that_comes_too_early_to_count_puts_the_next_one_off_no_further() -> None:
    world = TinyWorld(policy=policy(timing=SWEEPS), served_ds=())
    world.run(0)

    assert waits(world, world.observe(4)) == 6
    silent = (Unreachable(address="198.51.100.1", reason="timeout"),)
    assert waits(world, observation(15, (parent_answer(),), silent)) == 10  # the one at 10 never came
