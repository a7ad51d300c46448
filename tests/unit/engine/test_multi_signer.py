"""A zone with two signers for good is judged server by server, and its DS are the union over both."""

from __future__ import annotations

from dataclasses import replace

from engine_builders import T0, ZONE, child_answer, dnskey, ds, parent_answer, policy

from dnsplan.engine import absorb, plan_zone, record_intent, record_outcome
from dnsplan.model.action import SetDs
from dnsplan.model.history import ZoneHistory
from dnsplan.model.observation import ChildAnswer, Observation, Unreachable
from dnsplan.model.plan import Blocked, Capabilities, Done, Receipt, SignerKey, Situation, Step, Wait, ZonePlan
from dnsplan.model.portfolio import ZoneIntent
from dnsplan.model.records import Dnskey, Ds

KA, ZA, KB, ZB = dnskey("ka"), dnskey("za", 256), dnskey("kb"), dnskey("zb", 256)
KA2 = dnskey("ka2")
INTENT = ZoneIntent(zone=ZONE, dnssec="signed", parent="p", signers=("a", "b"))
SIMPLE = Capabilities(update="replace", signer_manual=True)


def at_a(*keys: Dnskey) -> ChildAnswer:
    return child_answer(*keys, signers=tuple(k for k in keys if k.is_sep), data=(ZA,), address="198.51.100.1")


def at_b(*keys: Dnskey) -> ChildAnswer:
    return child_answer(*keys, signers=tuple(k for k in keys if k.is_sep), data=(ZB,), address="203.0.113.1")


WHOLE = at_a(KA, ZA, ZB), at_b(KB, ZA, ZB)


class Judge:
    """Looks again and again at what is given."""

    def __init__(self, held: tuple[Dnskey, ...] | None = (KA, ZA, KB, ZB, KA2)) -> None:
        self.history, self.at = ZoneHistory(zone=ZONE), 0
        self.held = (
            None
            if held is None
            else tuple(
                SignerKey(key=key, role="ksk" if key.is_sep else "zsk", published=True, active=True) for key in held
            )
        )

    def look(self, records: tuple[Ds, ...], *child: ChildAnswer | Unreachable) -> ZonePlan:
        self.at += 1
        seen = Observation(
            zone=ZONE, at=T0 + self.at, parent_zone="ch", parent=(parent_answer(*records),), child=tuple(child)
        )
        self.history = absorb(self.history, seen, policy=policy(), capabilities=SIMPLE)
        situation = Situation(
            intent=INTENT, policy=policy(), capabilities=SIMPLE, history=self.history, seen=seen, now=seen.at,
            held=self.held,
        )  # fmt: skip
        plan = plan_zone(situation)
        self.history = plan.history
        return plan


def test_two_signers_that_fit_together_need_nothing() -> None:
    judge = Judge(held=None)
    for _ in range(3):
        plan = judge.look((ds(KA), ds(KB)), *WHOLE)
        assert (plan.headline, plan.recipe, plan.moves) == ("OK", "", (Done(),))
        assert [finding.code for finding in plan.findings] == []


def test_the_ds_of_the_other_signer_is_no_strangers() -> None:
    plan = Judge().look((ds(KA), ds(KB)), *WHOLE)
    assert {"CHAIN_DANGLING_DS", "KEY_FOREIGN"} & {finding.code for finding in plan.findings} == set()


def test_the_ds_of_a_signers_ksk_is_added_beside_the_others() -> None:
    judge = Judge()
    plan = judge.look((ds(KA),), *WHOLE)
    (step,) = plan.moves
    assert isinstance(step, Step)
    assert isinstance(step.action, SetDs)
    assert step.stage == "M2"
    assert set(step.action.ds) == {ds(KA), ds(KB)}
    assert plan.desired_ds == tuple(sorted((ds(KA), ds(KB))))
    judge.history = record_intent(judge.history, step, intent_id="1", step_json="{}", now=T0 + 1)
    judge.history = record_outcome(judge.history, "1", Receipt(state="accepted"), now=T0 + 1)
    waiting = judge.look((ds(KA),), *WHOLE)
    assert isinstance(waiting.moves[0], Wait)
    assert judge.look((ds(KA), ds(KB)), *WHOLE).headline == "OK"


def test_a_ksk_rolled_at_one_signer_gets_its_ds_and_the_others_stay() -> None:
    plan = Judge().look((ds(KA), ds(KB)), at_a(KA, KA2, ZA, ZB), WHOLE[1])
    (step,) = plan.moves
    assert isinstance(step, Step)
    assert isinstance(step.action, SetDs)
    assert set(step.action.ds) == {ds(KA), ds(KB), ds(KA2)}


def test_a_ksk_that_no_signer_holds_gets_no_ds() -> None:
    for held in ((KA, ZA, ZB), None):
        plan = Judge(held=held).look((ds(KA),), *WHOLE)
        (move,) = plan.moves
        assert isinstance(move, Blocked)
        assert move.findings[0].code == "SIGNERS_DIFFER"
        assert str(KB.key_tag) in move.findings[0].detail


def test_a_key_for_data_that_one_signer_lacks_is_told_with_its_value() -> None:
    plan = Judge().look((ds(KA), ds(KB)), at_a(KA, ZA), WHOLE[1])
    (move,) = plan.moves
    assert isinstance(move, Blocked)
    (finding,) = move.findings
    assert finding.servers == ("198.51.100.1",)
    assert str(ZB) in finding.detail
    assert plan.headline == "BLOCKED"


def test_both_may_be_wrong_and_nothing_is_ever_removed() -> None:
    plan = Judge().look((ds(KA),), at_a(KA, ZA), WHOLE[1])
    step, blocked = plan.moves
    assert isinstance(step, Step)
    assert isinstance(step.action, SetDs)
    assert set(step.action.ds) >= {ds(KA)}
    assert isinstance(blocked, Blocked)


def test_a_silent_server_is_waited_for() -> None:
    judge = Judge()
    mute = Unreachable(address="203.0.113.1", reason="timeout")
    judge.look((ds(KA), ds(KB)), *WHOLE)
    assert isinstance(judge.look((ds(KA), ds(KB)), WHOLE[0], mute).moves[0], Wait)
    assert isinstance(judge.look((ds(KA), ds(KB)), replace(WHOLE[0]), mute).moves[0], Wait)
