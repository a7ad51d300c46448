"""Each recipe on the smallest world, with the second of every stage worked out by hand.

Margins 5 (child) and 7 (parent), TTLs 90 (DS), 40 (DNSKEY), 60 (data), a call at the parent takes effect after 20.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine_builders import K1, K2, T0, Z1, Z2, TinyWorld, dnskey, ds, policy, rolling, unsigned_world

from dnsplan.model.action import SetDs
from dnsplan.model.observation import Unreachable
from dnsplan.model.plan import Blocked, Capabilities, Step, Wait
from dnsplan.model.portfolio import Accepts, KeyPolicy, Roll, ZoneIntent
from dnsplan.model.records import SEP

ONE = Accepts(max_ds=1)
CSK = policy(scheme="csk")


def csk_world(**changes: object) -> TinyWorld:
    return TinyWorld(
        keys=(K1,), zone_signers=frozenset({K1.id}), held={K1: "csk"}, policy=CSK, **changes,  # type: ignore[arg-type]
    )  # fmt: skip


def asked_for_zsk(world: TinyWorld) -> TinyWorld:
    world.run(0)
    world.intent = replace(world.intent, roll=Roll(zsk="x"))
    return world


def changed(world: TinyWorld, **policy_changes: object) -> TinyWorld:
    """Let the ledger meet the zone, then change the policy."""
    world.run(0)
    world.policy = replace(world.policy, **policy_changes)  # type: ignore[arg-type]
    return world


def roles_left(world: TinyWorld) -> list[str]:
    return sorted("sep" if key.flags & SEP else "zsk" for key in world.keys)


def test_a_zsk_is_published_before_it_signs_and_stays_until_its_signatures_are_gone() -> None:
    world = asked_for_zsk(TinyWorld())

    done = world.until_done(1)

    # both keys everywhere at 2, in every cache at 2+5+40 = 47; signatures seen at 48, old ones gone at 48+5+60 = 113
    assert world.log == [(1, "D0-zsk"), (1, "D1"), (47, "D2"), (113, "D3"), (114, "D4")]
    assert done == 114
    assert dict(world.history.tokens) == {"sep": "", "zsk": "x"}
    assert world.served_ds == (ds(K1),)


def test_a_signer_that_signs_anew_slowly_holds_the_old_zsk_back() -> None:
    world = asked_for_zsk(TinyWorld(capabilities=Capabilities(update="replace", resign=30)))

    world.until_done(1)

    assert (143, "D3") in world.log


def test_a_csk_moves_its_ds_and_its_signatures_side_by_side() -> None:
    world = rolling(csk_world())

    world.until_done(1)

    # add-first: the DS is there at 22, in every cache at 22+7+90 = 119, later than the data at 113
    assert world.log == [
        (1, "E0-csk"), (1, "E1"), (2, "E2a"), (47, "E2b"), (47, "E3"), (119, "E4"), (120, "E5"),
    ]  # fmt: skip
    assert len(world.keys) == 1


def test_a_csk_is_swapped_where_the_parent_takes_one_ds() -> None:
    world = rolling(csk_world(capabilities=Capabilities(update="replace", accepts=ONE)))

    world.until_done(1)

    # swapped at 47, seen at 67, old DS gone at 67+7+90 = 164
    assert world.log == [(1, "E0-csk"), (1, "E1"), (47, "E2"), (47, "E3"), (164, "E4"), (165, "E5")]


@pytest.mark.parametrize(
    ("world", "scheme", "left"), [(TinyWorld(), "csk", ["sep"]), (csk_world(), "ksk-zsk", ["sep", "zsk"])]
)
def test_the_scheme_changes_both_ways(world: TinyWorld, scheme: str, left: list[str]) -> None:
    changed(world, scheme=scheme)

    world.until_done(1)

    assert [stage for _, stage in world.log if not stage.startswith("E0")] == [
        "E1", "E2a", "E2b", "E3", "E4", *["E5"] * (3 - len(left)),
    ]  # fmt: skip
    assert roles_left(world) == left
    assert len(world.served_ds) == 1


def test_a_liberal_algorithm_rollover_adds_its_ds_only_when_all_is_signed_twice() -> None:
    world = changed(TinyWorld(), algorithm=15)

    world.until_done(1)

    # signatures everywhere at 2, in every cache at 2+5+60 = 67; DS there at 87; the old one leaves at 87, is gone at
    # 107, no cache holds it from 107+7+90 = 204, nor trusts a key on its account from 204+40 = 244
    assert world.log == [
        (1, "L0-ksk"), (1, "L0-zsk"), (1, "L1"), (67, "L2a"), (87, "L2b"), (204, "L3"), (244, "L4"), (245, "L5"),
        (245, "L5"),
    ]  # fmt: skip
    assert {key.algorithm for key in world.keys} == {15}


def test_a_conservative_algorithm_rollover_signs_before_it_publishes() -> None:
    world = changed(TinyWorld(), algorithm=15, algorithm_rollover="conservative")

    world.until_done(1)

    # data signed twice at 2, in every cache at 67; keys at 68, in every cache at 68+5+40 = 113; DS swapped in two
    # calls, there at 133 and 153, no old DS from 153+7+90 = 250; keys gone at 251, from every cache at 251+5+40 = 296
    assert [(at, stage) for at, stage in world.log if stage[:2] != "F0"] == [
        (1, "F1"), (67, "F2"), (113, "F3a"), (133, "F3b"), (250, "F4"), (296, "F5"), (297, "F6"), (297, "F6"),
    ]  # fmt: skip


def test_a_policy_with_the_strict_validator_rolls_its_algorithm_conservatively() -> None:
    strict = frozenset({"lenient", "strict4035"})
    world = changed(TinyWorld(), algorithm=15, validators=strict)

    assert world.run(1).recipe == "algorithm-conservative"


def test_double_ds_tells_every_cache_of_the_ds_before_the_keys_change_places() -> None:
    world = rolling(TinyWorld(policy=policy(ksk=KeyPolicy(lifetime=None, rollover="double-ds"))))

    world.until_done(1)

    # DS there at 21, in every cache at 21+7+90 = 118; keys seen at 119, in every cache at 119+5+40 = 164
    assert world.log == [(1, "C0-ksk"), (1, "C1"), (118, "C2"), (164, "C3"), (184, "C4")]


@pytest.mark.parametrize("accepts", [ONE, Accepts(max_ds=2, requires_matching_dnskey="each")])
def test_double_ds_gives_way_to_double_ksk_where_the_parent_cannot(accepts: Accepts) -> None:
    method = KeyPolicy(lifetime=None, rollover="double-ds")
    world = rolling(TinyWorld(policy=policy(ksk=method), capabilities=Capabilities(update="replace", accepts=accepts)))

    plan = world.plan(1)

    assert plan.recipe == "double-ksk"
    assert "double-ds needs room" in plan.why


def test_double_rrset_publishes_key_and_ds_at_once() -> None:
    method = policy(ksk=KeyPolicy(lifetime=None, rollover="double-rrset"))
    world = rolling(TinyWorld(policy=method))
    looking = rolling(
        TinyWorld(
            policy=method,
            capabilities=Capabilities(update="replace", accepts=Accepts(max_ds=2, requires_matching_dnskey="one")),
        )
    )

    world.until_done(1)
    looking.until_done(1)

    # DS there at 21, the old one unused from 21+7+90 = 118
    assert world.log == [(1, "R0-ksk"), (1, "R1"), (1, "R2a"), (47, "R2b"), (118, "R3"), (119, "R4")]
    assert looking.log == [(1, "R0-ksk"), (1, "R1"), (2, "R2a"), (47, "R2b"), (119, "R3"), (120, "R4")]


def test_digest_types_are_added_before_the_old_ones_leave() -> None:
    world = changed(TinyWorld(), digest_types=frozenset({4}))

    done = world.until_done(1)

    # either digest vouches for the same key, whatever else caches hold: nothing to wait for but the sweeps
    assert world.log == [(1, "H1a"), (21, "H1b")]
    assert done == 41
    assert world.served_ds == (ds(K1, 4),)


def test_digest_types_are_swapped_where_the_parent_takes_one_ds() -> None:
    world = TinyWorld(capabilities=Capabilities(update="replace", accepts=ONE))
    changed(world, digest_types=frozenset({4}))

    world.until_done(1)

    assert world.log == [(1, "H1")]


def test_the_digests_that_a_parent_makes_are_its_own_affair() -> None:
    made = Capabilities(update="replace", accepts=Accepts(form="dnskey"), makes_digests=frozenset({2}))
    world = changed(TinyWorld(capabilities=made), digest_types=frozenset({4}))

    assert world.run(1).headline == "OK"


# Emergency and standby ---------------------------------------------------------------------------------------------
def test_a_compromised_key_is_replaced_without_margins() -> None:
    world = TinyWorld()
    world.run(0)
    world.intent = replace(world.intent, compromised=(K1,))

    world.until_done(1)

    # 2+40 = 42 and 22+90 = 112: no margins
    assert world.log == [(1, "I0-ksk"), (1, "I1"), (2, "I2a"), (42, "I2b"), (112, "I4"), (113, "I5")]
    assert K1 not in world.keys


def test_an_emergency_takes_the_place_of_a_rollover_under_way() -> None:
    world = rolling(TinyWorld())
    world.run(1)
    world.run(2)
    world.intent = replace(world.intent, compromised=(K1,))

    assert world.run(3).recipe == "emergency"
    world.until_done(4)
    assert K1 not in world.keys
    assert len(world.keys) == 2


def test_with_a_standby_key_the_ds_moves_at_once() -> None:
    world = TinyWorld(
        keys=(K1, K2, Z1), key_signers=frozenset({K1.id, K2.id}), held={K1: "ksk", K2: "ksk", Z1: "zsk"},
        policy=policy(ksk=KeyPolicy(lifetime=None, standby=1)),
    )  # fmt: skip
    assert world.run(0).headline == "OK"
    world.run(50)
    world.intent = replace(world.intent, compromised=(K1,))

    world.run(51)

    assert world.log == [(51, "I2a")]
    done = world.until_done(52)
    assert K1 not in world.keys
    world.until_done(done + 1)
    # and the policy's standby key is there again
    assert [stage for _, stage in world.log][-2:] == ["S0-ksk", "S1"]


def test_a_standby_key_is_made_where_the_policy_wants_one() -> None:
    world = changed(TinyWorld(), ksk=KeyPolicy(lifetime=None, standby=1))

    world.until_done(1)

    assert world.log == [(1, "S0-ksk"), (1, "S1")]
    assert world.served_ds == (ds(K1),)
    assert roles_left(world) == ["sep", "sep", "zsk"]


def with_standby(count: int = 1, **changes: object) -> TinyWorld:
    """Return a world in which K2 stands by, and the ledger has met it."""
    world = TinyWorld(
        keys=(K1, K2, Z1), key_signers=frozenset({K1.id, K2.id}), held={K1: "ksk", K2: "ksk", Z1: "zsk"},
        policy=policy(ksk=KeyPolicy(lifetime=None, standby=count)), **changes,  # type: ignore[arg-type]
    )  # fmt: skip
    world.run(0)
    return world


def test_a_rollover_puts_the_standby_key_to_use_and_the_next_one_is_made() -> None:
    world = with_standby()
    assert world.run(200).headline == "OK"
    world.intent = replace(world.intent, roll=Roll(sep="x"))

    done = world.until_done(201)
    assert world.served_ds == (ds(K2),)
    # no key to create or to wait for; the DS after 20 s, and K1 leaves when no cache holds the old DS: 221 + 7 + 90
    assert world.log == [(201, "B2a"), (221, "B2b"), (318, "B3"), (319, "B4")]
    assert dict(world.history.tokens)["sep"] == "x"
    world.until_done(done + 1)

    assert [stage for _, stage in world.log[4:]] == ["S0-ksk", "S1"]
    assert roles_left(world) == ["sep", "sep", "zsk"]
    assert world.served_ds == (ds(K2),)
    assert world.run(2000).headline == "OK"


def test_of_two_standby_keys_the_older_one_is_put_to_use_and_the_other_stays() -> None:
    world = with_standby(count=2)
    done = world.until_done(1)
    younger = next(key for key in world.keys if key.is_sep and key not in {K1, K2})
    world.intent = replace(world.intent, roll=Roll(sep="x"))

    world.until_done(done + 200)

    assert world.served_ds == (ds(K2),)
    assert younger in world.keys
    assert K1 not in world.keys


def test_the_way_back_from_a_standby_key_leads_to_the_key_in_use_alone() -> None:
    world = with_standby()
    world.intent = replace(world.intent, roll=Roll(sep="x"))
    world.run(200)
    world.run(221)
    world.intent = replace(world.intent, roll=Roll())

    done = world.until_done(222)
    assert world.served_ds == (ds(K1),)
    world.until_done(done + 1)

    assert roles_left(world) == ["sep", "sep", "zsk"]
    assert world.served_ds == (ds(K1),)


def test_a_standby_csk_is_put_to_use_too() -> None:
    world = changed(csk_world(), csk=KeyPolicy(lifetime=None, standby=1))
    done = world.until_done(1)
    spare = next(key for key in world.keys if key != K1)
    world.intent = replace(world.intent, roll=Roll(sep="x"))

    world.until_done(done + 200)

    assert world.served_ds == (ds(spare),)
    assert world.zone_signers == frozenset({spare.id})


# Follow ------------------------------------------------------------------------------------------------------------
def following(**changes: object) -> TinyWorld:
    intent = ZoneIntent(zone="example.ch", dnssec="signed", keys="follow", signer="s", parent="p")
    return TinyWorld(intent=intent, **changes)  # type: ignore[arg-type]


def test_the_ds_follow_a_signer_that_rolls_by_itself() -> None:
    world = following()
    assert world.run(0).headline == "OK"

    world.keys, world.key_signers = (K1, K2, Z1), frozenset({K1.id, K2.id})
    world.until_done(10)
    assert world.served_ds == tuple(sorted((ds(K1), ds(K2))))
    world.keys, world.key_signers = (K2, Z1), frozenset({K2.id})
    world.until_done(200)

    assert world.served_ds == (ds(K2),)
    # the new key is there at 10, the DS at once; the old one when no cache holds a DNSKEY RRset without the new key
    assert world.log == [(10, "K2a"), (200, "K2b")]


def test_a_new_algorithm_is_followed_when_all_is_signed_with_it_and_a_day_is_over() -> None:
    new, data = dnskey("k15", algorithm=15), dnskey("z15", 256, 15)
    world = following()
    world.run(0)
    world.keys, world.key_signers = (K1, new, Z1, data), frozenset({K1.id, new.id})
    world.zone_signers = frozenset({Z1.id, data.id})

    assert world.run(75).headline == "WAITING"  # no cache holds data without it
    assert "followed when it has signed for a day" in world.run(76).moves[0].reason  # type: ignore[union-attr]
    world.until_done(75 + 86399, 100_000)

    assert world.log == [(75 + 86400, "K2a")]


def test_signatures_of_a_new_algorithm_that_linger_hold_it_back_beyond_the_day() -> None:
    new, data = dnskey("k15", algorithm=15), dnskey("z15", 256, 15)
    world = following(capabilities=Capabilities(update="replace", resign=200_000))
    world.run(0)
    world.keys, world.key_signers = (K1, new, Z1, data), frozenset({K1.id, new.id})
    world.zone_signers = frozenset({Z1.id, data.id})
    world.run(10)

    world.until_done(11, 300_000)

    assert world.log == [(10 + 5 + 60 + 200_000, "K2a")]


def test_several_new_keys_at_once_are_followed_after_a_day_without_a_break() -> None:
    third = dnskey("k9")
    world = following()
    world.run(0)
    both = (K1, K2, third, Z1), frozenset({K1.id, K2.id, third.id})
    world.keys, world.key_signers = both
    assert world.run(10).moves[0].until == T0 + 10 + 86400  # type: ignore[union-attr]
    world.keys, world.key_signers = (K1, Z1), frozenset({K1.id})
    world.run(5000)
    world.keys, world.key_signers = both
    world.run(6000)
    world.keys = (K1, K2, third, Z1, Z2)  # others may come beside them
    world.run(7000)

    world.until_done(6000 + 86399, 100_000)

    assert [at for at, _ in world.log] == [6000 + 86400]
    assert len(world.served_ds) == 3


def test_servers_that_do_not_all_show_the_new_keys_begin_no_day() -> None:
    world = following()
    world.run(0)
    world.keys, world.key_signers = (K1, K2, dnskey("k9"), Z1), frozenset({K1.id, K2.id, dnskey("k9").id})
    seen = world.observe(10)
    behind = replace(
        seen.child[0], address="198.51.100.2", keys=tuple(sorted((K1, Z1))), key_signers=frozenset({K1.id})
    )

    plan = world.run(10, replace(seen, child=(*seen.child, behind)))

    assert plan.headline == "WAITING"
    assert plan.moves[0].polls  # type: ignore[union-attr]


def test_a_signer_that_dropped_its_key_with_the_ds_is_followed_at_once() -> None:
    new = dnskey("k9")
    world = following()
    world.run(0)
    world.keys, world.key_signers = (K1, K2, new, Z1), frozenset({K1.id, K2.id, new.id})
    world.run(10)
    world.keys, world.key_signers = (K2, new, Z1), frozenset({K2.id, new.id})

    world.until_done(100)

    assert world.log[0][0] == 100
    assert set(world.served_ds) == {ds(K2), ds(new)}


def test_a_zone_whose_keys_were_never_vouched_for_is_not_followed() -> None:
    world = following()
    world.run(0)
    world.keys, world.key_signers, world.zone_signers = (K2, Z2), frozenset({K2.id}), frozenset({Z2.id})

    blocked = world.run(10).moves[0]

    assert isinstance(blocked, Blocked)
    assert blocked.findings[0].code == "KEY_DISCONTINUITY"
    world.keys, world.key_signers, world.zone_signers = (), frozenset(), frozenset()
    assert isinstance(world.run(11).moves[0], Blocked)


def test_a_followed_zone_without_ds_gets_one_when_all_is_signed() -> None:
    world = following(served_ds=())

    world.until_done(0)

    assert world.log == [(65, "K2a")]


# Age, undo, refusals -----------------------------------------------------------------------------------------------
def test_a_key_is_rolled_when_it_reaches_its_lifetime() -> None:
    world = TinyWorld(policy=policy(ksk=KeyPolicy(lifetime=1000), zsk=KeyPolicy(lifetime=600)))
    world.until_done(0)

    assert world.run(599).headline == "OK"
    assert world.run(600).recipe == "zsk"
    world.until_done(601)
    assert world.run(1000).recipe == "double-ksk"
    world.until_done(1001)
    assert world.run(1150).headline == "OK"


def test_a_rollover_whose_token_is_taken_back_goes_back() -> None:
    world = rolling(TinyWorld())
    world.run(1)
    world.run(2)
    world.run(22)
    assert world.served_ds != (ds(K1),)
    world.intent = replace(world.intent, roll=Roll())

    plan = world.run(23)
    world.until_done(24)

    assert "taken back" in plan.why
    assert world.served_ds == (ds(K1),)
    assert world.keys == tuple(sorted((K1, Z1)))
    assert set(world.held) == {K1, Z1}
    assert world.run(900).headline == "OK"


def test_insecure_and_pinned_keys_contradict_each_other() -> None:
    world = TinyWorld(intent=ZoneIntent(zone="example.ch", dnssec="insecure", keys=(K1,), signer="s", parent="p"))

    assert isinstance(world.run(0).moves[0], Blocked)


def test_a_signer_that_cannot_create_keys_is_not_asked_to() -> None:
    world = rolling(TinyWorld(capabilities=Capabilities(update="replace", can_create_keys=False)))

    blocked = world.run(1).moves[0]

    assert isinstance(blocked, Blocked)
    assert blocked.findings[0].code == "CAPABILITY_MISSING"


def test_an_algorithm_that_no_validator_knows_is_refused() -> None:
    world = changed(TinyWorld(), algorithm=12)

    assert isinstance(world.run(1).moves[0], Blocked)


def test_nothing_begins_while_servers_disagree() -> None:
    world = rolling(TinyWorld())
    seen = world.observe(1)
    other = replace(seen.child[0], address="198.51.100.2", keys=(K1, Z1, Z2))

    move = world.run(1, replace(seen, child=(*seen.child, other))).moves[0]

    assert isinstance(move, Wait)
    assert move.polls
    assert world.log == []


def test_a_zone_found_with_leftovers_is_brought_to_its_policy() -> None:
    """Row 'standby or pre-published', and a DS that was left from an old rollover."""
    world = TinyWorld(
        keys=(K1, K2, Z1, Z2), served_ds=tuple(sorted((ds(K1), ds(dnskey("k9"))))),
        held={K1: "ksk", K2: "ksk", Z1: "zsk", Z2: "zsk", dnskey("k9"): "ksk"},
    )  # fmt: skip

    world.until_done(0)

    assert world.keys == tuple(sorted((K1, Z1)))
    assert world.served_ds == (ds(K1),)


def test_the_second_of_two_steps_is_judged_with_the_first() -> None:
    """Both are asked for in one run; the proof of the second knows the first."""
    world = rolling(TinyWorld(policy=policy(ksk=KeyPolicy(lifetime=None, rollover="double-rrset"))))
    world.run(1)

    world = rolling(csk_world(capabilities=Capabilities(update="replace", accepts=ONE)))
    for at in range(1, 47):
        world.run(at)
    moves = world.plan(47).moves

    steps = [move for move in moves if isinstance(move, Step)]
    assert [step.stage for step in steps] == ["E2", "E3"]
    assert isinstance(steps[0].action, SetDs)
    assert steps[1].proof.triples > steps[0].proof.triples


def test_signing_again_after_insecure_starts_from_nothing() -> None:
    world = unsigned_world(intent=ZoneIntent(zone="example.ch", dnssec="insecure", signer="s", parent="p"))
    world.until_done(0)
    world.intent = replace(world.intent, dnssec="signed")

    world.until_done(1)

    assert len(world.served_ds) == 1


def test_a_followed_signer_says_by_cds_which_of_its_keys_it_means() -> None:
    world = following(
        keys=(K1, K2, Z1), key_signers=frozenset({K1.id, K2.id}), served_ds=(ds(K1),), held={K1: "ksk", K2: "ksk"}
    )
    seen = world.observe(0)
    named = replace(seen, child=(replace(seen.child[0], cds=(ds(K1),)),))
    other = replace(seen, child=(replace(seen.child[0], cdnskey=(dnskey("k9"),)),))

    assert world.plan(0, named).headline == "OK"
    assert world.plan(0, other).recipe == "follow"
    assert world.plan(0, replace(named, child=(*named.child, replace(seen.child[0], address="198.51.100.2")))).recipe


def test_a_parent_that_takes_less_than_it_did_blocks_a_rollover_half_way() -> None:
    world = rolling(TinyWorld())
    world.run(1)
    world.run(2)
    world.run(22)
    foreign = tuple(sorted((*world.served_ds, ds(dnskey("foreign")))))
    full = replace(world.capabilities, accepts=ONE)
    world.served_ds, world.capabilities = foreign, full

    blocked = world.run(60).moves[0]

    assert isinstance(blocked, Blocked)
    assert blocked.guard == "parent_limit"


def test_one_record_a_call_and_no_room_for_another_is_refused_half_way() -> None:
    single = Capabilities(update="one-at-a-time", accepts=Accepts(max_ds=2))
    world = rolling(TinyWorld(capabilities=single))
    world.run(1)
    world.capabilities = replace(single, accepts=ONE)

    blocked = world.run(2).moves[0]

    assert isinstance(blocked, Blocked)
    assert blocked.guard == "parent_limit"


def test_a_digest_that_the_parent_no_longer_takes_blocks_half_way() -> None:
    world = rolling(TinyWorld())
    world.run(1)
    world.capabilities = Capabilities(update="replace", accepts=Accepts(digest_types=frozenset({4})))

    assert isinstance(world.run(2).moves[0], Blocked)


def test_a_parent_that_names_what_it_takes_and_takes_it_is_no_obstacle() -> None:
    named = Accepts(algorithms=frozenset({13}), digest_types=frozenset({2}), max_ds=2)
    world = rolling(TinyWorld(capabilities=Capabilities(update="replace", accepts=named)))

    world.until_done(1)

    assert len(world.served_ds) == 1


def test_a_broken_zone_is_repaired_before_it_is_rolled() -> None:
    world = rolling(TinyWorld())
    world.served_ds = (ds(dnskey("lost")),)

    assert world.run(1).recipe == "bootstrap"
    done = world.until_done(2)
    assert world.run(done + 1).recipe == "double-ksk"


def test_a_pinned_zsk_is_a_goal_too() -> None:
    world = TinyWorld(
        intent=ZoneIntent(zone="example.ch", dnssec="signed", keys=(K1, Z2), signer="s", parent="p"),
        held={K1: "ksk", Z1: "zsk", Z2: "zsk"},
    )  # fmt: skip

    world.until_done(0)

    assert world.keys == tuple(sorted((K1, Z2)))
    assert world.zone_signers == {Z2.id}


# At rest, and what is not ours ---------------------------------------------------------------------------------------
def test_nothing_is_called_done_while_a_server_is_silent_or_says_something_else() -> None:
    world = TinyWorld()
    seen = world.observe(0)
    silent = replace(seen, child=(*seen.child, Unreachable(address="198.51.100.2", reason="timeout")))
    other = replace(seen, parent=(*seen.parent, replace(seen.parent[0], address="192.0.2.2", ds=())))

    for shown in (silent, other):
        plan = replace(world).plan(0, shown)
        assert plan.headline == "WAITING"
        assert plan.recipe == ""
    world.intent = replace(world.intent, dnssec="hold")
    assert world.plan(0, silent).headline == "HOLD"


def test_a_policy_may_want_nothing_done_beside_a_foreign_ds() -> None:
    world = rolling(TinyWorld(policy=policy(unknown_ds="block")))
    world.served_ds = tuple(sorted((ds(K1), ds(dnskey("foreign")))))

    blocked = world.run(1).moves[0]

    assert isinstance(blocked, Blocked)
    assert blocked.findings[0].code == "CHAIN_DANGLING_DS"


def test_a_policy_may_want_a_foreign_ds_removed() -> None:
    world = TinyWorld(policy=policy(unknown_ds="remove"), served_ds=tuple(sorted((ds(K1), ds(dnskey("foreign"))))))

    world.until_done(0)

    assert world.served_ds == (ds(K1),)


@pytest.mark.parametrize("algorithm", [13, 8])
def test_a_broken_zone_is_repaired_and_then_tidied(algorithm: int) -> None:
    old, data = dnskey("old", algorithm=algorithm), dnskey("olddata", 256, algorithm)
    world = TinyWorld(
        served_ds=(ds(dnskey("lost")),), keys=tuple(sorted((old, data))), key_signers=frozenset({old.id}),
        zone_signers=frozenset({data.id}), held={old: "ksk", data: "zsk", K1: "ksk", Z1: "zsk"},
        intent=ZoneIntent(zone="example.ch", dnssec="signed", keys=(K1, Z1), signer="s", parent="p"),
    )  # fmt: skip

    world.until_done(0)

    assert world.keys == tuple(sorted((K1, Z1)))
    assert world.zone_signers == {Z1.id}
    assert ds(K1) in world.served_ds


def test_leftovers_of_an_unsigned_zone_leave_before_it_gets_a_ds() -> None:
    old = dnskey("old", algorithm=8)
    world = TinyWorld(served_ds=(), keys=(old,), key_signers=frozenset(), zone_signers=frozenset(), held={old: "ksk"})

    world.until_done(0)

    assert "A2" in [stage for _, stage in world.log]
    assert old not in world.keys
    assert roles_left(world) == ["sep", "zsk"]


def test_the_ds_of_a_key_of_ours_that_is_not_published_leaves_after_the_repair() -> None:
    world = TinyWorld(served_ds=(ds(K2),), held={K1: "ksk", Z1: "zsk", K2: "ksk"})

    world.until_done(0)

    assert [stage for _, stage in world.log if stage != "A5"] == ["A3a", "A4b"]
    assert world.served_ds == (ds(K1),)


def test_a_change_that_the_parent_took_and_does_not_show_is_told_after_its_time() -> None:
    world = rolling(TinyWorld(registration=10_000))
    world.run(1)
    world.run(2)

    codes = [[finding.code for finding in world.plan(at).findings] for at in (101, 102)]

    assert codes == [[], ["DS_NOT_PUBLISHED"]]


def test_a_server_that_holds_a_change_back_is_named() -> None:
    world = rolling(TinyWorld(registration=0))
    late = replace(world.observe(1).parent[0], address="192.0.2.2")
    world.run(1)
    for at in (2, 3):
        shown = world.observe(at)
        plan = world.run(at, replace(shown, parent=(*shown.parent, late)))
    reasons = [move.reason for move in plan.moves if isinstance(move, Wait)]

    assert any("not on 192.0.2.2" in reason for reason in reasons), reasons


def test_nothing_is_changed_while_signatures_are_about_to_end_except_leaving_dnssec() -> None:
    world = rolling(TinyWorld(policy=policy(signature_min_remaining=500)))
    seen = world.observe(1)
    dying = replace(seen, child=(replace(seen.child[0], signatures_end=T0 + 400),))
    fine = replace(seen, child=(replace(seen.child[0], signatures_end=T0 + 600),))

    blocked = world.plan(1, dying)
    assert isinstance(blocked.moves[0], Blocked)
    assert [finding.code for finding in blocked.findings] == ["SIG_EXPIRES_SOON"]
    assert world.plan(1, fine).headline == "ACTIVE"
    world.intent = replace(world.intent, dnssec="insecure")
    assert world.plan(1, dying).headline == "ACTIVE"


def test_keys_that_somebody_else_publishes_meanwhile_are_not_taken_for_those_asked_for() -> None:
    world = rolling(TinyWorld())
    before = world.observe(1)
    world.run(1)
    other = replace(before.child[0], keys=tuple(sorted((K1, Z1, Z2))))

    plan = world.plan(2, replace(world.observe(2), child=(other,)))

    assert not world.history.dnskey[-1].seen
    assert plan.headline == "WAITING"


def test_a_signer_that_divides_by_the_sep_flag_is_not_asked_to_roll_a_csk() -> None:
    divided = Capabilities(update="replace", divides_by_sep=True)
    csk, split = rolling(csk_world(capabilities=divided)), changed(TinyWorld(capabilities=divided), scheme="csk")

    for world in (csk, split):
        blocked = world.run(1).moves[0]
        assert isinstance(blocked, Blocked)
        assert blocked.findings[0].code == "CAPABILITY_MISSING"
        assert world.log == []
    fine = rolling(TinyWorld(capabilities=divided))
    fine.until_done(1)
    pinned = TinyWorld(capabilities=divided, intent=ZoneIntent(zone="example.ch", dnssec="signed", keys=(K2, Z1)))
    pinned.held[K2] = "ksk"
    pinned.until_done(0)
    two = changed(TinyWorld(capabilities=divided), scheme="csk", algorithm=15)
    two.until_done(1)
    assert {key.algorithm for key in two.keys} == {15}
    double = asked_for_zsk(csk_world(capabilities=divided))
    assert double.run(1).headline == "OK"


def test_a_followed_csk_whose_signatures_linger_keeps_no_ds() -> None:
    world = following(keys=(K1,), zone_signers=frozenset({K1.id}), policy=CSK)
    world.run(0)
    world.keys, world.key_signers = tuple(sorted((K1, K2))), frozenset({K1.id, K2.id})
    seen = world.observe(100)
    world.plan(100, replace(seen, child=(replace(seen.child[0], cds=(ds(K1),)),)))
    world.key_signers, world.zone_signers = frozenset({K2.id}), frozenset({K1.id, K2.id})
    seen = world.observe(300)

    plan = world.plan(300, replace(seen, child=(replace(seen.child[0], cds=(ds(K2),)),)))

    assert plan.recipe == "follow"
    assert plan.desired_ds == (ds(K2),)


def test_a_standby_csk_beside_its_like_is_not_asked_for_either() -> None:
    divided = Capabilities(update="replace", divides_by_sep=True)
    world = changed(csk_world(capabilities=divided), csk=KeyPolicy(lifetime=None, standby=1))
    emergency = TinyWorld(capabilities=divided)
    emergency.run(0)
    emergency.intent = replace(emergency.intent, compromised=(K1,))

    assert isinstance(world.run(1).moves[0], Blocked)
    emergency.until_done(1)
    assert K1 not in emergency.keys
