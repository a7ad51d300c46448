"""The executor moves a zone between two signers: who is asked for what, and what a crash or a missing ability does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from apply_builders import HandClock, MemoryLedger
from two_signers import HOME, KA, KB, NAMES, SIMPLE, T0, THERE, ZA, ZB, ZONE, World, random_world, violations

from dnsplan.apply import Ports, Run, RunResult, run
from dnsplan.apply.looking import look
from dnsplan.apply.saved import compare
from dnsplan.errors import AdapterError
from dnsplan.model.action import Action, ImportKeys, SetDs, SetNs
from dnsplan.model.history import ZoneHistory
from dnsplan.model.observation import Observation
from dnsplan.model.plan import Capabilities, Plan, Receipt, Serving, SignerKey
from dnsplan.model.portfolio import Accepts, Portfolio, Resolution, WayIn
from dnsplan.model.records import Ds
from dnsplan.ports import Sight


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Bare:
    """A way in that knows nothing of delegations or of a second signer."""

    hands: Hands
    place: str
    timeout: int = 5

    def capabilities(self, zone: str, accepts: Accepts | None = None) -> Capabilities:
        return SIMPLE

    def read(self, zone: str) -> tuple[Ds, ...] | tuple[SignerKey, ...] | None:
        if self.place == "parent":
            return None
        keys = (KA, ZA) if self.place == HOME else (KB, ZB)
        return tuple(SignerKey(key=k, role="ksk" if k.is_sep else "zsk", published=True, active=True) for k in keys)

    def perform(self, zone: str, action: Action) -> Receipt:
        assert isinstance(action, SetDs)
        return self.hands.done(self.place, "DS", action.ds)


@dataclass
class Able(Bare):
    """One that can do all that a move needs."""

    def delegate(self, zone: str, action: SetNs) -> Receipt:
        return self.hands.done("parent", "NS", action.names)

    def share(self, zone: str, action: ImportKeys | SetNs) -> Receipt:
        if isinstance(action, SetNs):
            return self.hands.done(self.place, "NS", action.names)
        return self.hands.done(self.place, "DNSKEY", (action.published, action.sign_keys))

    def serving(self, zone: str) -> Serving:
        return Serving(names=frozenset(NAMES[self.place]))


@dataclass
class Hands:
    """The described world behind the executor's ports."""

    world: World
    clock: HandClock = field(default_factory=HandClock)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    kinds: dict[str, type[Bare]] = field(default_factory=lambda: dict.fromkeys(("parent", HOME, THERE), Able))
    sights: list[Sight] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    after: Callable[[tuple[str, str]], None] = lambda call: None
    runs: int = 0

    def observe(self, sights: Sequence[Sight]) -> list[Observation]:
        self.sights += sights
        self.world.history = self.ledger.histories.get(ZONE, ZoneHistory(zone=ZONE))
        return [self.world.observe(self.clock.at - T0)]

    def done(self, place: str, rrset: str, value: tuple) -> Receipt:
        self.calls.append((place, rrset))
        self.world.change("", place, rrset, self.clock.at - T0, value)
        self.after((place, rrset))
        return Receipt(state="accepted")

    @property
    def ports(self) -> Ports:
        return Ports(
            clock=self.clock, dns=self, ledger=self.ledger, parent=lambda _: self.kinds["parent"](self, "parent"),
            signer=lambda name: self.kinds[name](self, name), digest=lambda _: "one",
        )  # fmt: skip

    @property
    def portfolio(self) -> Portfolio:
        return Portfolio(
            name="two", zones={ZONE: self.world.intent}, policies={"default": self.world.policy},
            signers={name: WayIn(name=name, type="tiny") for name in (HOME, THERE)}, parents={}, accepts={},
            resolution=Resolution(root_hints=()),
        )  # fmt: skip

    def run(self) -> RunResult:
        self.runs += 1
        return run(self.portfolio, (ZONE,), self.ports, Run(id=f"run{self.runs}"))

    def until_ok(self) -> None:
        for _ in range(600):
            if self.run().zones[0].plan.headline == "OK":
                return
            due = self.ledger.histories[ZONE].next_at
            self.clock.at = max(self.clock.at + 1, min(due or 0, self.clock.at + 20))
        raise AssertionError(self.calls)


def exact(seed: int) -> Hands:
    return Hands(random_world(seed, exact=True))


def test_each_change_is_asked_of_the_right_one_and_is_recorded() -> None:
    hands = exact(1)
    hands.until_ok()
    assert sorted(hands.calls) == sorted(
        [(HOME, "DNSKEY"), (THERE, "DNSKEY"), ("parent", "DS"), ("parent", "NS"), (HOME, "NS"), ("parent", "DS"),
         (THERE, "DNSKEY")]
    )  # fmt: skip
    assert violations(hands.world) == []
    history = hands.ledger.histories[ZONE]
    assert (history.signed_at, history.beside, history.rollover) == (THERE, None, None)
    assert hands.sights[0].beside == Serving(names=frozenset(NAMES[THERE]))
    assert hands.sights[-1].beside is not None
    hands.run()
    assert hands.sights[-1].beside is None
    steps = [step for record in hands.ledger.records.values() for step in record.steps]
    assert {step.outcome for step in steps} == {"performed"}


def test_a_crash_after_any_call_loses_nothing() -> None:
    for number in range(7):
        hands = exact(2)

        def die(call: tuple[str, str], hands: Hands = hands, number: int = number) -> None:
            if len(hands.calls) == number + 1:
                raise Crash

        hands.after = die
        try:
            hands.until_ok()
        except Crash:
            hands.clock.at += 1
            hands.until_ok()
        assert violations(hands.world) == []
        assert len(hands.calls) == 7, number
        assert hands.ledger.histories[ZONE].signed_at == THERE


def test_a_signer_that_cannot_say_where_it_serves_is_a_way_in_that_cannot_be_used() -> None:
    hands = exact(3)
    hands.kinds[THERE] = Bare
    (zone,) = hands.run().zones
    assert zone.plan.headline == "BLOCKED"
    (finding,) = [one for one in zone.plan.findings if one.code == "WAY_IN_UNUSABLE"]
    assert THERE in finding.detail
    assert "go insecure first" in finding.action
    assert hands.calls == []


def test_a_signer_that_breaks_when_it_is_asked_where_it_serves_stops_the_zone_alone() -> None:
    class Broken(Able):
        def serving(self, zone: str) -> Serving:
            raise ZeroDivisionError

    class Refusing(Able):
        def serving(self, zone: str) -> Serving:
            raise AdapterError("no")

    for kind, said in ((Broken, "ZeroDivisionError"), (Refusing, "no")):
        hands = exact(3)
        hands.kinds[THERE] = kind
        (zone,) = hands.run().zones
        assert said in next(one.detail for one in zone.plan.findings if one.code == "WAY_IN_UNUSABLE")


def test_a_way_in_that_promised_too_much_is_told() -> None:
    for place, said in (("parent", "does not change delegations"), (HOME, "cannot be one of two signers")):
        hands = exact(4)
        hands.kinds[place] = Bare
        for _ in range(400):
            failed = [step.reason for step in hands.run().zones[0].steps if step.outcome == "failed"]
            if failed:
                break
            due = hands.ledger.histories[ZONE].next_at
            hands.clock.at = max(hands.clock.at + 1, min(due or 0, hands.clock.at + 20))
        assert said in failed[0]
        assert violations(hands.world) == []


def test_a_saved_step_that_is_true_already_is_done() -> None:
    hands = exact(5)
    made = []
    for _ in range(400):
        (one,) = look(hands.portfolio, (ZONE,), hands.ports)
        steps = [move for move in one.plan.moves if hasattr(move, "action")]
        if steps:
            made.append(one.plan)
        hands.run()
        if hands.ledger.histories[ZONE].signed_at:
            break
        due = hands.ledger.histories[ZONE].next_at
        hands.clock.at = max(hands.clock.at + 1, min(due or 0, hands.clock.at + 20))
        (later,) = look(hands.portfolio, (ZONE,), hands.ports)
        if steps and later.situation.history.beside is not None:
            compared = compare({ZONE: later}, saved(made[-1]), hands.ports)
            assert compared.done == {ZONE}, steps
    assert len(made) >= 4


def saved(plan: object) -> Plan:
    return Plan(
        plan_id="", created=0, expires=1 << 40, commit="", dirty=False, config_digest="", selector=(), partial=False,
        observed_at=0, incomplete=(), zones=(replace(plan, fingerprint="other"),),  # type: ignore[type-var]
    )  # fmt: skip
