"""Staying until it is done, and what the exit code says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from apply_builders import T0, make_world, want

from dnsplan.apply import RunResult, ZoneOutcome, apply_until, exit_code, look, plan_exit_code
from dnsplan.apply.executor import Stop
from dnsplan.errors import AdapterError, ExitCode
from dnsplan.model.action import Action, SetDs
from dnsplan.model.audit import StepRecord
from dnsplan.model.plan import (
    Blocked,
    Counterexample,
    Done,
    Finding,
    Move,
    NeedsReview,
    Plan,
    Receipt,
    TimelineStep,
    Wait,
    ZonePlan,
)
from dnsplan.model.portfolio import Roll

PLAN = look(make_world(signed=True).portfolio, ("z0.ch",), make_world(signed=True).ports)[0].plan
COUNTEREXAMPLE = Counterexample(
    profile="lenient", ds=(), dnskey=(), key_signers=(), zone_signers=(), start=0, end=None, reason="r"
)


def plan_with(*moves: Move, code: str = "") -> ZonePlan:
    findings = (Finding(code=code, severity="error", summary="s"),) if code else ()
    return replace(PLAN, moves=moves, findings=findings, timeline=())


def outcome(zone: str, *moves: Move, code: str = "", step: str | None = "", stale: str = "") -> ZoneOutcome:
    record = StepRecord(
        zone=zone, id="i", op="ds.set", intent_at=0, before=(), target="{}", proof="{}", outcome=step or None
    )
    steps = () if step == "" else (record,)
    return ZoneOutcome(zone=zone, plan=plan_with(*moves or (Done(),), code=code), steps=steps, stale=stale)


WAIT, BLOCK = Wait(until=None, reason="r"), Blocked(findings=())
GUARD, REFUSED = Blocked(findings=(), guard="freeze"), Blocked(findings=(), counterexample=COUNTEREXAMPLE)
REVIEW = NeedsReview(key=PLAN.observed_keys[0], reason="r")


@pytest.mark.parametrize(
    ("zones", "plain", "detailed"),
    [
        ([outcome("a")], 0, 0),
        ([outcome("a", step="performed")], 0, 0),
        ([outcome("a", step=None)], 0, 0),
        ([outcome("a", WAIT)], 0, 3),
        ([outcome("a", BLOCK)], 0, 4),
        ([outcome("a", REVIEW)], 0, 4),
        ([outcome("a", GUARD)], 5, 5),
        ([outcome("a", REFUSED)], 5, 5),
        ([outcome("a", WAIT), outcome("b", BLOCK)], 0, 4),
        ([outcome("a", step="failed")], 1, 1),
        ([outcome("a", step="refused"), outcome("b", step="failed")], 1, 1),
        ([outcome("a", step="failed"), outcome("b")], 8, 8),
        ([outcome("a", BLOCK, code="WAY_IN_UNUSABLE")], 1, 1),
        ([outcome("a", BLOCK, code="WAY_IN_UNUSABLE"), outcome("b", WAIT)], 8, 8),
        ([outcome("a", code="UNOBSERVED")], 9, 9),
        ([outcome("a", code="UNOBSERVED"), outcome("b")], 0, 0),
        ([outcome("a", stale="it is"), outcome("b")], 6, 6),
        ([outcome("a", stale="it is"), outcome("b", step="failed")], 6, 6),
        ([outcome("a", GUARD), outcome("b", step="failed")], 8, 8),
        ([replace(outcome("a", step=None), error="it broke"), outcome("b")], 8, 8),
        ([outcome("a", BLOCK, code="INTERNAL"), outcome("b", stale="it is")], 70, 70),
        ([], 0, 0),
    ],
)
def test_the_exit_code_of_apply_says_the_worst_of_all_zones(
    zones: list[ZoneOutcome], plain: int, detailed: int
) -> None:
    result = RunResult(zones=tuple(zones))
    assert (exit_code(result, detailed=False), exit_code(result, detailed=True)) == (plain, detailed)


def test_an_interrupted_run_says_so_before_all_else() -> None:
    result = RunResult(zones=(outcome("a", step="failed"),), interrupted=True)
    assert exit_code(result, detailed=True) is ExitCode.INTERRUPTED


def whole(*zones: ZonePlan) -> Plan:
    return Plan(
        plan_id="", created=0, expires=0, commit="", dirty=False, config_digest="", selector=(), partial=False,
        observed_at=0, incomplete=(), zones=zones,
    )  # fmt: skip


def changing(plan: ZonePlan) -> ZonePlan:
    world = make_world()
    timeline: tuple[TimelineStep, ...] = look(world.portfolio, ("z0.ch",), world.ports)[0].plan.timeline
    assert timeline
    return replace(plan, timeline=timeline)


@pytest.mark.parametrize(
    ("plan", "plain", "detailed"),
    [
        (whole(), 0, 0),
        (whole(plan_with(Done())), 0, 0),
        (whole(changing(plan_with(WAIT))), 0, 2),
        (whole(plan_with(WAIT)), 0, 3),
        (whole(plan_with(BLOCK)), 0, 4),
        (whole(plan_with(GUARD)), 0, 5),
        (whole(plan_with(REFUSED)), 0, 5),
        (whole(changing(plan_with(BLOCK))), 0, 4),
        (whole(plan_with(Done(), code="UNOBSERVED")), 9, 9),
        (whole(plan_with(Done(), code="UNOBSERVED"), plan_with(Done())), 0, 0),
        (whole(plan_with(Done(), code="CHAIN_NO_MATCH")), 0, 0),
        (whole(plan_with(BLOCK, code="WAY_IN_UNUSABLE")), 1, 1),
        (whole(plan_with(BLOCK, code="WAY_IN_UNUSABLE"), changing(plan_with(WAIT))), 8, 8),
        (whole(plan_with(BLOCK, code="INTERNAL"), plan_with(Done())), 70, 70),
    ],
)
def test_the_exit_code_of_plan_says_what_there_is_to_do(plan: Plan, plain: int, detailed: int) -> None:
    assert (plan_exit_code(plan, detailed=False), plan_exit_code(plan, detailed=True)) == (plain, detailed)


def test_waiting_returns_when_the_rollover_is_confirmed_with_the_steps_of_all_runs() -> None:
    world = make_world(signed=True)
    world.run()
    want(world, roll=Roll(sep="x"))
    result = apply_until(T0 + 5000, world.clock, world.run, stop=Stop())
    assert result.zones[0].plan.headline == "OK"
    assert {step.op for step in result.zones[0].steps} >= {"dnskey.create", "dnskey.publish", "ds.set"}
    assert world.runs < 100
    assert result.head == f"head{len(world.ledger.commits)}"


def test_waiting_ends_at_the_deadline_without_sleeping_beyond_it() -> None:
    world = make_world(signed=True)
    world.run()
    want(world, roll=Roll(sep="x"))
    result = apply_until(T0 + 50, world.clock, world.run, stop=Stop())
    assert result.zones[0].plan.headline == "WAITING"
    assert max(world.clock.slept, default=T0) <= T0 + 50
    assert exit_code(result, detailed=False) is ExitCode.OK


def test_waiting_returns_at_once_when_only_a_person_can_go_on() -> None:
    world = make_world()
    world.update = "manual"
    result = apply_until(T0 + 100_000, world.clock, world.run, stop=Stop())
    assert result.zones[0].plan.headline == "MANUAL"
    assert world.clock.at < T0 + 1000


def test_waiting_ends_when_it_is_told_to_stop() -> None:
    world = make_world(signed=True)
    world.run()
    want(world, roll=Roll(sep="x"))
    stop = Stop()

    def once() -> RunResult:
        stop.asked = world.runs >= 3
        return world.run()

    apply_until(T0 + 100_000, world.clock, once, stop=stop)
    assert world.runs == 4


def test_a_failure_that_passes_while_it_waits_is_forgotten() -> None:
    world = make_world()
    failures: list[str] = []

    def flaky(zone: str, action: Action) -> None:
        if isinstance(action, SetDs) and len(failures) < 2:
            failures.append(zone)
            raise AdapterError("503", retryable=True)

    world.before = flaky
    result = apply_until(T0 + 5000, world.clock, world.run, stop=Stop())
    assert result.zones[0].plan.headline == "OK"
    assert len(failures) == 2
    assert exit_code(result, detailed=True) is ExitCode.OK
    assert world.count("SetDs") == 1


def test_a_credential_that_is_refused_is_not_waited_for() -> None:
    world = make_world()

    def refuse(zone: str, action: Action) -> None:
        raise AdapterError("401 not with this key")

    world.before = refuse
    result = apply_until(T0 + 3600, world.clock, world.run, stop=Stop())
    assert exit_code(result, detailed=False) is ExitCode.ERROR
    assert (world.clock.at, world.runs) == (T0, 1)


def test_a_credential_that_is_refused_holds_no_other_zone_back() -> None:
    world = make_world(2)

    def refuse(zone: str, action: Action) -> None:
        if zone == "z0.ch":
            raise AdapterError("401 not with this key")

    world.before = refuse
    result = apply_until(T0 + 100_000, world.clock, world.run, stop=Stop())
    assert result.zones[1].plan.headline == "OK"
    assert exit_code(result, detailed=False) is ExitCode.PARTIAL
    assert world.clock.at < T0 + 5000


def test_a_provider_that_names_a_time_is_asked_again_then_and_not_before() -> None:
    world = make_world()
    asked: list[int] = []

    def busy(zone: str, action: Action) -> None:
        if isinstance(action, SetDs):
            asked.append(world.clock.at)
            if len(asked) == 1:
                raise AdapterError("429", retryable=True, retry_after=120)

    world.before = busy
    result = apply_until(T0 + 5000, world.clock, world.run, stop=Stop())
    assert result.zones[0].plan.headline == "OK"
    assert [moment - asked[0] for moment in asked] == [0, 120]


def test_a_time_beyond_the_deadline_is_not_waited_for() -> None:
    world = make_world()

    def busy(zone: str, action: Action) -> None:
        raise AdapterError("429", retryable=True, retry_after=7200)

    world.before = busy
    result = apply_until(T0 + 3600, world.clock, world.run, stop=Stop())
    assert exit_code(result, detailed=False) is ExitCode.ERROR
    assert world.clock.at == T0


def test_a_signer_that_cannot_list_its_keys_for_a_moment_is_waited_for() -> None:
    world = make_world()
    tries: list[int] = []

    def down(zone: str) -> None:
        tries.append(world.clock.at)
        if len(tries) < 3:
            raise AdapterError("503", retryable=True, retry_after=5)

    world.read = down
    result = apply_until(T0 + 5000, world.clock, world.run, stop=Stop())
    assert result.zones[0].plan.headline == "OK"
    assert [moment - T0 for moment in tries[:3]] == [0, 5, 10]


def test_a_refusal_that_speaks_of_a_state_that_passed_is_forgotten() -> None:
    world = make_world()
    refused: list[str] = []

    def changed_meanwhile(zone: str, action: Action) -> Receipt | None:
        if isinstance(action, SetDs) and not refused:
            refused.append(zone)
            return Receipt(state="refused", message="the DS changed meanwhile")
        return None

    world.receipt = changed_meanwhile
    result = apply_until(T0 + 5000, world.clock, world.run, stop=Stop())
    assert refused
    assert result.zones[0].plan.headline == "OK"
    assert exit_code(result, detailed=False) is ExitCode.OK


def test_a_way_in_that_stays_down_is_not_asked_every_second() -> None:
    world = make_world()
    asked: list[int] = []

    def refuse(zone: str, action: Action) -> None:
        asked.append(world.clock.at)
        raise AdapterError("503", retryable=True)

    world.before = refuse
    result = apply_until(T0 + 3600, world.clock, world.run, stop=Stop())
    assert exit_code(result, detailed=False) is ExitCode.ERROR
    assert len(asked) <= 25


def test_a_zone_whose_call_failed_is_due_again_at_once() -> None:
    world = make_world()

    def refuse(zone: str, action: Action) -> None:
        raise AdapterError("no")

    world.before = refuse
    world.run()
    assert world.ledger.due(world.clock.at) == {"z0.ch"}


def test_a_zone_whose_way_in_could_not_be_used_is_due_again_at_once() -> None:
    world = make_world()

    def connect(name: str) -> None:
        raise AdapterError("no route")

    world.connect = connect
    world.run()
    assert world.ledger.due(world.clock.at) == {"z0.ch"}
