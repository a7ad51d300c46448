"""What is not done although it could be: keys that resolvers hold by hand, and the age at which a key is rolled."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine_builders import K1, K2, T0, TinyWorld, ds, policy, rolling, unsigned_world

from dnsplan.engine import overdue_since
from dnsplan.model.history import HeldKey
from dnsplan.model.plan import Blocked, Capabilities, Move
from dnsplan.model.portfolio import KeyPolicy, Roll

DAY = 86400


def anchored(world: TinyWorld) -> TinyWorld:
    world.intent = replace(world.intent, trust_anchor=True)
    return world


def codes(move: Move) -> list[str]:
    assert isinstance(move, Blocked)
    return [finding.code for finding in move.findings]


# Keys that resolvers hold by hand ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "change", [{"policy": {"algorithm": 15}}, {"policy": {"scheme": "csk"}}, {"intent": {"dnssec": "insecure"}}, {}]
)
def test_a_key_that_resolvers_hold_by_hand_stays_whatever_the_files_ask_for(change: dict[str, dict[str, str]]) -> None:
    world = anchored(rolling(TinyWorld()) if not change else TinyWorld())
    world.run(0)
    world.policy = replace(world.policy, **change.get("policy", {}))  # type: ignore[arg-type]
    world.intent = replace(world.intent, **change.get("intent", {}))  # type: ignore[arg-type]

    plan = world.run(500)

    assert codes(plan.moves[0]) == ["TRUST_ANCHOR_HELD"]
    assert (world.log, plan.timeline, world.history.rollover) == ([], (), None)
    assert "trust_anchor" in plan.moves[0].findings[0].action  # type: ignore[union-attr]


def test_a_compromised_key_that_resolvers_hold_by_hand_is_a_matter_for_people() -> None:
    world = anchored(TinyWorld())
    world.run(0)
    world.intent = replace(world.intent, compromised=(K1,))

    assert codes(world.run(1).moves[0]) == ["TRUST_ANCHOR_HELD"]


def test_beside_a_key_held_by_hand_the_zsk_is_rolled_and_the_digest_types_change() -> None:
    world = anchored(TinyWorld())
    world.run(0)
    world.intent = replace(world.intent, roll=Roll(zsk="x"))
    done = world.until_done(1)
    world.policy = replace(world.policy, digest_types=frozenset({2, 4}))
    world.until_done(done + 1)

    assert {key for key in world.keys if key.is_sep} == {K1}
    assert world.served_ds == tuple(sorted((ds(K1), ds(K1, 4))))


def test_an_old_key_held_by_hand_is_told_and_does_not_keep_the_zsk_from_its_turn() -> None:
    world = anchored(TinyWorld(policy=policy(ksk=KeyPolicy(lifetime=300), zsk=KeyPolicy(lifetime=600))))
    world.until_done(0)

    before, after = world.run(299), world.run(300)

    assert [finding.code for finding in before.findings] == []
    assert [finding.code for finding in after.findings] == ["TRUST_ANCHOR_AGED"]
    assert after.headline == "OK"
    assert world.run(600).recipe == "zsk"


def test_a_rollover_under_way_stops_where_it_is_when_its_key_turns_out_to_be_held_by_hand() -> None:
    world = rolling(TinyWorld())
    world.run(1)
    begun = world.history.rollover
    anchored(world)

    plan = world.run(60)

    assert codes(plan.moves[0]) == ["TRUST_ANCHOR_HELD"]
    assert world.history.rollover == begun
    assert K1 in world.keys
    world.intent = replace(world.intent, trust_anchor=False)
    world.until_done(61)
    assert K1 not in world.keys
    assert len(world.held) == 2


def test_a_rollover_goes_back_beside_a_key_held_by_hand() -> None:
    world = rolling(TinyWorld())
    world.run(1)
    world.intent = replace(anchored(world).intent, roll=Roll())

    world.until_done(60)

    assert {key for key in world.keys if key.is_sep} == {K1}


def test_a_signer_that_rolls_by_itself_is_followed_all_the_same() -> None:
    world = anchored(TinyWorld())
    world.intent = replace(world.intent, keys="follow")
    world.run(0)
    world.keys, world.key_signers = tuple(sorted((K1, K2, *world.keys[1:]))), frozenset({K1.id, K2.id})
    world.until_done(10)

    assert ds(K2) in world.served_ds


# Signals to the parent ---------------------------------------------------------------------------------------------
SCANS = Capabilities(update="cds")


@pytest.mark.parametrize(
    ("capabilities", "signals", "told"),
    [
        (SCANS, {"cds": "true"}, []),
        (Capabilities(update="replace"), {"cds": "true"}, ["signalling.cds"]),
        (Capabilities(update="replace"), {"cds": "false", "bootstrap": "false", "notify": "false"}, []),
        (SCANS, {"bootstrap": "true"}, ["signalling.bootstrap"]),
        (SCANS, {"notify": "true"}, ["signalling.notify"]),
        (SCANS, {}, []),
    ],
)
def test_a_signal_that_the_policy_demands_and_that_is_not_given_is_told(
    capabilities: Capabilities, signals: dict[str, str], told: list[str]
) -> None:
    world = TinyWorld(capabilities=capabilities, policy=policy(**signals))

    found = world.run(0).findings
    world.intent = replace(world.intent, dnssec="hold")

    assert [(f.code, f.detail.split(":")[0]) for f in found] == [("SIGNALLING_NOT_DONE", name) for name in told]
    assert world.run(1).findings == ()


def test_a_scanning_parent_without_cds_blocks_what_needs_a_new_ds_and_nothing_else() -> None:
    mute = policy(cds="false")
    ksk = rolling(TinyWorld(capabilities=SCANS, policy=mute))
    digests = TinyWorld(capabilities=SCANS, policy=replace(mute, digest_types=frozenset({4})))
    first = unsigned_world(capabilities=SCANS, policy=mute)
    leaving = TinyWorld(capabilities=SCANS, policy=mute, intent=replace(ksk.intent, dnssec="insecure"))
    for world in (ksk, digests, first, leaving):
        assert codes(world.run(1).moves[0]) == ["CAPABILITY_MISSING"]
        assert world.log == []
    data = TinyWorld(capabilities=SCANS, policy=mute)
    data.run(0)
    data.intent = replace(data.intent, roll=Roll(zsk="x"))
    done = data.until_done(1)
    data.policy = replace(mute, ksk=KeyPolicy(lifetime=None, standby=1))
    data.until_done(done + 1)
    assert [stage for _, stage in data.log][-2:] == ["S0-ksk", "S1"]


# Age ---------------------------------------------------------------------------------------------------------------
def test_since_when_a_key_is_overdue() -> None:
    world = TinyWorld(policy=policy(ksk=KeyPolicy(lifetime=1000), zsk=KeyPolicy(lifetime=600)))
    never = overdue_since(world.situation(world.observe(0)))
    world.until_done(0)

    dues = [overdue_since(world.situation(world.observe(at))) for at in (599, 600, 1500)]

    assert never is None
    assert dues == [None, T0 + 600, T0 + 600]


def test_a_first_lifetime_ends_early_and_no_later_one_does() -> None:
    world = TinyWorld(policy=policy(ksk=KeyPolicy(lifetime=100 * DAY), zsk=KeyPolicy(lifetime=None)))
    world.until_done(0)

    def due(rollover: str) -> int | None:
        held = (HeldKey(key=K1, role="ksk", created=T0, rollover=rollover),)
        history = replace(world.history, held=held)
        late = replace(world.situation(world.observe(100 * DAY)), history=history, spread=True)
        return overdue_since(late)

    assert due("double-ksk/x") == T0 + 100 * DAY
    found, signed = due(""), due("bootstrap/x")
    assert found == signed
    assert found is not None
    assert T0 + 75 * DAY < found < T0 + 100 * DAY
