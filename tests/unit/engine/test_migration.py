"""A zone between two signers: what is refused, who must act, what is asked again, and what ends the move."""

from __future__ import annotations

from dataclasses import replace

import pytest
from two_signers import HOME, KA, KB, NAMES, SIMPLE, T0, THERE, ZA, ZB, ZONE, World, key, random_world, violations

from dnsplan.engine import absorb, plan_zone
from dnsplan.engine.argument import arguments
from dnsplan.engine.moving import meet, move_between, moves, settled
from dnsplan.engine.recipes.migration import propose
from dnsplan.engine.view import view_of
from dnsplan.model.action import ImportKeys, SetNs
from dnsplan.model.history import ZoneHistory
from dnsplan.model.observation import Observation
from dnsplan.model.plan import Blocked, NeedsHuman, Serving, SignerKey, Step, Wait, ZonePlan
from dnsplan.model.portfolio import Accepts, ZoneIntent
from dnsplan.model.records import make_ds

ALL = ["J1", "J1", "J2", "J3", "J3", "J5", "J6"]


def plain() -> World:
    """Return a world whose servers change at once."""
    return World(
        lags={"parent": (0,), HOME: (0, 0), THERE: (0,)},
        ttls={"DS": 90, "DNSKEY": 40, "ZONE": 60, "NS parent": 50, f"NS {HOME}": 30, f"NS {THERE}": 30},
        margins={"parent": 7, "child": 5},
        unseen={"parent": 0, HOME: 0, THERE: 0},
    )


def stages(world: World) -> list[str]:
    return sorted(stage for _, stage in world.stages)


def refusal(world: World) -> Blocked:
    world.run(0)
    plan = world.run(1)
    (move,) = plan.moves
    assert isinstance(move, Blocked)
    assert world.stages == []
    assert world.history.rollover is None
    return move


def until(world: World, stage: str) -> int:
    """Run until a stage was begun; return when."""
    at = 0
    while stage not in {name for _, name in world.stages}:
        world.run(at)
        at = world.next_run(at)
    return at


def test_each_stage_waits_for_exactly_what_its_gate_says() -> None:
    world = plain()
    end = world.until_ok()
    at = {stage: moment for moment, stage in world.stages}
    assert at["J1"] == 0
    assert at["J2"] == 1
    assert at["J3"] == 2 + 7 + 90
    assert at["J5"] == at["J3"] + 1 + 7 + 50 + 40
    assert at["J6"] == at["J3"] + 1 + 7 + 50 + 60
    assert end == at["J6"] + 1
    assert violations(world) == []
    assert world.history.signed_at == THERE
    assert world.history.beside is None
    assert "SIGNER_MOVED" in {finding.code for finding in world.run(end + 1).findings}


def test_the_timeline_is_what_happens() -> None:
    world = plain()
    world.foresee = True
    seen = world.observe(0)
    world.history = meet(world.history, world.intent, Serving(names=world.names))
    first = plan_at(world, seen)
    foreseen = {step.stage: (step.not_before or 0) - T0 for step in first.timeline}
    assert sorted(step.stage for step in first.timeline) == ALL
    assert [(type(move), move.stage) for move in first.moves] == [(Step, "J1"), (Step, "J1")]
    assert {(step.op, step.who) for step in first.timeline if step.stage == "J3"} == {
        ("ns.set", "parent p"),
        ("ns.set", f"signer {HOME}"),
    }
    assert {step.who for step in first.timeline if step.stage == "J1"} == {f"signer {HOME}", f"signer {THERE}"}
    world.until_ok()
    happened = {stage: moment for moment, stage in world.stages}
    assert all(abs(foreseen[stage] - happened[stage]) <= 4 for stage in happened)


def plan_at(world: World, seen: Observation) -> ZonePlan:
    world.history = absorb(world.history, seen, policy=world.policy, capabilities=SIMPLE)
    return plan_zone(world.situation(seen))


def test_a_proof_can_be_read_for_either_signer() -> None:
    world = plain()
    world.run(0)
    world.run(1)
    world.run(2)
    shown = arguments(world.situation(world.observe(2)))
    assert [one.stage for one in shown] == ["J3", "J3"]
    assert len({one.id for one in shown}) == 2
    assert all(one.earlier is not None for one in shown)


ED25519 = (key("kc", 257, 15), key("zc", 256, 15))


def test_another_algorithm_is_refused() -> None:
    world = plain()
    dnskey, zone = world.served[THERE, "DNSKEY"][0], world.served[THERE, "ZONE"][0]
    dnskey.value, zone.value = (tuple(sorted(ED25519)), frozenset({ED25519[0].id})), (ED25519[1].id,)
    (finding,) = refusal(world).findings
    assert finding.code == "MIGRATION_REFUSED"
    assert "13 and 15" in finding.detail
    assert "roll the zone to algorithm 15" in finding.action


def test_a_copy_that_is_not_signed_is_refused() -> None:
    world = plain()
    world.served[THERE, "DNSKEY"][0].value, world.served[THERE, "ZONE"][0].value = ((), frozenset()), ()
    assert "does not stand signed" in refusal(world).findings[0].detail


@pytest.mark.parametrize("names", [frozenset({"a1.example", "b1.example"}), frozenset()])
def test_servers_that_cannot_be_told_apart_are_refused(names: frozenset[str]) -> None:
    world = plain()
    world.names = names
    assert "server" in refusal(world).findings[0].detail


@pytest.mark.parametrize("signer", [HOME, THERE])
def test_a_signer_that_cannot_import_is_refused_unless_the_key_is_there(signer: str) -> None:
    world = plain()
    world.capabilities[signer] = replace(SIMPLE, imports_keys=False)
    (finding,) = refusal(world).findings
    assert signer in finding.detail
    assert "go insecure first" in finding.action
    own, foreign = ((KA, ZA), ZB) if signer == HOME else ((KB, ZB), ZA)
    world.served[signer, "DNSKEY"][0].value = (tuple(sorted((*own, foreign))), frozenset({own[0].id}))
    world.until_ok(2)
    assert world.history.signed_at == THERE


def test_a_parent_that_follows_one_signers_cds_is_refused() -> None:
    world = plain()
    world.capabilities[HOME] = replace(SIMPLE, update="cds")
    assert "CDS" in refusal(world).findings[0].detail


def test_a_parent_without_room_for_both_ds_is_refused() -> None:
    world = plain()
    world.capabilities[HOME] = replace(SIMPLE, accepts=Accepts(max_ds=1))
    assert refusal(world).guard == "parent_limit"


def test_a_parent_that_does_not_change_delegations_is_a_persons_turn() -> None:
    world = plain()
    world.capabilities[HOME] = replace(SIMPLE, parent_ns=False, signer_ns=False)
    world.answer = lambda step: "manual" if isinstance(step.action, SetNs) else "accepted"
    at = until(world, "J3")
    plan = world.run(at)
    assert plan.headline == "MANUAL"
    asked = {move.step.signer for move in plan.moves if isinstance(move, NeedsHuman)}
    assert asked == {"", HOME}
    assert {move.step.op for move in plan.moves if isinstance(move, NeedsHuman)} == {"manual"}
    for place in ("parent", HOME):
        world.change("J3", place, "NS", at + 20, NAMES[THERE])
    world.until_ok(at)
    assert violations(world) == []


def test_what_nobody_shows_is_asked_again_after_the_budget() -> None:
    world = plain()
    dropped: list[tuple[str, str]] = []

    def answer(step: Step) -> str:
        once = (type(step.action).__name__, step.signer)
        if once in dropped or not isinstance(step.action, SetNs | ImportKeys):
            return "accepted"
        dropped.append(once)
        return "swallowed"

    world.answer = answer
    world.budget = 100
    world.until_ok(most=9000)
    assert len(dropped) == 4
    assert stages(world) == sorted([*ALL, *["repeat"] * 4])
    assert violations(world) == []


def test_a_refused_change_never_was() -> None:
    world = plain()
    refused: list[tuple[str, str]] = []

    def answer(step: Step) -> str:
        once = (type(step.action).__name__, step.signer)
        if once in refused:
            return "accepted"
        refused.append(once)
        return "refused"

    world.answer = answer
    at = until(world, "J3")
    world.intent = replace(world.intent, migrate_to=None)
    world.until_ok(at)
    assert violations(world) == []
    assert world.served["parent", "DS"][-1].value == (make_ds(ZONE, KA, 2),)


def test_a_lost_outcome_is_looked_for_and_asked_for_again() -> None:
    world = plain()
    lost: list[str] = []

    def answer(step: Step) -> str:
        if step.stage in lost or step.stage == "repeat":
            return "accepted"
        lost.append(step.stage)
        return "lost"

    world.answer = answer
    world.until_ok()
    assert violations(world) == []


def test_nothing_begins_before_the_new_servers_answer() -> None:
    world = plain()
    world.silent.add(THERE)
    plan = world.run(0)
    (move,) = plan.moves
    assert isinstance(move, Wait)
    assert THERE in move.reason
    assert world.history.rollover is None
    world.silent.clear()
    world.until_ok(1)


def test_a_silent_server_of_either_signer_stops_the_move() -> None:
    world = plain()
    at = until(world, "J2")
    world.silent.add(THERE)
    plan = world.run(at + 200)
    assert [stage for _, stage in world.stages if stage == "J3"] == []
    assert "NS_UNREACHABLE" in {finding.code for finding in plan.findings}
    assert all(isinstance(move, Wait) for move in plan.moves)


def test_the_old_servers_may_fall_silent_when_nobody_asks_them_any_more() -> None:
    world = plain()
    at = until(world, "J3")
    nobody = {stage: moment for moment, stage in world.stages}["J3"] + 1 + 7 + 50
    while at < nobody:
        world.run(at)
        at = world.next_run(at)
    world.silent.add(HOME)
    world.until_ok(at)
    assert stages(world) == ALL


def test_old_servers_that_fall_silent_before_stop_the_move() -> None:
    world = plain()
    at = until(world, "J3")
    world.silent.add(HOME)
    plan = world.run(at + 1)
    assert isinstance(plan.moves[0], Wait)


def test_going_insecure_waits_for_the_end_of_the_move() -> None:
    world = plain()
    at = until(world, "J2")
    world.intent = replace(world.intent, dnssec="insecure")
    plan = world.run(at)
    assert plan.headline == "BLOCKED"
    world.intent = replace(world.intent, dnssec="signed")
    world.until_ok(at + 1)


def test_a_move_that_is_no_longer_wanted_before_it_begins_is_forgotten() -> None:
    world = plain()
    world.capabilities[HOME] = replace(SIMPLE, update="cds")
    refusal(world)
    world.capabilities[HOME] = SIMPLE
    world.intent = replace(world.intent, migrate_to=None)
    assert world.run(2).headline == "OK"
    assert world.history.beside is None


def test_before_the_delegation_changes_the_way_back_takes_only_away() -> None:
    world = plain()
    at = until(world, "J2")
    world.intent = replace(world.intent, migrate_to=None)
    world.until_ok(at)
    assert stages(world) == ["J1", "J1", "J2", "J8", "J8"]
    assert world.served[HOME, "DNSKEY"][-1].value[0] == tuple(sorted((KA, ZA)))


def test_a_zone_that_is_found_moved_is_where_the_file_wants_it() -> None:
    world = plain()
    world.served["parent", "DS"][0].value = (make_ds(ZONE, KB, 2),)
    for place in ("parent", HOME, THERE):
        world.served[place, "NS"][0].value = NAMES[THERE]
    assert world.until_ok() < 5
    assert world.history.signed_at == THERE
    assert world.stages == []


def test_what_the_zone_needs_where_it_is_comes_first() -> None:
    world = plain()
    world.served["parent", "DS"][0].value = (make_ds(ZONE, KA, 4),)
    world.until_ok()
    assert [stage for _, stage in world.stages] == ["H1a", "H1b"]
    world.until_ok(200)
    assert world.history.signed_at == THERE
    assert violations_without_digests(world) == []


def violations_without_digests(world: World) -> list[str]:
    known = {make_ds(ZONE, KA, 4): make_ds(ZONE, KA, 2)}
    for version in world.served["parent", "DS"]:
        version.value = tuple({known.get(ds, ds) for ds in version.value})
    return violations(world)


def test_a_followed_zone_moves_as_well() -> None:
    world = plain()
    world.intent = replace(world.intent, keys="follow")
    world.until_ok()
    assert stages(world) == ALL


def test_a_file_that_names_the_signer_that_was_left_is_told() -> None:
    world = plain()
    end = world.until_ok()
    world.intent = replace(world.intent, migrate_to=None)
    plan = world.run(end + 1)
    (move,) = plan.moves
    assert isinstance(move, Blocked)
    assert move.findings[0].code == "SIGNER_LEFT"
    situation = world.situation(world.observe(end + 1))
    listed = tuple(
        SignerKey(key=one, role="ksk" if one.is_sep else "zsk", published=True, active=True) for one in (KB, ZB)
    )
    found = plan_zone(replace(situation, held=listed))
    assert found.headline == "OK"
    assert found.history.signed_at == ""


def test_a_move_has_no_ends_before_both_signers_are_seen() -> None:
    world = plain()
    world.run(0, most=1)
    without = replace(world.history, beside=None)
    view = view_of(replace(world.situation(world.observe(0)), history=without))
    assert view is not None
    assert move_between(view) is None
    assert propose(view) == ()


def test_a_signer_is_met_once() -> None:
    intent = ZoneIntent(zone=ZONE, dnssec="signed", migrate_to=THERE, signer=HOME)
    serving = Serving(names=frozenset({"b1.example"}))
    met = meet(ZoneHistory(zone=ZONE), intent, serving)
    assert met.beside is not None
    assert meet(met, intent, replace(serving, names=frozenset())) is met
    assert meet(ZoneHistory(zone=ZONE), intent, None).beside is None
    assert settled(intent, replace(met, signed_at=THERE)).signer == THERE
    assert settled(intent, met) is intent
    assert moves(intent, met)
    assert not moves(replace(intent, signers=(HOME, THERE)), met)


def test_a_shared_key_of_both_signers_stays() -> None:
    """Signers that use one ZSK (RFC 8901, model 1) exchange nothing, and nothing of it leaves."""
    world = random_world(3)
    for place in (HOME, THERE):
        ksk = KA if place == HOME else KB
        world.served[place, "DNSKEY"][0].value = (tuple(sorted((ksk, ZA))), frozenset({ksk.id}))
        world.served[place, "ZONE"][0].value = (ZA.id,)
    world.until_ok()
    assert {stage for _, stage in world.stages} == {"J2", "J3", "J5"}
    assert violations(world) == []
