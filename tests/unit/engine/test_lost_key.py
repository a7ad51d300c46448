"""A lost key is replaced while its signatures last; else a person restores it or breaks the chain."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine_builders import K1, T0, Z1, TinyWorld, dnskey, ds, policy
from test_break_chain import BrokenWorld

from dnsplan.model.observation import ChildAnswer, Observation
from dnsplan.model.plan import Blocked, Capabilities
from dnsplan.model.portfolio import Accepts, Policy
from dnsplan.model.records import Dnskey


class Ending(TinyWorld):
    """A world whose signatures end at a second."""

    end = 400

    def observe(self, at: int) -> Observation:
        seen = super().observe(at)
        child = tuple(
            replace(view, signatures_end=T0 + self.end) for view in seen.child if isinstance(view, ChildAnswer)
        )
        return replace(seen, child=child)


def without(world: TinyWorld, *keys: Dnskey) -> TinyWorld:
    """Let the ledger meet the zone, then let the signer lose keys."""
    world.run(0)
    for key in keys:
        del world.held[key]
    return world


def test_a_lost_ksk_gives_way_when_every_cache_knows_the_ds_of_the_new_one() -> None:
    world = without(TinyWorld(), K1)

    plan = world.plan(1)
    world.until_done(1)

    # DS there at 21, in every cache at 21+7+90 = 118; the set signed by the new key seen at 119, everywhere 119+5+40
    assert world.log == [(1, "N0-ksk"), (1, "N1"), (118, "N2"), (164, "N3"), (184, "N5")]
    assert K1 not in world.keys
    assert (plan.recipe, [f.code for f in plan.findings]) == ("lost-key", ["KEY_LOST"])
    assert {step.undo for step in plan.timeline if step.stage == "N2"} == {"irreversible"}


def test_a_lost_zsk_keeps_its_signatures_until_the_new_one_signs() -> None:
    world = without(TinyWorld(), Z1)

    world.until_done(1)

    assert [stage for _, stage in world.log] == ["N0-zsk", "N2", "N4", "N5"]
    assert world.served_ds == (ds(K1),)
    assert Z1 not in world.keys


def test_a_lost_csk_takes_both_ways_one_after_the_other() -> None:
    world = TinyWorld(
        keys=(K1,), zone_signers=frozenset({K1.id}), held={K1: "csk"}, policy=policy(scheme="csk")
    )  # fmt: skip

    without(world, K1).until_done(1)

    assert [stage for _, stage in world.log] == ["N0-csk", "N1", "N2", "N3", "N4", "N5"]
    assert K1 not in world.keys


def test_a_key_of_before_that_is_lost_is_no_reason_to_go_back() -> None:
    world = without(TinyWorld(), K1)
    plan = world.run(1)

    assert plan.history.rollover is not None
    assert plan.history.rollover.old == (K1.id,)


@pytest.mark.parametrize(
    ("given", "capabilities", "why"),
    [
        (policy(algorithm=15), Capabilities(update="replace"), "algorithm cannot change"),
        (policy(), Capabilities(update="cds"), "CDS"),
        (policy(), Capabilities(update="replace", accepts=Accepts(requires_matching_dnskey="one")), "looks for"),
        (policy(), Capabilities(update="replace", accepts=Accepts(max_ds=1)), "takes 1 DS"),
        (policy(), Capabilities(update="replace", accepts=Accepts(max_ds=1, form="dnskey")), "takes 1 DS"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_in_time_or_at_this_parent_is_said(
    given: Policy, capabilities: Capabilities, why: str
) -> None:
    world = without(TinyWorld(capabilities=capabilities), K1)
    world.policy = given

    move = world.run(1).moves[0]

    assert isinstance(move, Blocked)
    assert move.findings[0].code == "KEY_LOST"
    assert why in move.findings[0].detail


@pytest.mark.parametrize(
    ("key", "end", "enough"), [(K1, 143, True), (K1, 142, False), (Z1, 111, True), (Z1, 110, False)]
)
def test_the_signatures_must_last_until_no_cache_needs_them(key: Dnskey, end: int, enough: bool) -> None:
    """KSK: 7+90+5+40 = 142; ZSK: 5+40+5+60 = 110."""
    world = Ending(policy=policy(signature_min_remaining=0))
    without(world, key)
    world.end = end

    move = world.plan(1).moves[0]

    assert isinstance(move, Blocked) != enough
    if isinstance(move, Blocked):
        assert "break_chain:example.ch" in move.findings[0].action


def test_signatures_about_to_end_do_not_hold_the_replacement_back() -> None:
    world = Ending()
    without(world, K1)

    assert world.plan(1).headline == "ACTIVE"


def test_a_key_both_lost_and_stolen_is_replaced_all_at_once_below_no_ds() -> None:
    world = BrokenWorld()
    without(world, K1)
    world.intent = replace(world.intent, compromised=(K1,))

    world.until_done(1)

    assert [stage for _, stage in world.log] == ["X1", "X0-ksk", "X4", "X5a"]
    assert K1 not in world.keys


def test_a_signer_that_lists_nothing_has_lost_nothing() -> None:
    world = TinyWorld(held={K1: "ksk", Z1: "zsk", dnskey("spare"): "ksk"})

    assert world.run(0).recipe != "lost-key"
