"""A saved plan holds while the same comes out again, and for a day."""

from __future__ import annotations

import pytest
from apply_builders import T0, World, make_world, want

from dnsplan.apply import RunResult, Tally, apply_until, assemble, exit_code, look
from dnsplan.apply.executor import Stop
from dnsplan.errors import AdapterError, ExitCode
from dnsplan.model.plan import Plan
from dnsplan.model.portfolio import Roll


def saved(world: World) -> Plan:
    """Return the plan as `plan -o` would write it now."""
    looks = look(world.portfolio, tuple(world.children), world.ports)
    return assemble(
        [one.plan for one in looks],
        portfolio=world.portfolio,
        digests={zone: world.ports.digest(zone) for zone in world.children},
        known=world.ledger.known() | {"gone.ch"},
        commit="c0ffee",
        dirty=False,
        selector=(),
        now=world.clock.now(),
    )


def test_a_matching_plan_is_carried_out_and_named_in_the_record() -> None:
    world = make_world(2)
    plan = saved(world)
    result = world.run(saved=plan)
    assert exit_code(result, detailed=False) is ExitCode.OK
    assert {zone for zone, _ in world.calls} == {"z0.ch", "z1.ch"}
    assert world.ledger.newest()[0].plan == plan.plan_id  # type: ignore[index]


def test_a_plan_of_the_same_state_made_later_has_the_same_fingerprints() -> None:
    world = make_world(2)
    before = saved(world)
    world.clock.at += 600
    assert [zone.fingerprint for zone in saved(world).zones] == [zone.fingerprint for zone in before.zones]


def test_a_zone_whose_configuration_changed_since_is_stale_and_the_others_go_on() -> None:
    world = make_world(2)
    plan = saved(world)
    world.digests["z0.ch"] = "two"
    result = world.run(saved=plan)
    assert {zone for zone, _ in world.calls} == {"z1.ch"}
    assert exit_code(result, detailed=False) is ExitCode.STALE
    assert "another step" in result.zones[0].stale
    assert "z0.ch" not in world.ledger.histories


def test_a_zone_for_which_another_step_comes_out_is_stale() -> None:
    world = make_world(signed=True)
    world.run()
    want(world, roll=Roll(sep="x"))
    plan = saved(world)
    world.settle()
    want(world, roll=Roll(sep="y"))
    world.run()
    calls = len(world.calls)
    assert exit_code(world.run(saved=plan), detailed=False) is ExitCode.STALE
    assert len(world.calls) == calls


def test_a_zone_that_the_plan_does_not_hold_is_stale() -> None:
    one, two = make_world(1), make_world(2)
    result = two.run(saved=saved(one))
    assert [bool(zone.stale) for zone in result.zones] == [False, True]


def test_an_expired_plan_does_nothing_at_all() -> None:
    world = make_world()
    plan = saved(world)
    world.clock.at = plan.expires
    assert exit_code(make_world().run(saved=plan), detailed=False) is ExitCode.OK
    world.clock.at = plan.expires + 1
    result = world.run(saved=plan)
    assert exit_code(result, detailed=False) is ExitCode.STALE
    assert "expired" in result.zones[0].stale
    assert world.calls == []
    assert world.ledger.commits == []


def test_a_plan_names_zones_that_only_the_ledger_knows() -> None:
    plan = saved(make_world())
    assert plan.unmanaged == ("gone.ch",)
    assert plan.incomplete == ()
    assert not plan.partial
    assert plan.plan_id


@pytest.mark.parametrize("intent", [{"roll": Roll(sep="x")}, {"dnssec": "insecure"}])
def test_a_plan_whose_steps_are_true_already_is_skipped_whoever_made_them_true(intent: dict[str, object]) -> None:
    world = make_world(2, signed=True)
    world.run()
    want(world, **intent)
    plan = saved(world)
    world.run()
    calls = len(world.calls)
    result = world.run(saved=plan)
    assert exit_code(result, detailed=False) is ExitCode.OK
    assert [zone.stale for zone in result.zones] == ["", ""]
    assert len(world.calls) == calls


def test_a_plan_that_was_carried_out_to_the_end_is_skipped() -> None:
    world = make_world(signed=True)
    world.run()
    want(world, roll=Roll(sep="x"))
    plan = saved(world)
    world.settle()
    calls = len(world.calls)
    assert exit_code(world.run(saved=plan), detailed=False) is ExitCode.OK
    assert len(world.calls) == calls


def test_a_zone_that_is_stale_stays_so_in_later_runs_of_the_same_apply() -> None:
    world = make_world(2)
    plans = [saved(world)]
    world.digests["z0.ch"] = "two"
    tally = Tally()

    def once() -> RunResult:
        return world.run(saved=plans.pop() if plans else None, tally=tally)

    result = apply_until(T0 + 5000, world.clock, once, stop=Stop())
    assert {zone for zone, _ in world.calls} == {"z1.ch"}
    assert exit_code(result, detailed=False) is ExitCode.STALE
    assert result.zones[1].plan.headline == "OK"


def test_a_plan_that_cannot_be_compared_is_not_carried_out() -> None:
    world = make_world()
    plan = saved(world)

    def down(zone: str) -> None:
        raise AdapterError("503", retryable=True)

    world.read = down
    result = world.run(saved=plan)
    assert "nobody can tell" in result.zones[0].stale
    assert exit_code(result, detailed=False) is ExitCode.ERROR
    assert world.calls == []
