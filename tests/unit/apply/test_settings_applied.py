"""TTLs and NSEC3 parameters through the executor: whom it asks, what a saved plan covers, what a crash leaves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from apply_builders import Crash, TinyParent, TinySigner, World, make_world

from dnsplan.apply.assemble import assemble
from dnsplan.apply.looking import look
from dnsplan.apply.outcome import exit_code
from dnsplan.errors import ExitCode
from dnsplan.model.action import Action, SetNsec3, SetTtl
from dnsplan.model.observation import Denial, Observation
from dnsplan.model.plan import Capabilities, Plan, Receipt
from dnsplan.model.portfolio import LASTING, Accepts


@dataclass
class Served:
    """What every server of the world gives."""

    key_ttl: int = 400
    ds_ttl: int = 900
    denial: Denial = field(default_factory=lambda: Denial(nsec3=True, iterations=10))
    asked: list[tuple[str, str]] = field(default_factory=list)


class SettableParent(TinyParent):
    def capabilities(self, zone: str, accepts: Accepts) -> Capabilities:
        return replace(super().capabilities(zone, accepts), sets_ds_ttl=True)

    def perform(self, zone: str, action: Action) -> Receipt:  # type: ignore[override]
        return _perform(self.world, "parent", zone, action) or super().perform(zone, action)  # type: ignore[arg-type]


class SettableSigner(TinySigner):
    def capabilities(self, zone: str) -> Capabilities:
        return replace(super().capabilities(zone), dnskey_ttl="own", sets_nsec3=True)

    def perform(self, zone: str, action: Action) -> Receipt:
        return _perform(self.world, "signer", zone, action) or super().perform(zone, action)


class SettableWorld(World):
    served: Served

    def _sweep(self, child: object) -> Observation:
        seen = super()._sweep(child)  # type: ignore[arg-type]
        one = replace(seen.child[0], key_ttl=self.served.key_ttl, denial=self.served.denial)
        return replace(seen, parent=(replace(seen.parent[0], ttl=self.served.ds_ttl),), child=(one,))

    def _parent(self, name: str) -> TinyParent:
        return SettableParent(self)

    def _signer(self, name: str) -> TinySigner:
        return SettableSigner(self)


def _perform(world: World, side: str, zone: str, action: Action) -> Receipt | None:
    if not isinstance(action, SetTtl | SetNsec3):
        return None
    assert isinstance(world, SettableWorld)
    world.before(zone, action)
    world.served.asked.append((side, type(action).__name__))
    match action:
        case SetTtl(rrset="DS", ttl=ttl):
            world.served.ds_ttl = ttl
        case SetTtl(ttl=ttl):
            world.served.key_ttl = ttl
        case SetNsec3(iterations=iterations, salt=salt):
            world.served.denial = Denial(nsec3=True, iterations=iterations, salt=salt)
    world.after(zone, action)
    return Receipt(state="accepted")


@pytest.fixture
def world() -> SettableWorld:
    """Return a zone that the ledger knows and whose policy has just come to state everything."""
    plain = make_world(signed=True)
    made = SettableWorld(children=plain.children, portfolio=plain.portfolio)
    made.served = Served()
    made.settle()
    policies = {name: replace(policy, stated=frozenset(LASTING)) for name, policy in made.portfolio.policies.items()}
    made.portfolio = replace(made.portfolio, policies=policies)
    made.clock.at += 10
    return made


def saved(world: World) -> Plan:
    looks = look(world.portfolio, tuple(world.children), world.ports)
    return assemble(
        [one.plan for one in looks], portfolio=world.portfolio, digests=dict.fromkeys(world.children, "one"),
        known=frozenset(), commit="", dirty=False, selector=(), now=world.clock.at,
    )  # fmt: skip


def test_the_parent_is_asked_for_the_ttl_of_the_ds_and_the_signer_for_the_rest(world: SettableWorld) -> None:
    world.settle()

    assert sorted(world.served.asked) == [("parent", "SetTtl"), ("signer", "SetNsec3"), ("signer", "SetTtl")]
    [record] = [record for record in world.ledger.records.values() if record.steps]
    assert sorted(step.op for step in record.steps) == ["nsec3.set", "ttl.set", "ttl.set"]
    assert all(step.outcome == "performed" for step in record.steps)


def test_a_saved_plan_of_settings_is_carried_out_once(world: SettableWorld) -> None:
    plan = saved(world)
    first = world.run(saved=plan)
    world.clock.at += 10
    again = world.run(saved=plan)

    assert (first.performed, again.performed) == (3, 0)
    assert [zone.stale for zone in (*first.zones, *again.zones)] == ["", ""]
    assert exit_code(again, detailed=False) is ExitCode.OK


def test_a_saved_plan_of_settings_that_somebody_else_made_true_is_done(world: SettableWorld) -> None:
    policy = world.portfolio.policies["default"]
    plan = saved(world)
    world.served.key_ttl, world.served.ds_ttl = policy.dnskey_ttl, policy.ds_ttl_max
    world.served.denial = Denial(nsec3=True)

    result = world.run(saved=plan)

    assert ([zone.stale for zone in result.zones], result.performed) == ([""], 0)


def test_a_saved_plan_of_settings_is_stale_where_another_step_comes_first_now(world: SettableWorld) -> None:
    plan = saved(world)
    world.served.denial = Denial(nsec3=True)

    assert world.run(saved=plan).zones[0].stale


@pytest.mark.parametrize("kind", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_crash_at_any_call_is_healed_by_the_next_run(world: SettableWorld, kind: str, number: int) -> None:
    left = [number]

    def die(zone: str, action: Action) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Crash

    setattr(world, kind, die)
    with pytest.raises(Crash):
        world.run()
    world.clock.at += 10
    world.settle()

    policy = world.portfolio.policies["default"]
    assert (world.served.key_ttl, world.served.ds_ttl) == (policy.dnskey_ttl, policy.ds_ttl_max)
    assert world.served.denial == Denial(nsec3=True)
    assert len(world.served.asked) <= 3 + (kind == "after")
    histories = world.ledger.histories["z0.ch"]
    assert all(version.everywhere is not None for version in (histories.ds[-1], histories.dnskey[-1]))
