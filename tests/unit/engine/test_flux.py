"""What servers show while something is in flux is not taken for what the signer should serve."""

from __future__ import annotations

from dataclasses import replace

from engine_builders import K1, K2, Z1, Z2, TinyWorld, child_answer, dnskey, ds, policy, rolling

from dnsplan.model.observation import Unreachable
from dnsplan.model.plan import Capabilities, Receipt, Step, Wait
from dnsplan.model.portfolio import Accepts


def test_the_signer_is_not_told_data_signatures_that_are_not_confirmed() -> None:
    world = rolling(TinyWorld())
    seen = world.observe(1)
    lagging = child_answer(K1, Z1, address="198.51.100.2", data=(Z2,))

    waiting = world.plan(1, replace(seen, child=(*seen.child, lagging)))

    assert not any(isinstance(move, Step) for move in waiting.moves)


def test_nothing_begins_while_a_server_is_mute_and_others_showed_different_things() -> None:
    world = TinyWorld(served_ds=(ds(K2),))
    seen = world.observe(0)
    mute = Unreachable(address="198.51.100.3", reason="timeout")
    lagging = child_answer(K2, Z1, address="198.51.100.2")
    world.run(0, replace(seen, child=(*seen.child, lagging, mute)))
    agreed = replace(lagging, keys=seen.child[0].keys, key_signers=seen.child[0].key_signers)

    plan = world.run(1, replace(world.observe(1), child=(*seen.child, agreed, mute)))

    assert world.history.rollover is None
    assert isinstance(plan.moves[0], Wait)


def test_the_ds_of_one_unknown_key_count_as_one_where_the_parent_takes_keys() -> None:
    stranger = dnskey("stranger")
    takes = Capabilities(
        update="one-at-a-time", accepts=Accepts(form="dnskey", max_ds=2), makes_digests=frozenset({2, 4})
    )
    world = TinyWorld(
        capabilities=takes,
        policy=policy(unknown_ds="remove"),
        served_ds=tuple(sorted((ds(K1, 2), ds(K1, 4), ds(stranger, 2), ds(stranger, 4)))),
    )

    world.until_done()

    assert world.served_ds == tuple(sorted((ds(K1, 2), ds(K1, 4))))
    assert [stage for _, stage in world.log] == ["H1b"]


def test_a_ds_that_shows_beside_a_new_stranger_is_no_longer_waited_for() -> None:
    world = rolling(TinyWorld())
    for at in (1, 2):
        world.run(at)
    asked = world.pending[-1][1]
    stranger = ds(dnskey("stranger"))
    shown = {}
    for at, records in ((20, (ds(K1), stranger)), (30, (*asked, stranger))):
        world.pending.clear()
        world.served_ds = tuple(sorted(records))
        world.run(at)
        shown[at] = world.history.ds[-1].seen

    assert shown == {20: False, 30: True}


def test_a_key_change_is_waited_for_though_others_change_the_keys_as_well() -> None:
    world = rolling(TinyWorld())
    world.receipt = lambda step: None if step.stage == "B1" else Receipt(state="accepted")
    world.run(1)
    world.keys = (K1, Z1, Z2)

    world.run(2)

    assert Z2 in world.history.dnskey[-2].content.keys
    assert not world.history.dnskey[-1].seen


def test_a_key_that_is_only_held_and_still_signs_data_stops() -> None:
    world = TinyWorld(zone_signers=frozenset({Z1.id, Z2.id}))
    world.held[Z2] = "zsk"

    world.until_done()

    assert world.zone_signers == frozenset({Z1.id})
    assert Z2 not in world.held
