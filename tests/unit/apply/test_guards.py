"""What one apply may start or take away, and what lifts it."""

from __future__ import annotations

from apply_builders import T0, World, make_world, want

from dnsplan.apply import Run, Tally, apply_until, exit_code, run
from dnsplan.apply.executor import Stop
from dnsplan.errors import ExitCode
from dnsplan.model.portfolio import Guards, Roll

ROOMY = {"max_zones_per_apply": 1000, "max_in_flight_per_parent": 1000}


def leaving(count: int, **guards: int) -> World:
    """Return a world of signed zones that are to become insecure."""
    world = make_world(count, signed=True, guards=Guards(**{**ROOMY, **guards}))
    world.run()
    want(world, dnssec="insecure")
    return world


def test_too_many_zones_that_lose_their_last_ds_are_refused_and_none_does() -> None:
    world = leaving(4, max_ds_removals_count=3)
    result = world.run()
    assert world.calls == []
    assert exit_code(result, detailed=False) is ExitCode.REFUSED
    assert {zone.plan.moves[0].guard for zone in result.zones} == {"max_ds_removals"}  # type: ignore[union-attr]
    assert "max_ds_removals" in result.zones[0].plan.moves[0].findings[0].action  # type: ignore[union-attr]


def test_as_many_removals_as_the_guard_allows_go_through() -> None:
    world = leaving(3, max_ds_removals_count=3)
    assert exit_code(world.run(), detailed=False) is ExitCode.OK
    assert world.count("SetDs") == 3


def test_the_guard_on_removals_is_lifted_by_its_name_only_and_the_record_says_so() -> None:
    world = leaving(4, max_ds_removals_count=3)
    world.run(allowed=frozenset({"freeze"}))
    assert world.count("SetDs") == 0
    world.run(allowed=frozenset({"max_ds_removals"}))
    assert world.count("SetDs") == 4
    assert world.ledger.newest()[0].guards_lifted == ("max_ds_removals",)  # type: ignore[index]


def test_the_percentage_of_removals_counts_from_forty_zones_on() -> None:
    world = leaving(40, max_ds_removals_count=100, max_ds_removals_percent=5)
    world.run()
    assert world.count("SetDs") == 0
    few = leaving(39, max_ds_removals_count=100, max_ds_removals_percent=5)
    few.run()
    assert few.count("SetDs") == 39


def test_no_more_zones_begin_in_one_apply_than_the_guard_allows() -> None:
    world = make_world(5, guards=Guards(max_zones_per_apply=2, max_in_flight_per_parent=1000))
    result = world.run()
    assert {zone for zone, _ in world.calls} == {"z0.ch", "z1.ch"}
    assert [zone.plan.headline for zone in result.zones[2:]] == ["WAITING"] * 3
    assert exit_code(result, detailed=True) is ExitCode.WAITING
    world.run()
    assert {zone for zone, _ in world.calls} == {"z0.ch", "z1.ch", "z2.ch", "z3.ch"}


def test_no_more_rollovers_of_one_parent_are_under_way_than_the_guard_allows_and_all_get_their_turn() -> None:
    world = make_world(5, signed=True, guards=Guards(max_zones_per_apply=1000, max_in_flight_per_parent=2))
    world.run()
    want(world, roll=Roll(sep="x"))
    most = 0
    for _ in range(400):
        result = world.run()
        most = max(most, sum(history.rollover is not None for history in world.ledger.histories.values()))
        if all(zone.plan.headline == "OK" for zone in result.zones):
            break
        world.clock.at += 5
    assert most == 2
    assert all(zone.plan.headline == "OK" for zone in result.zones)


def test_a_zone_that_a_guard_held_back_is_not_noted_as_begun() -> None:
    world = make_world(3, signed=True, guards=Guards(max_zones_per_apply=1, max_in_flight_per_parent=1000))
    world.run()
    want(world, roll=Roll(sep="x"))
    world.run()
    assert [world.ledger.histories[zone].rollover is not None for zone in world.children] == [True, False, False]


def test_a_zone_that_a_guard_held_back_is_due_again_at_once() -> None:
    world = make_world(3, guards=Guards(max_zones_per_apply=1, max_in_flight_per_parent=1000))
    world.run()
    assert world.ledger.due(world.clock.at) >= {"z1.ch", "z2.ch"}


def test_a_refusal_by_a_guard_that_goes_on_writes_nothing_new() -> None:
    world = leaving(4, max_ds_removals_count=3)
    world.run()
    commits = len(world.ledger.commits)
    world.clock.at += 5
    world.run()
    assert world.ledger.due(world.clock.at) == set(world.children)
    world.clock.at += 5
    world.run()
    assert len(world.ledger.commits) - commits <= 1


def test_rollovers_under_way_in_zones_that_were_not_selected_count_as_well() -> None:
    world = make_world(4, signed=True, guards=Guards(max_zones_per_apply=1000, max_in_flight_per_parent=2))
    world.run()
    want(world, roll=Roll(sep="x"))
    run(world.portfolio, ("z0.ch", "z1.ch"), world.ports, Run(id="a"))
    result = run(world.portfolio, ("z2.ch", "z3.ch"), world.ports, Run(id="b"))
    assert [history.rollover is not None for history in world.ledger.histories.values()] == [True, True, False, False]
    assert {zone.plan.moves[0].reason for zone in result.zones} == {  # type: ignore[union-attr]
        "max_in_flight_per_parent: other zones go first"
    }


def test_removals_of_all_runs_of_one_apply_count_together() -> None:
    world = leaving(6, max_zones_per_apply=1000, max_ds_removals_count=3)
    first, tally = tuple(world.children)[:2], Tally()
    run(world.portfolio, first, world.ports, Run(id="a", tally=tally))
    assert world.count("SetDs") == 2
    result = run(world.portfolio, tuple(world.children), world.ports, Run(id="b", tally=tally))
    assert world.count("SetDs") == 2
    assert exit_code(result, detailed=False) is ExitCode.REFUSED
    assert [zone.plan.headline for zone in result.zones[2:]] == ["BLOCKED"] * 4
    assert "BLOCKED" not in [zone.plan.headline for zone in result.zones[:2]]


def test_zones_begun_in_all_runs_of_one_apply_count_together_and_nobody_waits_for_the_rest() -> None:
    world = make_world(5, guards=Guards(max_zones_per_apply=2, max_in_flight_per_parent=1000))
    tally = Tally()
    result = apply_until(T0 + 100_000, world.clock, lambda: world.run(tally=tally), stop=Stop())
    assert {zone for zone, _ in world.calls} == {"z0.ch", "z1.ch"}
    assert [zone.plan.headline for zone in result.zones] == ["OK", "OK", "WAITING", "WAITING", "WAITING"]
    assert world.clock.at < T0 + 5000
    assert exit_code(result, detailed=True) is ExitCode.WAITING


def test_zones_beyond_the_limit_of_their_parent_follow_within_one_apply() -> None:
    world = make_world(3, guards=Guards(max_zones_per_apply=1000, max_in_flight_per_parent=1))
    tally = Tally()
    result = apply_until(T0 + 100_000, world.clock, lambda: world.run(tally=tally), stop=Stop())
    assert [zone.plan.headline for zone in result.zones] == ["OK"] * 3
