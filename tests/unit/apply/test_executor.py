"""One run: intents before calls, outcomes after, zones apart from one another, and runs that were cut short."""

from __future__ import annotations

from dataclasses import replace

import pytest
from apply_builders import T0, Crash, World, make_world, want

from dnsplan.apply import Run, exit_code, run
from dnsplan.apply.executor import Stop
from dnsplan.errors import AdapterError, ConfigError, ExitCode, LedgerError, LockedError
from dnsplan.model.action import Action, SetDs
from dnsplan.model.plan import Receipt
from dnsplan.model.portfolio import Roll


def test_a_bootstrap_reaches_its_goal_and_asks_the_parent_once() -> None:
    world = make_world()
    world.settle()
    assert world.count("SetDs") == 1
    assert len(world.children["z0.ch"].ds) == 1
    assert {step.outcome for record in world.ledger.records.values() for step in record.steps} == {"performed"}


def test_intents_of_a_hundred_zones_are_one_commit_and_their_outcomes_another() -> None:
    world = make_world(100)
    world.run()
    rounds = "".join("c" if what == "commit" else "." for what in world.ledger.journal if what != "read")
    first = rounds.index("c", 1)
    assert rounds[0] == "c"
    assert first >= 101
    assert set(rounds[1:first]) == {"."}
    assert "ccc" not in rounds
    assert world.ledger.commits[0][2] == world.ledger.commits[1][2] == 100
    assert world.ledger.commits[0][0].endswith("(intent)")
    assert world.ledger.commits[1][0].endswith("(outcome)")


def test_the_eyes_are_told_every_key_that_was_served_or_created() -> None:
    world = make_world()
    assert world.run() is not None
    assert world.sights[0].keys == frozenset()
    world.settle()
    assert world.sights[-1].keys == frozenset(world.children["z0.ch"].held)
    assert len(world.sights[-1].keys) == 2


def test_signatures_about_to_end_let_the_signer_be_asked_whether_it_has_lost_a_key() -> None:
    world = make_world(signed=True)
    world.settle()
    child = world.children["z0.ch"]
    lost = child.keys[0]
    del child.held[lost]
    assert world.run().zones[0].plan.headline == "OK"

    child.signatures_end = world.clock.at + 4 * 86400
    plan = world.run().zones[0].plan

    assert plan.recipe == "lost-key"
    assert {finding.code for finding in plan.findings} == {"KEY_LOST", "SIG_EXPIRES_SOON"}


def test_the_intent_is_written_before_the_call_and_names_its_target() -> None:
    world = make_world()

    def look(zone: str, action: Action) -> None:
        [intent] = world.ledger.histories[zone].intents[-1:]
        assert intent.outcome is None
        assert intent.step
        assert world.ledger.commits[-1][1] is not None

    world.before = look
    world.settle()
    assert world.calls


def test_a_failing_way_in_of_one_zone_stops_no_other() -> None:
    world = make_world(3)

    def refuse(zone: str, action: Action) -> None:
        if zone == "z1.ch":
            raise AdapterError("the signer says no")

    world.before = refuse
    result = world.run()
    assert {zone for zone, _ in world.calls} == {"z0.ch", "z2.ch"}
    assert exit_code(result, detailed=False) is ExitCode.PARTIAL
    [failed] = [zone for zone in result.zones if zone.failed]
    assert failed.zone == "z1.ch"
    assert failed.failed[0].outcome == "failed"
    assert failed.failed[0].reason == "the signer says no"


def test_ways_in_that_all_fail_are_an_error() -> None:
    world = make_world(3)
    world.receipt = lambda zone, action: Receipt(state="refused", message="no")
    result = world.run()
    assert exit_code(result, detailed=False) is ExitCode.ERROR
    assert world.count("SetDs") == 0


def test_a_way_in_that_cannot_be_connected_blocks_its_zone_and_no_other() -> None:
    world = make_world(2)
    broken = replace(world.portfolio.zones["z1.ch"], signer="broken")
    world.portfolio = replace(world.portfolio, zones={**world.portfolio.zones, "z1.ch": broken})

    def connect(name: str) -> None:
        if name == "broken":
            raise ConfigError("there is no token", hint="set TOKEN")

    world.connect = connect
    result = world.run()
    assert {zone for zone, _ in world.calls} == {"z0.ch"}
    assert exit_code(result, detailed=False) is ExitCode.PARTIAL
    assert result.zones[1].plan.headline == "BLOCKED"
    assert result.zones[1].plan.findings[-1].action == "set TOKEN"


def test_an_adapter_that_breaks_stops_no_other_zone_and_leaves_its_outcome_open() -> None:
    world = make_world(3)

    def broken(zone: str, action: Action) -> None:
        if zone == "z0.ch":
            raise KeyError("api_key=hunter2")

    world.before = broken
    result = world.run()
    assert {zone for zone, _ in world.calls} == {"z1.ch", "z2.ch"}
    assert result.zones[0].steps[0].outcome is None
    assert "hunter2" not in result.zones[0].steps[0].reason
    assert "KeyError" in result.zones[0].steps[0].reason
    assert exit_code(result, detailed=False) is ExitCode.PARTIAL


def test_a_signer_that_breaks_while_it_lists_its_keys_stops_no_other_zone_and_tells_no_secret() -> None:
    world = make_world(3)

    def broken(zone: str) -> None:
        if zone == "z1.ch":
            raise KeyError("api_key=hunter2")

    world.read = broken
    result = world.run()
    assert {zone for zone, _ in world.calls} == {"z0.ch", "z2.ch"}
    assert exit_code(result, detailed=False) is ExitCode.PARTIAL
    assert "KeyError" in result.zones[1].plan.findings[-1].detail
    assert "hunter2" not in str(result)


def test_a_fault_of_ours_in_one_zone_stops_no_other_and_is_told_as_internal() -> None:
    world = make_world(3)

    def connect(name: str) -> None:
        if name == "broken":
            raise ZeroDivisionError("hunter2")

    broken = replace(world.portfolio.zones["z1.ch"], parent="broken")
    world.portfolio = replace(world.portfolio, zones={**world.portfolio.zones, "z1.ch": broken})
    world.connect = connect
    result = world.run()
    assert {zone for zone, _ in world.calls} == {"z0.ch", "z2.ch"}
    assert exit_code(result, detailed=False) is ExitCode.INTERNAL
    assert result.zones[1].plan.findings[-1].code == "INTERNAL"
    assert "ZeroDivisionError" in result.zones[1].plan.findings[-1].detail
    assert "hunter2" not in str(result)


def test_a_fault_while_planning_again_keeps_the_outcome_and_stops_no_other_zone() -> None:
    world = make_world(2)

    def connect(name: str) -> None:
        if world.calls:
            raise ZeroDivisionError

    def later(zone: str, action: Action) -> None:
        if len(world.calls) == 4:  # both keys of both zones: the next connection plans again
            world.connect = connect

    world.after = later
    result = world.run()
    assert exit_code(result, detailed=False) is ExitCode.ERROR
    assert {step.outcome for zone in result.zones for step in zone.steps} == {"performed"}
    assert all(history.intents[-1].outcome == "performed" for history in world.ledger.histories.values())


def test_a_lease_shorter_than_the_time_out_of_the_call_starts_no_call() -> None:
    world = make_world(2)
    world.ledger.lease = world.timeout - 1
    with pytest.raises(LockedError, match="9 s left"):
        world.run()
    assert world.calls == []


def test_a_lease_that_runs_short_in_the_middle_keeps_the_outcomes_so_far() -> None:
    world = make_world(3)

    def shorten(zone: str, action: Action) -> None:
        world.ledger.lease = 1

    world.after = shorten
    with pytest.raises(LockedError):
        world.run()
    assert len(world.calls) == 1
    first = world.calls[0][0]
    assert [z for z, h in world.ledger.histories.items() if h.intents[-1].outcome == "performed"] == [first]


def test_nothing_is_applied_outside_git() -> None:
    world = make_world()
    with pytest.raises(LedgerError):
        run(world.portfolio, ["z0.ch"], replace(world.ports, ledger=None), Run(id="r"))


@pytest.fixture(scope="module")
def whole() -> World:
    """Carry out a rollover that nothing interrupts."""
    world = make_world(signed=True)
    world.run()
    want(world, roll=Roll(sep="x"))
    world.settle()
    return world


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 8))
def test_a_crash_at_any_call_converges_without_a_second_submission_or_key(whole: World, when: str, number: int) -> None:
    world = make_world(signed=True)
    world.run()
    want(world, roll=Roll(sep="x"))
    seen = 0

    def die(zone: str, action: Action) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            raise Crash

    setattr(world, when, die)
    for _ in range(3000):
        try:
            result = world.run()
        except Crash:
            continue
        if result.zones[0].plan.headline == "OK":
            break
        world.wait()
    assert seen >= min(number, len(whole.calls))
    assert world.count("SetDs") == whole.count("SetDs")
    assert len(world.children["z0.ch"].held) == 2
    assert world.count("CreateKey") <= whole.count("CreateKey") + (when == "after")
    assert len(world.children["z0.ch"].ds) == 1


def test_a_time_out_after_sending_leaves_the_outcome_open_and_the_next_run_reads_first() -> None:
    world = make_world()

    def lost(zone: str, action: Action) -> None:
        if isinstance(action, SetDs):
            raise AdapterError("no answer", unknown=True)

    world.after = lost
    for _ in range(1000):
        world.run()
        if world.count("SetDs"):
            break
        world.clock.at += 1
    assert world.ledger.histories["z0.ch"].intents[-1].outcome is None
    world.settle()
    assert world.count("SetDs") == 1
    assert "read" in world.ledger.journal


def test_an_outcome_that_was_lost_is_taken_from_what_the_servers_show() -> None:
    world = make_world()
    world.registration = 0

    def lost(zone: str, action: Action) -> None:
        if isinstance(action, SetDs):
            raise AdapterError("no answer", unknown=True)

    world.after = lost
    for _ in range(1000):
        world.run()
        if world.count("SetDs"):
            break
        world.clock.at += 1
    reads = world.ledger.journal.count("read")
    world.clock.at += 1
    result = world.run()
    [intent] = [known for known in world.ledger.histories["z0.ch"].intents if known.rrset == "DS"]
    [settled] = world.ledger.newest()[0].steps  # type: ignore[index]
    assert intent.outcome == settled.outcome == "performed"
    assert "the servers show it" in settled.reason
    assert settled.op == "ds.set"
    assert settled.target.startswith("{")
    assert settled.intent_at < (settled.outcome_at or 0)
    assert (result.performed, world.count("SetDs"), world.ledger.journal.count("read")) == (0, 1, reads)
    records = len(world.ledger.records)
    world.run()
    assert len(world.ledger.records) == records


def test_a_call_that_was_lost_on_the_way_is_made_again() -> None:
    world = make_world()
    failed: list[str] = []

    def lost(zone: str, action: Action) -> None:
        if isinstance(action, SetDs) and not failed:
            failed.append(zone)
            raise AdapterError("no answer", unknown=True)

    world.before = lost
    world.settle()
    assert failed
    assert world.count("SetDs") == 1
    assert len(world.children["z0.ch"].ds) == 1


def test_a_manual_step_is_recorded_once_and_a_person_must_act() -> None:
    world = make_world()
    world.update = "manual"
    for _ in range(300):
        result = world.run()
        world.clock.at += 1
    manual = [s for r in world.ledger.records.values() for s in r.steps if s.outcome == "manual"]
    assert len(manual) == 1
    assert manual[0].op == "ds.set"
    assert exit_code(result, detailed=True) is ExitCode.MANUAL
    assert exit_code(result, detailed=False) is ExitCode.OK
    assert world.count("SetDs") == 0


def test_a_run_that_learns_nothing_writes_nothing() -> None:
    world = make_world(3, signed=True)
    world.settle()
    commits = len(world.ledger.commits)
    for _ in range(3):
        world.clock.at += 500
        result = world.run()
    assert len(world.ledger.commits) == commits
    assert result.head is None
    assert result.performed == 0


def test_a_whole_run_notes_what_was_planned_once() -> None:
    world = make_world(signed=True)
    world.settle()
    world.run(planned="c1")
    commits = len(world.ledger.commits)
    world.run(planned="c1")
    assert world.ledger.was_planned == "c1"
    assert len(world.ledger.commits) == commits


def test_stop_finishes_the_call_in_flight_and_begins_no_other() -> None:
    world = make_world(5)
    stop = Stop()

    def signal(zone: str, action: Action) -> None:
        stop.asked = True

    world.after = signal
    result = world.run(stop=stop)
    assert len(world.calls) == 1
    assert exit_code(result, detailed=False) is ExitCode.INTERRUPTED
    done = [zone for zone, h in world.ledger.histories.items() if any(i.outcome == "performed" for i in h.intents)]
    assert done == [world.calls[0][0]]
    world.after = lambda zone, action: None
    world.settle()
    assert world.count("SetDs") == 5
    assert all(len(child.held) == 2 for child in world.children.values())


def test_an_answer_of_later_is_recorded_as_pending_and_not_asked_for_again() -> None:
    world = make_world()
    world.receipt = lambda zone, action: Receipt(state="pending", operation="42") if isinstance(action, SetDs) else None
    for _ in range(200):
        world.run()
        if world.count("SetDs"):
            break
        world.clock.at += 1
    world.run()
    [intent] = [i for i in world.ledger.histories["z0.ch"].intents if i.rrset == "DS"]
    assert (intent.outcome, intent.operation) == ("pending", "42")
    assert world.count("SetDs") == 1


def test_a_record_says_who_ran_it_what_was_before_and_until_when_caches_hold_it() -> None:
    world = make_world(signed=True)
    world.run()
    want(world, roll=Roll(sep="x"))
    world.run(actor="somebody", commit="c0ffee", allowed=frozenset({"freeze"}))
    [record] = list(world.ledger.records.values())[-1:]
    assert (record.actor, record.commit, record.guards_lifted) == ("somebody", "c0ffee", ("freeze",))
    assert record.at == T0
    assert record.steps[0].op == "dnskey.create"
    assert record.steps[0].target.startswith("{")
    assert len(record.steps[0].before) == 2


def test_a_key_that_was_created_is_published_in_the_same_run() -> None:
    world = make_world()
    world.run()
    names = [name for _, name in world.calls]
    assert names[-1] == "SetKeys"
    assert "CreateKey" in names


def test_a_failing_signer_is_not_asked_twice_in_one_run() -> None:
    world = make_world()
    asked: list[str] = []

    def refuse(zone: str, action: Action) -> None:
        asked.append(type(action).__name__)
        raise AdapterError("no")

    world.before = refuse
    world.run()
    assert asked
    assert len(asked) == len(set(asked))
