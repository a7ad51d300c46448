"""TTLs and NSEC3 parameters are brought to what a policy's file states: when, by which steps, and when not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from engine_builders import K1, T0, Z1, TinyWorld, child_answer, dnskey, ds, policy, rolling, unsigned_world

from dnsplan.engine.recipes import settings
from dnsplan.engine.timed import with_ttl
from dnsplan.engine.view import view_of
from dnsplan.model.action import SetKeys, SetNsec3, SetTtl
from dnsplan.model.history import DnskeyContent, DsContent, RRsetVersion
from dnsplan.model.observation import Denial, Observation, Unreachable
from dnsplan.model.plan import Capabilities, NeedsHuman, Receipt, Step, Wait, ZonePlan
from dnsplan.model.portfolio import LASTING

STATED = frozenset(LASTING)
EVERYTHING = Capabilities(update="replace", dnskey_ttl="own", sets_nsec3=True, sets_ds_ttl=True)


@dataclass
class TimedWorld(TinyWorld):
    """A world whose TTLs and NSEC3 parameters can be set, each at once, and the DS's after the registration."""

    key_ttl: int = 40
    ds_ttl: int = 90
    denial: Denial | None = None
    validity: int = 0
    ds_ttl_from: int | None = None
    next_ds_ttl: int = 0

    def observe(self, at: int) -> Observation:
        seen = super().observe(at)
        if self.ds_ttl_from is not None and at >= self.ds_ttl_from:
            self.ds_ttl, self.ds_ttl_from = self.next_ds_ttl, None
        child = replace(seen.child[0], key_ttl=self.key_ttl, denial=self.denial, signatures_validity=self.validity)
        return replace(seen, parent=(replace(seen.parent[0], ttl=self.ds_ttl),), child=(child,))

    def _effect(self, step: Step, at: int, receipt: Receipt) -> Receipt:
        match step.action:
            case SetTtl(rrset="DNSKEY", ttl=ttl):
                self.key_ttl = ttl
            case SetTtl(rrset="DS", ttl=ttl):
                self.ds_ttl_from, self.next_ds_ttl = at + self.registration, ttl
            case SetNsec3(iterations=iterations, salt=salt):
                self.denial = Denial(nsec3=True, iterations=iterations, salt=salt)
            case _:
                return super()._effect(step, at, receipt)
        return receipt


def stating(**changes: object) -> TimedWorld:
    """Return a world at rest whose policy states everything; `changes` are of the world."""
    world = TimedWorld(policy=policy(stated=STATED), capabilities=EVERYTHING)
    for name, value in changes.items():
        setattr(world, name, value)
    return world


def stages(world: TinyWorld) -> list[str]:
    return [stage for _, stage in world.log]


def codes(plan: ZonePlan) -> list[str]:
    return [finding.code for finding in plan.findings]


def test_what_is_only_a_default_changes_nothing_and_is_no_finding() -> None:
    world = stating(key_ttl=4000, ds_ttl=4000, denial=Denial(nsec3=True, iterations=10), validity=10**8)
    world.policy = policy()

    plan = world.run(0)

    assert (plan.headline, plan.recipe, plan.findings, plan.timeline) == ("OK", "", (), ())


def test_what_is_as_stated_is_left_alone() -> None:
    world = stating(denial=Denial(nsec3=True), validity=86400)

    plan = world.run(0)

    assert (plan.headline, plan.recipe, plan.findings) == ("OK", "", ())


def test_a_lower_ttl_of_the_ds_than_the_limit_is_left_alone() -> None:
    assert stating(ds_ttl=5).run(0).headline == "OK"


def test_ttls_and_nsec3_of_a_zone_at_rest_are_set_side_by_side_and_confirmed() -> None:
    world = stating(key_ttl=400, ds_ttl=900, denial=Denial(nsec3=True, iterations=10, salt="ab", opt_out=True))

    at = world.until_done()

    assert sorted(world.log) == [(0, "V1"), (0, "V2"), (0, "V3")]
    assert at == 20
    assert (world.key_ttl, world.ds_ttl) == (40, 90)
    assert world.plan(at + 1).recipe == ""


def test_the_plan_says_what_each_step_does_who_takes_it_and_whether_there_is_a_way_back() -> None:
    world = stating(key_ttl=400, ds_ttl=900, denial=Denial(nsec3=True, salt="ab"))
    world.policy = policy(stated=STATED, dnskey_ttl=500, nsec3_salt_length=2)
    world.capabilities = replace(EVERYTHING, dnskey_ttl="negative")

    steps = world.plan(0).timeline

    assert [(step.op, step.stage, step.undo, step.who) for step in steps] == [
        ("nsec3.set", "V3", "fast", "signer s"),
        ("ttl.set", "V1", "slow", "signer s"),
        ("ttl.set", "V2", "fast", "parent p"),
    ]
    nsec3, key_ttl, ds_ttl = (step.summary for step in steps)
    assert nsec3.startswith("use NSEC3 with 0 iterations and salt ")
    assert key_ttl == ("raise the TTL of the DNSKEY RRset from 6m40s to 8m20s, and that of negative answers with it")
    assert ds_ttl == "lower the TTL of the DS from 15m to 1m30s"
    assert len({step.id for step in steps}) == 3


def test_a_ttl_is_set_only_where_every_server_shows_the_rrset_as_it_is() -> None:
    world = stating(key_ttl=400)
    world.policy = policy(stated=STATED, timing=replace(world.policy.timing, sweep_count=2, sweep_spacing=30))

    first, second = world.run(0), world.run(30)

    assert isinstance(first.moves[0], Wait)
    assert "every server shows the DNSKEY RRset as it is" in first.moves[0].reason
    assert (stages(world), second.recipe) == (["V1"], "settings")
    assert world.run(60).headline == "WAITING"
    assert world.run(90).headline == "OK"


def test_nothing_is_set_where_servers_give_different_ttls_or_one_is_silent() -> None:
    world = stating(key_ttl=400)
    seen = world.observe(0)
    other = child_answer(K1, Z1, address="198.51.100.2")
    mute = Unreachable(address="198.51.100.2", reason="timeout")

    for second in (other, mute):
        plan = world.plan(0, replace(seen, child=(*seen.child, second)))
        assert plan.recipe == ""
        assert "POLICY_DNSKEY_TTL" not in codes(plan)


def test_an_unsigned_zone_and_one_without_a_ds_have_no_ttls_to_set() -> None:
    world = unsigned_world()
    world.policy, world.capabilities = policy(stated=STATED), EVERYTHING
    assert settings.propose(view_of(world.situation(_absorbed(world, 0)))) == ()


def _absorbed(world: TinyWorld, at: int) -> Observation:
    seen = world.observe(at)
    world.plan(at, seen)
    return seen


# Gates ---------------------------------------------------------------------------------------------------------------
def test_a_gate_waits_for_the_old_ttl_after_it_was_lowered_and_for_the_new_one_alone_when_that_is_over() -> None:
    soon, late = stating(key_ttl=400), stating(key_ttl=400)
    for world, pause in ((soon, 2), (late, 1000)):
        world.policy = policy()
        world.run(0)
        world.policy = policy(stated=STATED)
        world.run(1000)
        world.run(1001)
        rolling(world)
        world.run(1000 + pause)
        world.run(1001 + pause)
        world.run(1022 + pause)

    [gate] = [step.gate for step in soon.plan(1030).timeline if step.stage == "B2b"]
    assert gate.at == T0 + 1001 + 5 + 400
    [gate] = [step.gate for step in late.plan(2030).timeline if step.stage == "B2b"]
    assert gate.at == T0 + 2001 + 5 + 40


def test_a_raised_ttl_counts_from_the_moment_it_is_asked_for() -> None:
    world = stating(key_ttl=20)
    world.run(0)

    assert [(v.ttl_star, v.ttl, v.seen) for v in world.history.dnskey[-2:]] == [(40, None, True), (40, 40, False)]


def test_a_ttl_is_lowered_before_a_rollover_and_raised_after_it() -> None:
    world = rolling(stating(policy=policy()))
    world.key_ttl, world.ds_ttl = 400, 900
    world.policy = policy(stated=STATED)
    world.until_done(1)
    lower_first = stages(world)
    world = rolling(stating(policy=policy()))
    world.key_ttl = 20
    world.policy = policy(stated=STATED)
    world.until_done(1)

    assert lower_first[:3] == ["V1", "V2", "B0-ksk"]
    assert "V1" not in lower_first[3:]
    assert stages(world)[0] == "B0-ksk"
    assert "V1" not in stages(world)
    assert world.history.next_at is not None  # the next run finds it
    world.run(1000)
    assert stages(world)[-1] == "V1"


def test_the_timeline_of_a_rollover_begins_with_the_ttls_that_are_lowered_for_it() -> None:
    world = rolling(stating(policy=policy()))
    world.key_ttl = 400
    world.policy = policy(stated=STATED)

    plan = world.plan(1)

    assert plan.recipe == "double-ksk"
    assert [step.stage for step in plan.timeline][:3] == ["V1", "B0-ksk", "B1"]


@pytest.mark.parametrize("recipe", ["bootstrap", "emergency"])
def test_what_is_urgent_waits_for_no_ttl(recipe: str) -> None:
    world = stating(key_ttl=400)
    if recipe == "bootstrap":
        world.served_ds = ()
    else:
        world.intent = replace(world.intent, compromised=(K1,))

    plan = world.plan(0)

    assert plan.recipe == recipe
    assert all(step.op != "ttl.set" for step in plan.timeline)


def test_a_ttl_that_was_refused_holds_no_rollover_back() -> None:
    world = rolling(stating(policy=policy()))
    world.key_ttl = 400
    world.policy = policy(stated=STATED)
    world.receipt = lambda step: Receipt(state="refused" if step.stage == "V1" else "accepted")

    world.run(1)

    assert stages(world)[:2] == ["V1", "B0-ksk"]
    assert all(version.ttl is None for version in world.history.dnskey)


# Changes that do not show, and changes by others ---------------------------------------------------------------------
def test_a_ttl_that_never_shows_is_given_up_after_the_budget_and_asked_for_anew() -> None:
    world = stating(key_ttl=400, ds_ttl=900)
    world._effect = lambda step, at, receipt: receipt  # type: ignore[method-assign]  # nothing comes of it
    world.run(0)
    world.run(50)
    waiting = stages(world)

    world.run(100)

    assert waiting == ["V1", "V2"]
    assert stages(world) == ["V1", "V2", "V1", "V2"]
    assert world.history.dnskey[-2].ttl_star == 400


def test_a_rollover_goes_on_when_the_ttl_before_it_was_given_up() -> None:
    world = rolling(stating(policy=policy()))
    world.key_ttl = 400
    world.policy = policy(stated=STATED)
    right = world._effect
    world._effect = lambda step, at, receipt: receipt if step.op == "ttl.set" else right(step, at, receipt)  # type: ignore[method-assign]
    world.run(1)
    assert stages(world) == ["V1"]

    world.run(101)

    assert stages(world) == ["V1", "B0-ksk", "B1"]


def test_an_unknown_outcome_is_asked_for_again_with_the_same_target() -> None:
    world = stating(key_ttl=400, ds_ttl=900)
    world.receipt = lambda _: None
    world.run(0)
    plan = world.plan(1)

    again = [move for move in plan.moves if isinstance(move, Step)]

    assert [(step.stage, step.op, step.rrset) for step in again] == [
        ("repeat", "ttl.set", "DS-TTL"),
        ("repeat", "ttl.set", "DNSKEY-TTL"),
    ]
    assert [step.action for step in again] == [SetTtl(rrset="DS", ttl=90, ds=(ds(K1),)), SetTtl(rrset="DNSKEY", ttl=40)]


def test_an_unknown_outcome_of_keys_is_still_asked_for_as_keys() -> None:
    world = stating(key_ttl=400)
    world.run(0)
    world.run(1)
    rolling(world)
    world.receipt = lambda step: None if step.stage == "B1" else Receipt(state="accepted")
    world.run(2)

    again = world.plan(3).moves[0]

    assert isinstance(again, Step)
    assert isinstance(again.action, SetKeys)


def test_a_ttl_that_others_change_again_is_set_again() -> None:
    world = stating(key_ttl=400)
    world.until_done()
    world.run(2)
    world.key_ttl = 60

    world.run(3)
    world.run(4)

    assert stages(world) == ["V1", "V1"]
    assert world.key_ttl == 40


def test_a_ttl_whose_content_others_replace_is_withdrawn() -> None:
    world = stating(ds_ttl=900)
    world.run(0)
    stranger = ds(dnskey("stranger"))
    world.served_ds = tuple(sorted((ds(K1), stranger)))

    world.plan(1)

    assert [version.ttl for version in world.history.ds] == [None, None, None]
    assert world.history.ds[-1].content == DsContent(ds=world.served_ds)


def test_a_server_that_still_gives_the_old_ttl_stops_the_count_and_not_the_history() -> None:
    world = stating(key_ttl=400)
    seen = world.observe(0)
    second = replace(seen.child[0], address="198.51.100.2")
    world.plan(0, replace(seen, child=(*seen.child, second)))
    world.run(0, replace(seen, child=(*seen.child, second)))
    lagging = world.observe(1)

    plan = world.plan(1, replace(lagging, child=(*lagging.child, second)))

    assert plan.headline == "WAITING"
    assert isinstance(world.history.dnskey[-1].content, DnskeyContent)
    assert (world.history.dnskey[-1].ttl, world.history.dnskey[-1].everywhere) == (40, None)
    assert world.history.dnskey[-2].ttl_star == 400
    done = world.observe(2)
    world.plan(2, replace(done, child=(*done.child, replace(done.child[0], address="198.51.100.2"))))
    assert world.history.dnskey[-1].everywhere == T0 + 2


def test_asking_twice_for_a_ttl_makes_one_version() -> None:
    one = RRsetVersion(content=DsContent(ds=(ds(K1),)), first=0, everywhere=5, ttl_star=900)
    asked = with_ttl((one,), 90, 10)
    assert with_ttl(asked, 90, 11) == asked
    assert len(asked) == 2


# What a way in cannot do ---------------------------------------------------------------------------------------------
def test_what_cannot_be_set_is_told_with_the_nearest_way_and_stops_nothing() -> None:
    world = stating(
        key_ttl=400, ds_ttl=900, denial=Denial(nsec3=True, iterations=10), validity=10**8,
        capabilities=Capabilities(update="replace"),
    )  # fmt: skip

    plan = world.run(0)

    assert (plan.headline, plan.recipe) == ("OK", "")
    assert codes(plan) == ["POLICY_DNSKEY_TTL", "POLICY_DS_TTL", "POLICY_NSEC3", "POLICY_SIGNATURES"]
    assert [finding.detail for finding in plan.findings[:2]] == [
        "6m40s and not 40s; the signer's interface cannot set it",
        "15m and not 1m30s; the way in to the parent cannot set the TTL of the DS",
    ]
    assert all(finding.action and finding.severity == "warning" for finding in plan.findings)


def test_a_zone_that_is_only_observed_or_insecure_gets_no_such_finding() -> None:
    world = stating(key_ttl=400, capabilities=Capabilities(update="replace"))
    for dnssec in ("hold", "insecure"):
        world.intent = replace(world.intent, dnssec=dnssec)
        assert "POLICY_DNSKEY_TTL" not in codes(world.plan(0))


def test_an_entry_that_gives_every_ds_a_higher_ttl_is_named() -> None:
    plan = stating(ds_ttl=900, capabilities=replace(EVERYTHING, ds_ttl=400)).run(0)

    assert codes(plan) == ["POLICY_DS_TTL"]
    assert "lower `ds_ttl` of the entry" in plan.findings[0].action
    assert plan.headline == "OK"


def test_an_entry_that_gives_every_ds_a_lower_ttl_than_the_limit_decides() -> None:
    world = stating(ds_ttl=900, capabilities=replace(EVERYTHING, ds_ttl=30))
    world.run(0)
    assert world.next_ds_ttl == 30


def test_a_signer_that_is_followed_is_told_nothing_and_the_parent_is() -> None:
    world = stating(key_ttl=400, ds_ttl=900)
    world.intent = replace(world.intent, keys="follow")

    plan = world.run(0)

    assert stages(world) == ["V2"]
    assert codes(plan) == ["POLICY_DNSKEY_TTL"]


def test_a_person_is_asked_where_a_person_signs() -> None:
    plan = stating(key_ttl=400, capabilities=replace(EVERYTHING, signer_manual=True)).plan(0)

    assert isinstance(plan.moves[0], NeedsHuman)
    assert plan.headline == "MANUAL"


# NSEC3 ---------------------------------------------------------------------------------------------------------------
def test_a_zone_that_uses_nsec_keeps_it_and_unknown_is_not_absent() -> None:
    seen_ways = (Denial(nsec3=False), None)
    for denial in seen_ways:
        assert stating(denial=denial).run(0).headline == "OK"
    world = stating(denial=Denial(nsec3=True, iterations=10))
    seen = world.observe(0)
    for second in (
        replace(seen.child[0], address="198.51.100.2", denial=Denial(nsec3=False)),
        Unreachable(address="198.51.100.2", reason="timeout"),
    ):
        plan = world.plan(0, replace(seen, child=(*seen.child, second)))
        assert all(step.op != "nsec3.set" for step in plan.timeline)


@pytest.mark.parametrize(
    ("stated", "length", "served", "wanted"),
    [
        ({"nsec3.iterations", "nsec3.salt_length"}, 0, (10, "ab"), (0, "")),
        ({"nsec3.iterations"}, 0, (10, "ab"), (0, "ab")),
        ({"nsec3.salt_length"}, 0, (10, "ab"), (10, "")),
        ({"nsec3.iterations", "nsec3.salt_length"}, 1, (10, "ab"), (0, "ab")),
    ],
)
def test_only_what_is_stated_changes(
    stated: set[str], length: int, served: tuple[int, str], wanted: tuple[int, str]
) -> None:
    world = stating(denial=Denial(nsec3=True, iterations=served[0], salt=served[1]))
    world.policy = policy(stated=frozenset(stated), nsec3_salt_length=length)

    world.run(0)

    assert world.denial == Denial(nsec3=True, iterations=wanted[0], salt=wanted[1])


def test_a_new_salt_has_the_stated_length_and_is_the_same_each_time() -> None:
    world, again = (stating(denial=Denial(nsec3=True, salt="ab")) for _ in range(2))
    for one in (world, again):
        one.policy = policy(stated=STATED, nsec3_salt_length=4)
        one.run(0)

    assert world.denial == again.denial
    assert world.denial is not None
    assert len(bytes.fromhex(world.denial.salt)) == 4


def test_parameters_that_servers_differ_in_and_the_policy_leaves_open_are_left_alone() -> None:
    world = stating(denial=Denial(nsec3=True, iterations=10, salt="ab"))
    world.policy = policy(stated=frozenset({"nsec3.iterations"}))
    seen = world.observe(0)
    second = replace(seen.child[0], address="198.51.100.2", denial=Denial(nsec3=True, iterations=10, salt="cd"))

    assert world.plan(0, replace(seen, child=(*seen.child, second))).headline == "OK"


def test_parameters_are_waited_for_within_the_budget_and_asked_for_again_after_it() -> None:
    world = stating(denial=Denial(nsec3=True, iterations=10))
    world._effect = lambda step, at, receipt: receipt  # type: ignore[method-assign]  # nothing comes of it
    first, waiting = world.run(0), world.run(50)
    world.run(100)

    assert isinstance(first.moves[0], Wait)
    assert (waiting.headline, waiting.moves[0].rrset) == ("WAITING", "DENIAL")
    assert [at for at, _ in world.log] == [0, 100]


def test_other_parameters_are_asked_for_at_once() -> None:
    world = stating(denial=Denial(nsec3=True, iterations=10))
    world._effect = lambda step, at, receipt: receipt  # type: ignore[method-assign]  # nothing comes of it
    world.run(0)
    world.policy = policy(stated=STATED, nsec3_iterations=1)
    world.run(1)

    assert [intent.target for intent in world.history.intents if intent.rrset == "DENIAL"] == ["1 -"]


def test_parameters_that_were_refused_are_no_version_that_would_have_to_go() -> None:
    world = stating(denial=Denial(nsec3=True, iterations=10))
    [step] = [move for move in world.plan(0).moves if isinstance(move, Step)]
    world.receipt = lambda _: Receipt(state="refused")
    before = world.history.zonedata, world.history.dnskey

    world.perform(step, 0)

    assert (world.history.zonedata, world.history.dnskey) == before
    assert isinstance(world.plan(1).moves[0], Step)


def test_an_algorithm_older_than_nsec3_is_changed_first() -> None:
    old, data = dnskey("k5", algorithm=5), dnskey("z5", 256, 5)
    world = stating(
        denial=Denial(nsec3=True, iterations=10),
        keys=(old, data),
        served_ds=(ds(old),),
        held={old: "ksk", data: "zsk"},
        key_signers=frozenset({old.id}),
        zone_signers=frozenset({data.id}),
        policy=policy(stated=STATED, algorithm=5),
    )

    plan = world.run(0)

    assert codes(plan) == ["POLICY_NSEC3"]
    assert "algorithm 5" in plan.findings[0].detail
    assert stages(world) == []


def test_a_refused_ttl_of_the_ds_takes_its_version_back() -> None:
    world = stating(ds_ttl=900)
    [step] = [move for move in world.plan(0).moves if isinstance(move, Step)]
    world.receipt = lambda _: Receipt(state="refused")
    before = world.history.ds

    world.perform(step, 0)

    assert world.history.ds == before
    assert step.rrset == "DS-TTL"
