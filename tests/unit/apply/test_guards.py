"""What one apply may start or take away, and what lifts it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from apply_builders import T0, World, make_world, want

from dnsplan.apply import Run, RunResult, Tally, apply_until, exit_code, look, run
from dnsplan.apply.executor import Stop
from dnsplan.errors import ExitCode
from dnsplan.model.observation import Host, Observation, Unreachable
from dnsplan.model.plan import Receipt
from dnsplan.model.portfolio import Guards, KeyPolicy, Roll
from dnsplan.ports import Sight

ROOMY = {"max_zones_per_apply": 1000, "max_in_flight_per_parent": 1000, "canary_zones": 0}


def pace(zones: int, per_parent: int, **guards: int) -> Guards:
    """Return limits of an apply and of a parent, without canaries unless they are asked for."""
    return Guards(**{"max_zones_per_apply": zones, "max_in_flight_per_parent": per_parent, "canary_zones": 0, **guards})


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
    world = make_world(5, guards=pace(2, 1000))
    result = world.run()
    assert {zone for zone, _ in world.calls} == {"z0.ch", "z1.ch"}
    assert [zone.plan.headline for zone in result.zones[2:]] == ["WAITING"] * 3
    assert exit_code(result, detailed=True) is ExitCode.WAITING
    world.run()
    assert {zone for zone, _ in world.calls} == {"z0.ch", "z1.ch", "z2.ch", "z3.ch"}


def test_no_more_rollovers_of_one_parent_are_under_way_than_the_guard_allows_and_all_get_their_turn() -> None:
    world = make_world(5, signed=True, guards=pace(1000, 2))
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
    world = make_world(3, signed=True, guards=pace(1, 1000))
    world.run()
    want(world, roll=Roll(sep="x"))
    world.run()
    assert [world.ledger.histories[zone].rollover is not None for zone in world.children] == [True, False, False]


def test_a_zone_that_a_guard_held_back_is_due_again_at_once() -> None:
    world = make_world(3, guards=pace(1, 1000))
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
    world = make_world(4, signed=True, guards=pace(1000, 2))
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
    world = make_world(5, guards=pace(2, 1000))
    tally = Tally()
    result = apply_until(T0 + 100_000, world.clock, lambda: world.run(tally=tally), stop=Stop())
    assert {zone for zone, _ in world.calls} == {"z0.ch", "z1.ch"}
    assert [zone.plan.headline for zone in result.zones] == ["OK", "OK", "WAITING", "WAITING", "WAITING"]
    assert world.clock.at < T0 + 5000
    assert exit_code(result, detailed=True) is ExitCode.WAITING


def test_zones_beyond_the_limit_of_their_parent_follow_within_one_apply() -> None:
    world = make_world(3, guards=pace(1000, 1))
    tally = Tally()
    result = apply_until(T0 + 100_000, world.clock, lambda: world.run(tally=tally), stop=Stop())
    assert [zone.plan.headline for zone in result.zones] == ["OK"] * 3


# Whose turn it is --------------------------------------------------------------------------------------------------
def ask(world: World, zone: str, token: str, at: int) -> None:
    """Let a merge bring a token for one zone."""
    zones = dict(world.portfolio.zones)
    zones[zone] = replace(zones[zone], roll=Roll(sep=token))
    world.portfolio = replace(world.portfolio, zones=zones)
    world.digests[zone], world.merged[zone] = token, at


def begun(world: World) -> list[str]:
    return sorted(zone for zone, history in world.ledger.histories.items() if history.rollover is not None)


def test_the_token_that_was_merged_first_goes_first_whatever_the_zones_are_called() -> None:
    world = make_world(3, signed=True, guards=pace(1, 1000))
    world.run()
    for zone, at in (("z0.ch", 30), ("z1.ch", 10), ("z2.ch", 20)):
        ask(world, zone, "x", T0 - at)
    world.run()
    assert begun(world) == ["z0.ch"]
    world.run()
    assert begun(world) == ["z0.ch", "z2.ch"]


def test_a_key_that_is_overdue_goes_by_its_own_due_date() -> None:
    world = make_world(3, signed=True, guards=pace(1, 1000, spread_first_lifetimes=False))
    world.portfolio = replace(
        world.portfolio,
        policies={"default": replace(world.portfolio.policies["default"], ksk=KeyPolicy(lifetime=1000))},
    )
    for zone in ("z2.ch", "z0.ch", "z1.ch"):
        run(world.portfolio, (zone,), world.ports, Run(id=zone))
        world.clock.at += 100
    world.clock.at += 5000
    world.run()
    assert begun(world) == ["z2.ch"]
    world.run()
    assert begun(world) == ["z0.ch", "z2.ch"]


def test_first_lifetimes_of_zones_met_on_one_day_end_on_different_days_and_never_late() -> None:
    spread = {}
    for lifetimes in (True, False):
        world = make_world(8, signed=True, guards=pace(1000, 1000, spread_first_lifetimes=lifetimes))
        day, ages = 86400, KeyPolicy(lifetime=100 * 86400)
        world.portfolio = replace(
            world.portfolio, policies={"default": replace(world.portfolio.policies["default"], ksk=ages)}
        )
        looks = {}
        world.run()
        for number in range(74, 101):
            world.clock.at = T0 + number * day
            for one in look(world.portfolio, tuple(world.children), world.ports):
                if one.plan.recipe == "double-ksk":
                    looks.setdefault(one.zone, number)
        spread[lifetimes] = sorted(looks.values())
    assert spread[False] == [100] * 8
    assert 75 <= spread[True][0] <= spread[True][-1] <= 100
    assert len(set(spread[True])) > 4


def asked_of_all(world: World, token: str) -> None:
    want(world, roll=Roll(sep=token))
    world.digests = dict.fromkeys(world.children, token)


def finish(world: World, commit: str) -> int:
    """Run until nothing is under way; return when."""
    for _ in range(400):
        world.run(commit=commit)
        if not begun(world):
            return world.clock.at
        world.clock.at += 5
    raise AssertionError(begun(world))


def test_of_a_merge_one_zone_of_each_policy_goes_first_and_the_rest_follows_after_the_soak() -> None:
    world = make_world(4, signed=True, guards=pace(1000, 1000, canary_zones=1, canary_soak=1000))
    policies = {**world.portfolio.policies, "other": replace(world.portfolio.policies["default"], name="other")}
    zones = dict(world.portfolio.zones)
    zones["z3.ch"] = replace(zones["z3.ch"], policy="other")
    world.portfolio = replace(world.portfolio, policies=policies, zones=zones)
    world.run()
    asked_of_all(world, "x")
    result = world.run(commit="m1")
    assert begun(world) == ["z0.ch", "z3.ch"]
    reason = "canary: of this merge 1 zone of policy default go first, and soak for 16m40s"
    assert [zone.plan.moves[0].reason for zone in result.zones[1:3]] == [reason] * 2  # type: ignore[union-attr]
    ended = finish(world, "m2 of another zone")
    world.run(commit="m2 of another zone")
    assert begun(world) == []
    assert world.ledger.histories["z1.ch"].next_at == ended + 1000
    world.clock.at = ended + 999
    world.run(commit="m3")
    assert begun(world) == []
    world.clock.at = ended + 1000
    world.run(commit="m3")
    assert begun(world) == ["z1.ch", "z2.ch"]


def test_a_canary_that_is_stuck_keeps_the_rest_back_and_an_age_needs_no_canary() -> None:
    world = make_world(3, signed=True, guards=pace(1000, 1000, canary_zones=1, canary_soak=10))
    world.run()
    asked_of_all(world, "x")
    world.receipt = lambda zone, action: Receipt(state="refused") if zone == "z0.ch" else None
    for _ in range(50):
        world.run(commit="m1")
        world.clock.at += 50
    assert begun(world) == ["z0.ch"]

    aged = make_world(3, signed=True, guards=pace(1000, 1000, canary_zones=1, spread_first_lifetimes=False))
    policy = replace(aged.portfolio.policies["default"], ksk=KeyPolicy(lifetime=1000))
    aged.portfolio = replace(aged.portfolio, policies={"default": policy})
    aged.run()
    aged.clock.at += 1000
    aged.run(commit="m1")
    assert begun(aged) == ["z0.ch", "z1.ch", "z2.ch"]


def test_a_token_taken_back_before_it_began_is_forgotten() -> None:
    world = make_world(2, signed=True, guards=pace(1, 1000))
    world.run()
    asked_of_all(world, "x")
    world.run(commit="m1")
    assert world.ledger.histories["z1.ch"].asked is not None
    want(world, roll=Roll())
    world.run(commit="m2")
    assert world.ledger.histories["z1.ch"].asked is None


def test_an_emergency_goes_before_everything_else_and_needs_no_canary() -> None:
    world = make_world(3, signed=True, guards=pace(1, 1000, canary_zones=1))
    world.run()
    asked_of_all(world, "x")
    zones = dict(world.portfolio.zones)
    zones["z2.ch"] = replace(zones["z2.ch"], compromised=world.children["z2.ch"].keys[:1])
    world.portfolio = replace(world.portfolio, zones=zones)
    world.run(commit="m1")
    assert begun(world) == ["z2.ch"]


def test_a_lost_key_goes_before_everything_else_and_needs_no_canary() -> None:
    world = make_world(3, signed=True, guards=pace(1, 1000, canary_zones=1))
    world.run()
    asked_of_all(world, "x")
    del world.children["z2.ch"].held[world.children["z2.ch"].keys[0]]
    world.run(commit="m1")
    assert begun(world) == ["z2.ch"]


# Servers that do not answer ----------------------------------------------------------------------------------------
DEAD = "192.0.2.9"


@dataclass
class WithDeadServer:
    """The world's eyes, and one more parent server that never answers."""

    world: World

    def observe(self, sights: Sequence[Sight]) -> list[Observation]:
        hosts = (
            Host(side="parent", name="a", addresses=("192.0.2.1",)),
            Host(side="parent", name="b", addresses=(DEAD,)),
        )
        dead = Unreachable(address=DEAD, reason="timeout")
        return [replace(seen, parent=(*seen.parent, dead), hosts=hosts) for seen in self.world.observe(sights)]


def run_with_dead_server(world: World, *addresses: str, unknown_is_fine: bool = False) -> RunResult:
    ports = replace(
        world.ports, dns=WithDeadServer(world), silenced=frozenset(addresses), unknown_is_fine=unknown_is_fine
    )
    world.runs += 1
    lifted = frozenset(f"silent_server:{address}" for address in addresses)
    return run(world.portfolio, tuple(world.children), ports, Run(id=f"dead{world.runs}", allowed=lifted))


def test_a_silent_server_is_acknowledged_by_its_address_and_the_ledger_remembers_it() -> None:
    world = make_world(1, signed=True)
    world.run()
    want(world, roll=Roll(sep="x"))
    world.clock.at += 1
    run_with_dead_server(world)
    run_with_dead_server(world, DEAD)
    assert world.calls == []  # it has not been silent for a day
    world.clock.at += 86400
    run_with_dead_server(world)
    run_with_dead_server(world, "192.0.2.8")
    assert world.calls == []
    world.clock.at += 1
    run_with_dead_server(world, DEAD)
    assert world.calls == [("z0.ch", "CreateKey"), ("z0.ch", "SetKeys")]
    assert world.ledger.newest()[0].guards_lifted == (f"silent_server:{DEAD}",)  # type: ignore[index]
    world.clock.at += 10
    run_with_dead_server(world)
    assert world.calls[-1] == ("z0.ch", "SetDs")


def test_unknown_blocks_everything_but_an_emergency_for_which_that_is_lifted() -> None:
    calm, urgent = make_world(1, signed=True), make_world(1, signed=True)
    for world in (calm, urgent):
        world.run()
    want(calm, roll=Roll(sep="x"))
    want(urgent, compromised=urgent.children["z0.ch"].keys[:1])
    run_with_dead_server(urgent)
    assert urgent.calls == []
    for world in (calm, urgent):
        run_with_dead_server(world, unknown_is_fine=True)
    assert calm.calls == []
    assert urgent.count("CreateKey") == 1
