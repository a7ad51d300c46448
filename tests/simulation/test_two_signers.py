"""A zone moves between two signers in random worlds: no resolver fails, and every gate is as short as it can be."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from two_signers import HOME, KA, KB, NAMES, THERE, ZA, ZB, ZONE, World, random_world, violations

from dnsplan.engine import view
from dnsplan.engine.moving import Move
from dnsplan.engine.reach import Reach, reaches
from dnsplan.engine.recipes import migration
from dnsplan.engine.spans import Margins
from dnsplan.engine.stages import OPEN, Proposals
from dnsplan.engine.view import View
from dnsplan.model.history import Beside
from dnsplan.model.plan import Gate
from dnsplan.model.records import make_ds

SEEDS = int(os.environ.get("WORLDS", "60"))


def newest(world: World) -> tuple[tuple, tuple, tuple]:
    """Return what is served in the end: DS, NS at the parent, and the DNSKEY RRset of the signer in charge."""
    place = THERE if world.history.signed_at == THERE else HOME
    return (
        world.served["parent", "DS"][-1].value,
        world.served["parent", "NS"][-1].value,
        world.served[place, "DNSKEY"][-1].value[0],
    )


ARRIVED = (make_ds(ZONE, KB, 2),), NAMES[THERE], tuple(sorted((KB, ZB)))
STAYED = (make_ds(ZONE, KA, 2),), NAMES[HOME], tuple(sorted((KA, ZA)))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_zone_moves_and_no_resolver_fails(seed: int) -> None:
    world = random_world(seed)
    world.until_ok()
    assert violations(world) == []
    assert newest(world) == ARRIVED
    assert {stage for _, stage in world.stages} == {"J1", "J2", "J3", "J5", "J6"}
    assert world.found <= {"SIGNER_MOVED"}
    calls = world.calls
    assert world.run(10_000).headline == "OK"
    assert world.calls == calls


def test_the_way_back_is_safe_from_every_stage() -> None:
    after = Counter[str]()
    for seed in range(SEEDS):
        world, random = random_world(seed), Random(seed)
        stop, at = random.randint(0, 350), 0
        while at < stop and world.run(at).headline != "OK":
            at = world.next_run(at)
        if world.history.signed_at:
            continue
        after[world.stages[-1][1] if world.stages else ""] += 1
        world.intent = replace(world.intent, migrate_to=None)
        world.until_ok(at)
        assert violations(world) == [], seed
        assert newest(world) == STAYED
    print(f"\nback after {dict(after)}")
    assert {"J2", "J3", "J5"} <= set(after)


def test_back_and_forth_is_safe() -> None:
    for seed in range(SEEDS // 3):
        world, random = random_world(seed), Random(f"forth/{seed}")
        at = 0
        for _ in range(4):
            for _ in range(random.randint(0, 60)):
                world.run(at)
                at = world.next_run(at)
            if world.history.signed_at:
                break
            world.intent = replace(world.intent, migrate_to=None if world.intent.migrate_to else THERE)
        world.intent = replace(world.intent, migrate_to=THERE)
        world.until_ok(at, most=8000)
        assert violations(world) == [], seed
        assert newest(world) == ARRIVED


GATES = [
    ("J3", "no cache holds a DS RRset without the new DS", {"DS": 90, "DNSKEY": 5}),
    ("J3", "no cache holds a DNSKEY RRset of the old signer without the new key for data", {"DS": 5, "DNSKEY": 80}),
    ("J3", "no server of the new signer shows anything else", {"DS": 1, "DNSKEY": 1}),
    ("J5", "no cache holds a DNSKEY RRset of the old signer", {}),
    ("J6", "no cache holds data of the old signer", {}),
]


@pytest.mark.parametrize(("stage", "gate", "ttls"), GATES, ids=[f"{g[0]}-{i}" for i, g in enumerate(GATES)])
def test_a_gate_shortened_by_one_second_fails_in_some_world(stage: str, gate: str, ttls: dict[str, int]) -> None:
    failing = 0
    for seed in range(40):
        world = random_world(seed, exact=True, ttls=ttls)
        if gate.startswith("no server"):
            lag_alone(world)
        world.until_ok()
        assert violations(world) == []
        for name, version in world.events:
            version.at -= name == stage
        failing += bool(violations(world))
    print(f"\n{stage}: {gate}: {failing} of 40 worlds fail with one second less")
    assert failing > 0


def lag_alone(world: World) -> None:
    """Let the new signer's servers lag longer than anything lasts in caches."""
    world.lags.update({"parent": (0,), HOME: (0,), THERE: (0, 20)})
    world.margins.update({"parent": 0, "child": 9})
    world.unseen.update({"parent": 0, HOME: 9, THERE: 9})


def test_the_ds_of_the_new_signer_waits_until_its_servers_agree() -> None:
    """No cache could tell, since nobody asks them yet; a DS of a key that does not sign is not published even so."""
    world = random_world(0, exact=True)
    world.lags[THERE] = (0, 13)
    world.until_ok()
    assert {stage: at for at, stage in world.stages}["J2"] >= 13


WRONG_ORDERS = {
    "the NS change before the new DS": ("J3", "J2"),
    "the old DS leaves at the NS change": ("J5", "J3"),
    "the old key for data leaves at the NS change": ("J6", "J3"),
    "the NS change before the keys are exchanged": ("J3", "J1"),
}


@pytest.mark.parametrize("order", WRONG_ORDERS)
def test_the_judge_sees_a_wrong_order(order: str) -> None:
    """What the engine would never do, done to a finished run: the judge is not blind."""
    moved, to = WRONG_ORDERS[order]
    failing = 0
    for seed in range(20):
        world = random_world(seed)
        world.until_ok()
        when = min(version.at for stage, version in world.events if stage == to)
        for stage, version in world.events:
            if stage == moved:
                version.at = when
        failing += bool(violations(world))
    print(f"\n{order}: {failing} of 20 worlds fail")
    assert failing > 10


def test_the_kernel_alone_keeps_a_move_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gates make the plan readable; without any of them the kernel still finds the same moments."""
    removal = migration._without_old

    def at_once(view: View, move: Move, *stages: str, keys: Gate, data: Gate) -> Proposals:
        return removal(view, move, *stages, keys=OPEN, data=OPEN)

    monkeypatch.setattr(migration, "ready", lambda _: OPEN)
    monkeypatch.setattr(migration, "_without_old", at_once)
    for seed in range(SEEDS // 3):
        world = random_world(seed, exact=seed % 2 == 0)
        world.until_ok()
        assert violations(world) == [], seed
        assert newest(world) == ARRIVED


def parent_alone(beside: Beside, margin: Margins) -> tuple[Reach, Reach]:
    """Believe that resolvers take the NS RRset from the parent alone."""
    return reaches(replace(beside, ns_home=(), ns_there=()), margin)


def gone_at_once(beside: Beside, margin: Margins) -> tuple[Reach, Reach]:
    """Forget that caches keep the NS RRset."""
    lines = {name: getattr(beside, name) for name in ("ns_parent", "ns_home", "ns_there")}
    short = {name: tuple(replace(v, ttl_star=0) for v in versions) for name, versions in lines.items()}
    return reaches(replace(beside, **short), margin)


def without_margin(beside: Beside, margin: Margins) -> tuple[Reach, Reach]:
    """Forget the servers that no sweep reaches."""
    return reaches(beside, replace(margin, parent=0, child=0))


WRONG = {"parent_alone": parent_alone, "gone_at_once": gone_at_once, "without_margin": without_margin}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_belief_about_who_is_asked_is_caught(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "reaches", WRONG[wrong])
    failing = 0
    for seed in range(40):
        world = random_world(seed, exact=True)
        world.until_ok()
        failing += bool(violations(world))
    print(f"\n{wrong}: {failing} of 40 worlds fail")
    assert failing > 0
