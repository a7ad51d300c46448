"""Values with defaults, and the smallest world in which the engine can act: one parent server, one child server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from dnsplan.engine import absorb, plan_zone, record_intent, record_outcome
from dnsplan.model.action import CreateKey, DeleteKey, SetCds, SetDs, SetKeys
from dnsplan.model.history import ZoneHistory
from dnsplan.model.observation import ChildAnswer, ChildView, Observation, ParentAnswer, ParentView
from dnsplan.model.plan import Capabilities, Receipt, SignerKey, Situation, Step, ZonePlan
from dnsplan.model.portfolio import Policy, Role, Roll, Timing, ZoneIntent
from dnsplan.model.records import Dnskey, Ds, KeyId, make_ds

ZONE = "example.ch"
T0 = 1_000_000


def dnskey(name: str, flags: int = 257, algorithm: int = 13) -> Dnskey:
    return Dnskey(flags=flags, algorithm=algorithm, public_key=name.encode() * 8)


K1, K2, Z1, Z2 = dnskey("k1"), dnskey("k2"), dnskey("z1", 256), dnskey("z2", 256)
K3 = dnskey("k3", algorithm=8)


def ds(key: Dnskey, digest_type: int = 2) -> Ds:
    return make_ds(ZONE, key, digest_type)


def policy(**changes: object) -> Policy:
    timing = Timing(child_margin=5, parent_margin=7, registration_budget=100, sweep_count=1, sweep_spacing=0)
    return replace(Policy(ds_ttl_max=90, dnskey_ttl=40, zone_ttl_max=60, timing=timing), **changes)  # type: ignore[arg-type]


def parent_answer(*records: Ds, address: str = "192.0.2.1", ttl: int = 90, trust: str = "secure") -> ParentAnswer:
    return ParentAnswer(address=address, ds=tuple(sorted(records)), ttl=ttl, trust=trust)  # type: ignore[arg-type]


def child_answer(
    *keys: Dnskey,
    address: str = "198.51.100.1",
    signers: tuple[Dnskey, ...] | None = None,
    data: tuple[Dnskey, ...] | None = None,
    mixed: bool = False,
) -> ChildAnswer:
    """By default SEP keys sign the DNSKEY RRset and the others sign the data."""
    seps = tuple(key for key in keys if key.is_sep)
    return ChildAnswer(
        address=address,
        keys=tuple(sorted(keys)),
        key_signers=frozenset(key.id for key in (seps if signers is None else signers)),
        key_ttl=40 if keys else 30,
        zone_signers=frozenset(key.id for key in (set(keys) - set(seps) if data is None else data)),
        zone_ttl=60,
        negative_ttl=30,
        zone_mixed=mixed,
    )


def observation(
    at: int, parent: tuple[ParentView, ...], child: tuple[ChildView, ...], *, extra: frozenset[str] = frozenset()
) -> Observation:
    return Observation(zone=ZONE, at=T0 + at, parent_zone="ch", parent=parent, child=child, extra=extra)


@dataclass
class TinyWorld:
    """A parent and a signer that do what they are told, at once or `registration` seconds later."""

    intent: ZoneIntent = field(default_factory=lambda: ZoneIntent(zone=ZONE, dnssec="signed", signer="s", parent="p"))
    policy: Policy = field(default_factory=policy)
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(update="replace"))
    served_ds: tuple[Ds, ...] = (ds(K1),)
    keys: tuple[Dnskey, ...] = (K1, Z1)
    key_signers: frozenset[KeyId] = frozenset({K1.id})
    zone_signers: frozenset[KeyId] = frozenset({Z1.id})
    held: dict[Dnskey, Role] = field(default_factory=lambda: {K1: "ksk", Z1: "zsk"})
    registration: int = 20
    history: ZoneHistory = field(default_factory=lambda: ZoneHistory(zone=ZONE))
    receipt: Callable[[Step], Receipt | None] = lambda _: Receipt(state="accepted")
    log: list[tuple[int, str]] = field(default_factory=list)
    pending: list[tuple[int, tuple[Ds, ...]]] = field(default_factory=list)
    calls: int = 0

    def observe(self, at: int) -> Observation:
        for due, records in list(self.pending):
            if at >= due:
                self.served_ds = records
                self.pending.remove((due, records))
        child = child_answer(*self.keys)
        child = replace(child, key_signers=self.key_signers, zone_signers=self.zone_signers)
        return observation(at, (parent_answer(*self.served_ds),), (child,))

    def situation(self, seen: Observation) -> Situation:
        listed = tuple(
            SignerKey(
                key=key, role=role, published=key in self.keys, active=key.id in self.key_signers | self.zone_signers
            )
            for key, role in self.held.items()
        )
        return Situation(
            intent=self.intent,
            policy=self.policy,
            capabilities=self.capabilities,
            history=self.history,
            seen=seen,
            now=seen.at,
            held=listed,
        )

    def plan(self, at: int, seen: Observation | None = None, *, foresee: bool = True) -> ZonePlan:
        seen = seen or self.observe(at)
        self.history = absorb(self.history, seen, policy=self.policy, capabilities=self.capabilities)
        return plan_zone(self.situation(seen), foresee=foresee)

    def run(self, at: int, seen: Observation | None = None) -> ZonePlan:
        """Do everything that is ready at `at`; return the last plan, without its timeline."""
        seen = seen or self.observe(at)
        while True:
            plan = self.plan(at, seen, foresee=False)
            self.history = plan.history
            steps = [move for move in plan.moves if isinstance(move, Step)]
            if not steps:
                return plan
            for step in steps:
                self.perform(step, at)

    def perform(self, step: Step, at: int) -> None:
        self.calls += 1
        name = str(self.calls)
        self.log.append((at, step.stage))
        self.history = record_intent(self.history, step, intent_id=name, step_json="{}", now=T0 + at)
        receipt = self.receipt(step)
        if receipt is None:
            return
        if receipt.state in {"accepted", "pending"}:
            receipt = self._effect(step, at, receipt)
        self.history = record_outcome(self.history, name, receipt, now=T0 + at)

    def _effect(self, step: Step, at: int, receipt: Receipt) -> Receipt:
        match step.action:
            case SetDs(ds=records) | SetCds(cds=records):
                if receipt.state == "accepted":
                    self.pending.append((at + self.registration, records))
            case CreateKey(role=role, algorithm=algorithm):
                key = dnskey(f"new{self.calls}", 256 if role == "zsk" else 257, algorithm)
                self.held[key] = role
                return replace(receipt, created=key)
            case SetKeys(published=keys, sign_keys=sign_keys, sign_zone=sign_zone):
                self.keys, self.key_signers, self.zone_signers = keys, sign_keys, sign_zone
            case DeleteKey(key=key):
                del self.held[key]
        return receipt

    def until_done(self, start: int = 0, most: int = 2000) -> int:
        """Run when something is due, and a second before, until the goal is reached and confirmed; return when."""
        at = start
        while at < most:
            if self.run(at).headline == "OK":
                return at
            due = self.history.next_at
            at = max(at + 1, 0 if due is None else due - T0 - 1)
        raise AssertionError(f"not done after {most} s: {self.log}")


def unsigned_world(**changes: object) -> TinyWorld:
    return TinyWorld(
        served_ds=(),
        keys=(),
        key_signers=frozenset(),
        zone_signers=frozenset(),
        held={},
        **changes,  # type: ignore[arg-type]
    )


def rolling(world: TinyWorld, token: str = "x") -> TinyWorld:
    """Let the ledger meet the zone, then ask for a rollover."""
    world.run(0)
    world.intent = replace(world.intent, roll=Roll(sep=token))
    return world
