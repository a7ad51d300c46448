"""A small world of many zones behind the executor's ports: every fault is set on purpose, nothing is a mock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dnsplan.apply import Ports, Run, RunResult, run
from dnsplan.model.action import Action, CreateKey, DeleteKey, SetDs, SetKeys
from dnsplan.model.audit import Record
from dnsplan.model.history import ZoneHistory
from dnsplan.model.observation import ChildAnswer, Observation, ParentAnswer
from dnsplan.model.plan import Capabilities, Receipt, SignerKey
from dnsplan.model.portfolio import Accepts, Guards, Policy, Portfolio, Resolution, Role, Timing, WayIn, ZoneIntent
from dnsplan.model.records import Dnskey, Ds, KeyId, make_ds
from dnsplan.ports import Sight

T0 = 1_000_000


class Crash(BaseException):
    """The process dies here."""


def dnskey(name: str, flags: int = 257) -> Dnskey:
    return Dnskey(flags=flags, algorithm=13, public_key=name.encode() * 8)


@dataclass
class Child:
    """What one zone is truly like, at its signer and at its parent."""

    zone: str
    ds: tuple[Ds, ...] = ()
    keys: tuple[Dnskey, ...] = ()
    key_signers: frozenset[KeyId] = frozenset()
    zone_signers: frozenset[KeyId] = frozenset()
    held: dict[Dnskey, Role] = field(default_factory=dict)
    pending: list[tuple[int, tuple[Ds, ...]]] = field(default_factory=list)
    signatures_end: int | None = None

    def sign(self) -> None:
        """Make it a signed zone with a DS."""
        ksk, zsk = dnskey(f"ksk.{self.zone}"), dnskey(f"zsk.{self.zone}", 256)
        self.keys, self.held = (ksk, zsk), {ksk: "ksk", zsk: "zsk"}
        self.key_signers, self.zone_signers = frozenset({ksk.id}), frozenset({zsk.id})
        self.ds = (make_ds(self.zone, ksk, 2),)


@dataclass
class HandClock:
    at: int = T0
    slept: list[int] = field(default_factory=list)

    def now(self) -> int:
        return self.at

    def sleep_until(self, instant: int) -> None:
        self.slept.append(instant)
        self.at = max(self.at, instant)


@dataclass
class MemoryLedger:
    """Histories and records in memory; `commits` is (subject, record, number of histories)."""

    histories: dict[str, ZoneHistory] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    commits: list[tuple[str, Record | None, int]] = field(default_factory=list)
    journal: list[str] = field(default_factory=list)
    lease: int = 60
    was_planned: str = ""

    def read(self, zones: Iterable[str]) -> Mapping[str, ZoneHistory]:
        return {zone: self.histories[zone] for zone in zones if zone in self.histories}

    def known(self) -> frozenset[str]:
        return frozenset(self.histories)

    def due(self, now: int) -> frozenset[str]:
        return frozenset(z for z, h in self.histories.items() if h.next_at is not None and h.next_at <= now)

    def planned(self) -> str:
        return self.was_planned

    def commit(
        self, record: Record | None, histories: Sequence[ZoneHistory], *, subject: str, planned: str | None = None
    ) -> str:
        self.journal.append("commit")
        self.commits.append((subject, record, len(histories)))
        self.histories |= {history.zone: history for history in histories}
        if record is not None:
            self.records[record.id] = record
        self.was_planned = self.was_planned if planned is None else planned
        return f"head{len(self.commits)}"

    def newest(self) -> tuple[Record, str] | None:
        return (list(self.records.values())[-1], "00") if self.records else None

    def lease_left(self, now: int) -> int:
        del now
        return self.lease


@dataclass
class World:
    """The zones, the ports to them, and what goes wrong; hooks may raise."""

    children: dict[str, Child]
    portfolio: Portfolio
    clock: HandClock = field(default_factory=HandClock)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    calls: list[tuple[str, str]] = field(default_factory=list)
    """(zone, name of the action) of each call that reached a way in."""
    before: Callable[[str, Action], None] = lambda zone, action: None
    after: Callable[[str, Action], None] = lambda zone, action: None
    receipt: Callable[[str, Action], Receipt | None] = lambda zone, action: None
    """A receipt instead of doing what was asked."""
    connect: Callable[[str], None] = lambda name: None
    read: Callable[[str], None] = lambda zone: None
    """Before a signer lists its keys."""
    registration: int = 20
    update: str = "replace"
    signer_manual: bool = False
    timeout: int = 10
    runs: int = 0
    digests: dict[str, str] = field(default_factory=dict)
    merged: dict[str, int] = field(default_factory=dict)
    sights: list[Sight] = field(default_factory=list)
    """What was looked at, and with what knowledge."""

    # Dns
    def observe(self, sights: Sequence[Sight]) -> list[Observation]:
        self.sights.extend(sights)
        return [self._sweep(self.children[sight.zone]) for sight in sights]

    def _sweep(self, child: Child) -> Observation:
        for due, records in list(child.pending):
            if self.clock.at >= due:
                child.ds = records
                child.pending.remove((due, records))
        parent = ParentAnswer(address="192.0.2.1", ds=tuple(sorted(child.ds)), ttl=90, trust="secure")
        answer = ChildAnswer(
            address="198.51.100.1",
            keys=tuple(sorted(child.keys)),
            key_signers=child.key_signers,
            key_ttl=40 if child.keys else 30,
            zone_signers=child.zone_signers,
            zone_ttl=60,
            negative_ttl=30,
            signatures_end=child.signatures_end,
        )
        return Observation(zone=child.zone, at=self.clock.at, parent_zone="ch", parent=(parent,), child=(answer,))

    def _call(self, zone: str, action: Action) -> Receipt | None:
        self.before(zone, action)
        self.calls.append((zone, type(action).__name__))
        self.ledger.journal.append("call")
        return self.receipt(zone, action)

    @property
    def ports(self) -> Ports:
        return Ports(
            clock=self.clock,
            dns=self,
            ledger=self.ledger,
            parent=self._parent,
            signer=self._signer,
            digest=lambda zone: self.digests.get(zone, "one"),
            merged=lambda zone, by_token: self.merged.get(zone) if by_token else None,
        )

    def _parent(self, name: str) -> TinyParent:
        self.connect(name)
        return TinyParent(self)

    def _signer(self, name: str) -> TinySigner:
        self.connect(name)
        return TinySigner(self)

    def run(self, **changes: object) -> RunResult:
        """Run once over every zone."""
        self.runs += 1
        request = replace(Run(id=f"run{self.runs}"), **changes)  # type: ignore[arg-type]
        return run(self.portfolio, tuple(self.children), self.ports, request)

    def settle(self, most: int = 3000) -> int:
        """Run whenever something is due until every zone is as it should be; return how many runs it took."""
        for count in range(most):
            if all(zone.plan.headline == "OK" for zone in self.run().zones):
                return count
            self.wait()
        raise AssertionError(self.calls)

    def wait(self) -> None:
        """Let time pass until the ledger says that something is due."""
        due = [history.next_at for history in self.ledger.histories.values() if history.next_at is not None]
        self.clock.at = max(self.clock.at + 1, min(due, default=0))

    def count(self, action: str, zone: str | None = None) -> int:
        return sum(name == action and zone in {None, of} for of, name in self.calls)


@dataclass
class TinyParent:
    world: World

    @property
    def timeout(self) -> int:
        return self.world.timeout

    def capabilities(self, zone: str, accepts: Accepts) -> Capabilities:
        del zone, accepts
        return Capabilities(update=self.world.update)  # type: ignore[arg-type]

    def read(self, zone: str) -> tuple[Ds, ...] | None:
        self.world.ledger.journal.append("read")
        child = self.world.children[zone]
        return child.pending[-1][1] if child.pending else child.ds

    def perform(self, zone: str, action: SetDs) -> Receipt:
        instead = self.world._call(zone, action)
        if instead is not None:
            return instead
        self.world.children[zone].pending.append((self.world.clock.at + self.world.registration, action.ds))
        self.world.after(zone, action)
        return Receipt(state="accepted", operation=f"op-{len(self.world.calls)}")


@dataclass
class TinySigner:
    world: World

    @property
    def timeout(self) -> int:
        return self.world.timeout

    def capabilities(self, zone: str) -> Capabilities:
        del zone
        return Capabilities(update="none", signer_manual=self.world.signer_manual)

    def read(self, zone: str) -> tuple[SignerKey, ...] | None:
        self.world.read(zone)
        child = self.world.children[zone]
        active = child.key_signers | child.zone_signers
        return tuple(
            SignerKey(key=key, role=role, published=key in child.keys, active=key.id in active)
            for key, role in child.held.items()
        )

    def perform(self, zone: str, action: Action) -> Receipt:
        instead = self.world._call(zone, action)
        if instead is not None:
            return instead
        child, created = self.world.children[zone], None
        match action:
            case CreateKey(role=role, existing=existing):
                created = next(
                    (key for key, known in child.held.items() if known == role and key.id not in existing), None
                )
                created = created or dnskey(f"new{len(self.world.calls)}.{zone}", 256 if role == "zsk" else 257)
                child.held[created] = role
            case SetKeys(published=keys, sign_keys=sign_keys, sign_zone=sign_zone):
                child.keys, child.key_signers, child.zone_signers = keys, sign_keys, sign_zone
            case DeleteKey(key=key):
                child.held.pop(key, None)
        self.world.after(zone, action)
        return Receipt(state="accepted", created=created)


def make_world(count: int = 1, *, signed: bool = False, guards: Guards | None = None, **intent: object) -> World:
    """Return a world of zones z0.ch, z1.ch and so on that are to be signed."""
    names = [f"z{number}.ch" for number in range(count)]
    zones = {
        name: replace(ZoneIntent(zone=name, dnssec="signed", signer="s", parent="p"), **intent)  # type: ignore[arg-type]
        for name in names
    }
    timing = Timing(child_margin=5, parent_margin=7, registration_budget=100, sweep_count=1, sweep_spacing=0)
    policy = Policy(ds_ttl_max=90, dnskey_ttl=40, zone_ttl_max=60, timing=timing)
    portfolio = Portfolio(
        name="tiny",
        zones=zones,
        policies={"default": policy},
        signers={"s": WayIn(name="s", type="tiny")},
        parents={"p": WayIn(name="p", type="tiny")},
        accepts={},
        resolution=Resolution(root_hints=()),
        guards=guards or Guards(max_zones_per_apply=1000, max_in_flight_per_parent=1000, canary_zones=0),
    )
    world = World({name: Child(name) for name in names}, portfolio)
    for child in world.children.values() if signed else ():
        child.sign()
    return world


def want(world: World, **intent: object) -> None:
    """Change what the files ask for, for every zone."""
    zones = {name: replace(zone, **intent) for name, zone in world.portfolio.zones.items()}  # type: ignore[arg-type]
    world.portfolio = replace(world.portfolio, zones=zones)
