"""A zone with two signers, each with servers of its own, below a parent: described, run, and judged.

The judge shares no code with the engine: it knows who may ask whom, what caches may hold, and what validators accept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import product
from random import Random

from oracle import BEFORE, INFINITY, fails, keys_validate

from dnsplan.engine import absorb, plan_zone, record_intent, record_outcome
from dnsplan.engine.moving import meet, moves, settled
from dnsplan.model.action import ImportKeys, SetDs, SetNs
from dnsplan.model.history import ZoneHistory
from dnsplan.model.observation import ChildAnswer, Observation, ParentAnswer, Unreachable
from dnsplan.model.plan import Capabilities, NeedsHuman, Receipt, Serving, SignerKey, Situation, Step, ZonePlan
from dnsplan.model.portfolio import Policy, Timing, ZoneIntent
from dnsplan.model.records import Dnskey, make_ds

ZONE, T0 = "example.ch", 1_000_000
HOME, THERE = "old", "new"
NAMES = {HOME: ("a1.example", "a2.example"), THERE: ("b1.example",)}
PLACES = ("parent", HOME, THERE)


def key(name: str, flags: int, algorithm: int = 13) -> Dnskey:
    return Dnskey(flags=flags, algorithm=algorithm, public_key=name.encode() * 8)


KA, ZA, KB, ZB = key("ka", 257), key("za", 256), key("kb", 257), key("zb", 256)
SIMPLE = Capabilities(update="replace", parent_ns=True, imports_keys=True, signer_ns=True)


@dataclass
class Version:
    """What a place serves from a moment on."""

    at: int
    value: tuple
    ttl: int


@dataclass
class World:
    """The truth, and the engine at work on it; times are seconds since the start."""

    lags: dict[str, tuple[int, ...]]
    ttls: dict[str, int]
    """By RRset, and `NS` by place."""
    margins: dict[str, int]
    unseen: dict[str, int]
    """How much longer than every server in sight some other one serves what was there before."""
    registration: int = 0
    tick: int = 1
    sweeps: tuple[int, int] = (1, 0)
    budget: int = 500
    intent: ZoneIntent = field(
        default_factory=lambda: ZoneIntent(zone=ZONE, dnssec="signed", signer=HOME, parent="p", migrate_to=THERE)
    )
    capabilities: dict[str, Capabilities] = field(default_factory=lambda: {HOME: SIMPLE, THERE: SIMPLE})
    ttl_after: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    served: dict[tuple[str, str], list[Version]] = field(default_factory=dict)
    history: ZoneHistory = field(default_factory=lambda: ZoneHistory(zone=ZONE))
    stages: list[tuple[int, str]] = field(default_factory=list)
    events: list[tuple[str, Version]] = field(default_factory=list)
    calls: int = 0
    plan: ZonePlan | None = None
    answer: Callable[[Step], str] = lambda _: "accepted"
    """What becomes of a call: accepted, refused, swallowed (accepted, and nothing happens), lost or handed over."""
    names: frozenset[str] = frozenset(NAMES[THERE])
    foresee: bool = False
    found: set[str] = field(default_factory=set)
    """The codes of all findings so far."""

    def __post_init__(self) -> None:
        start = {
            ("parent", "DS"): (make_ds(ZONE, KA, 2),),
            ("parent", "NS"): NAMES[HOME],
            (HOME, "DNSKEY"): (tuple(sorted((KA, ZA))), frozenset({KA.id})),
            (HOME, "ZONE"): (ZA.id,),
            (HOME, "NS"): NAMES[HOME],
            (THERE, "DNSKEY"): (tuple(sorted((KB, ZB))), frozenset({KB.id})),
            (THERE, "ZONE"): (ZB.id,),
            (THERE, "NS"): NAMES[THERE],
        }
        for place, value in start.items():
            self.served.setdefault(place, [Version(BEFORE, value, self.ttl(*place))])

    def ttl(self, place: str, rrset: str) -> int:
        return self.ttls[f"NS {place}" if rrset == "NS" else rrset]

    # What every server shows -------------------------------------------------------------------------------------
    def shown(self, place: str, rrset: str, index: int, at: int) -> Version:
        lag = self.lags[place][index]
        return [version for version in self.served[place, rrset] if version.at + lag <= at][-1]

    def observe(self, at: int) -> Observation:
        parents = tuple(
            ParentAnswer(
                address=f"192.0.2.{index + 1}", ds=ds.value, ttl=ds.ttl, trust="secure", ns=frozenset(ns.value),
                ns_ttl=ns.ttl,
            )
            for index, (ds, ns) in enumerate(
                (self.shown("parent", "DS", i, at), self.shown("parent", "NS", i, at))
                for i in range(len(self.lags["parent"]))
            )
        )  # fmt: skip
        views = {place: self.children(place, at) for place in (HOME, THERE)}
        named = frozenset().union(*(answer.ns for answer in parents))
        for _ in range(2):
            for place in (HOME, THERE):
                if named & set(NAMES[place]):
                    named = named.union(*(v.ns for v in views[place] if isinstance(v, ChildAnswer)))
        delegated = {place: bool(named & set(NAMES[place])) for place in (HOME, THERE)}
        asks_home = self.history.beside is not None or any(d.side == "child" for d in self.history.departed)
        child = views[HOME] if delegated[HOME] or asks_home else ()
        return Observation(
            zone=ZONE, at=T0 + at, parent_zone="ch", parent=parents,
            child=(*child, *(views[THERE] if delegated[THERE] else ())),
            extra=frozenset() if delegated[HOME] else frozenset(view.address for view in child),
            beside=() if delegated[THERE] else views[THERE],
            beside_at=frozenset(view.address for view in views[THERE]),
        )  # fmt: skip

    def children(self, place: str, at: int) -> tuple[ChildAnswer | Unreachable, ...]:
        prefix = "198.51.100" if place == HOME else "203.0.113"
        if place in self.silent:
            return tuple(
                Unreachable(address=f"{prefix}.{i + 1}", reason="timeout") for i, _ in enumerate(self.lags[place])
            )
        result = []
        for index in range(len(self.lags[place])):
            dnskey, zone, ns = (self.shown(place, rrset, index, at) for rrset in ("DNSKEY", "ZONE", "NS"))
            result.append(
                ChildAnswer(
                    address=f"{prefix}.{index + 1}",
                    keys=dnskey.value[0],
                    key_signers=dnskey.value[1],
                    key_ttl=dnskey.ttl,
                    zone_signers=frozenset(zone.value),
                    zone_ttl=zone.ttl,
                    negative_ttl=0,
                    ns=frozenset(ns.value),
                    ns_ttl=ns.ttl,
                )
            )
        return tuple(result)

    # The engine at work ------------------------------------------------------------------------------------------
    @property
    def policy(self) -> Policy:
        timing = Timing(
            child_margin=self.margins["child"], parent_margin=self.margins["parent"], registration_budget=self.budget,
            sweep_count=self.sweeps[0], sweep_spacing=self.sweeps[1],
        )  # fmt: skip
        nominal = {"ds_ttl_max": self.ttls["DS"], "dnskey_ttl": self.ttls["DNSKEY"], "zone_ttl_max": self.ttls["ZONE"]}
        return replace(Policy(timing=timing, signature_min_remaining=0), **nominal)

    def situation(self, seen: Observation) -> Situation:
        intent = settled(self.intent, self.history)
        held = (KA, ZA) if intent.signer == HOME else (KB, ZB)
        return Situation(
            intent=intent, policy=self.policy, capabilities=self.capabilities[intent.signer or HOME],
            history=self.history, seen=seen, now=seen.at, beside=self.capabilities[THERE],
            held=tuple(
                SignerKey(key=key, role="ksk" if key.is_sep else "zsk", published=True, active=True) for key in held
            ),
        )  # fmt: skip

    def run(self, at: int, *, most: int = 4) -> ZonePlan:
        """Do everything that is ready at a moment."""
        seen = self.observe(at)
        if moves(self.intent, self.history):
            self.history = meet(self.history, self.intent, Serving(names=self.names))
        self.history = absorb(self.history, seen, policy=self.policy, capabilities=SIMPLE)
        for _ in range(most):
            self.plan = plan_zone(self.situation(seen), foresee=self.foresee)
            self.history = self.plan.history
            self.found |= {finding.code for finding in self.plan.findings}
            steps = [m.step if isinstance(m, NeedsHuman) else m for m in self.plan.moves]
            steps = [step for step in steps if isinstance(step, Step) and step.stage != "manual"]
            if not steps:
                break
            for step in steps:
                self.perform(step, at)
        assert self.plan is not None
        return self.plan

    def perform(self, step: Step, at: int) -> None:
        self.calls += 1
        self.stages.append((at, step.stage))
        self.history = record_intent(self.history, step, intent_id=str(self.calls), step_json="{}", now=T0 + at)
        action, when, place = step.action, at, step.signer or HOME
        answer = self.answer(step)
        if answer == "lost":
            return
        if answer in {"refused", "swallowed", "manual"}:
            state = "accepted" if answer == "swallowed" else answer
            self.history = record_outcome(self.history, str(self.calls), Receipt(state=state), now=T0 + at)
            return
        if isinstance(action, SetDs):
            self.change(step.stage, "parent", "DS", at + self.registration, action.ds)
        elif isinstance(action, SetNs):
            place = step.signer or "parent"
            when = at + (0 if step.signer else self.registration)
            self.change(step.stage, place, "NS", when, action.names)
        else:
            assert isinstance(action, ImportKeys), action
            self.change(step.stage, place, "DNSKEY", when, (action.published, action.sign_keys))
        receipt = Receipt(state="accepted")
        self.history = record_outcome(self.history, str(self.calls), receipt, now=T0 + at)

    def change(self, stage: str, place: str, rrset: str, at: int, value: tuple) -> None:
        ttl = self.ttl_after.get(rrset, self.ttl(place, rrset))
        version = Version(at, value, ttl)
        self.served[place, rrset].append(version)
        self.events.append((stage, version))

    def until_ok(self, start: int = 0, most: int = 4000) -> int:
        """Run until the goal is reached; return when."""
        at = start
        while at < most:
            if self.run(at).headline == "OK":
                return at
            at = self.next_run(at)
        assert self.plan is not None
        raise AssertionError(f"not done after {most} s: {self.stages} {self.plan.moves}")

    def next_run(self, at: int) -> int:
        """Return when something may look different, or a wait ends."""
        due = self.history.next_at
        arrivals = [v.at + lag for (p, _), line in self.served.items() for v in line for lag in self.lags[p]]
        later = [moment for moment in arrivals if moment > at]
        later += [due - T0] if due is not None and due - T0 > at else []
        return max(at + self.tick, min(later, default=at + 1))


def random_world(seed: int, *, exact: bool = False, ttls: dict[str, int] | None = None) -> World:
    """Return a world; in an exact one every gate is as long as it must be."""
    random = Random(f"two signers/{seed}")

    def lags() -> tuple[int, ...]:
        return (0, *(random.randint(0, 15) for _ in range(random.randint(0, 2))))

    names = ("DS", "DNSKEY", "ZONE", "NS parent", f"NS {HOME}", f"NS {THERE}")
    margins = {side: random.randint(0, 10) for side in ("child", "parent")}
    unseen = {
        place: (margin if exact else random.randint(0, margin))
        for place, margin in (("parent", margins["parent"]), (HOME, margins["child"]), (THERE, margins["child"]))
    }
    return World(
        lags={place: lags() for place in PLACES},
        ttls={name: random.randint(5, 90) for name in names} | (ttls or {}),
        margins=margins,
        unseen=unseen,
        registration=0 if exact else random.randint(0, 40),
        tick=1 if exact else random.choice([1, 1, 7]),
        sweeps=(1, 0) if exact else random.choice([(1, 0), (2, 3)]),
        ttl_after={} if exact else {rrset: random.randint(1, 90) for rrset in ("DS", "DNSKEY", "NS")},
    )


# The judge -----------------------------------------------------------------------------------------------------------
Interval = tuple[int, int]


def violations(world: World) -> list[str]:
    """Return every combination that some resolver may hold and that fails."""
    asked = who_is_asked(world)
    always = [(BEFORE, INFINITY)]
    ds = [(ds_form(v.value), *times) for v, times in cached(world, "parent", "DS", always)]
    keys, data = [], []
    for place in (HOME, THERE):
        keys += [(key_form(v.value), *times) for v, times in cached(world, place, "DNSKEY", asked[place])]
        data += [(frozenset(v.value), *times) for v, times in cached(world, place, "ZONE", asked[place])]
    found = []
    for (ds_value, ds_from, ds_until, _), (dnskey, from_, until, ttl), (signers, z_from, z_until, _) in product(
        ds, keys, data
    ):
        together = min(ds_until, until)
        if max(ds_from, from_) >= together:
            continue
        for profile in ("lenient", "rfc4509", "hardened"):
            end = min(until, together + ttl) if keys_validate(profile, ds_value, dnskey) else together
            window = max(ds_from, from_, z_from), min(end, z_until)
            if window[0] < window[1] and fails(profile, ds_value, dnskey, signers):
                found.append(f"{profile} {window}: DS {set(ds_value)} DNSKEY {dnskey} ZONE {set(signers)}")
    return found


def ds_form(records: tuple) -> frozenset:
    known = {make_ds(ZONE, one, 2): one.id for one in (KA, KB)}
    return frozenset((known[ds], ds.algorithm, ds.digest_type) for ds in records)


def key_form(value: tuple) -> tuple[frozenset, frozenset]:
    return frozenset((one.id, one.algorithm) for one in value[0]), frozenset(value[1])


def serving(world: World, place: str, rrset: str) -> list[tuple[Version, Interval]]:
    """Return each version with the time in which some server may show it."""
    line, late = world.served[place, rrset], max(world.lags[place]) + world.unseen[place]
    ends = [min((later.at + late for later in line[index + 1 :]), default=INFINITY) for index in range(len(line))]
    return [(version, (version.at, end)) for version, end in zip(line, ends, strict=True)]


def cached(world: World, place: str, rrset: str, asked: list[Interval]) -> list[tuple[Version, tuple[int, int, int]]]:
    """Return each version with the times in which a cache may hold it, and its TTL."""
    return [
        (version, (begin, min(end + version.ttl, INFINITY), version.ttl))
        for version, shown in serving(world, place, rrset)
        for begin, end in meets([shown], asked)
    ]


def who_is_asked(world: World) -> dict[str, list[Interval]]:
    """Return when resolvers may ask the servers of each signer: as long as a cached NS RRset names them."""
    asked: dict[str, list[Interval]] = {HOME: [], THERE: []}
    while True:
        found: dict[str, list[Interval]] = {HOME: [], THERE: []}
        for place in PLACES:
            source = [(BEFORE, INFINITY)] if place == "parent" else asked[place]
            for version, (begin, end, _) in cached(world, place, "NS", source):
                for signer in (HOME, THERE):
                    if set(version.value) & set(NAMES[signer]):
                        found[signer].append((begin, end))
        found = {signer: joined(intervals) for signer, intervals in found.items()}
        if found == asked:
            return asked
        asked = found


def joined(intervals: list[Interval]) -> list[Interval]:
    result: list[Interval] = []
    for begin, end in sorted(intervals):
        if result and begin <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((begin, end))
    return result


def meets(some: list[Interval], others: list[Interval]) -> list[Interval]:
    both = [(max(a, c), min(b, d)) for a, b in some for c, d in others]
    return [(begin, end) for begin, end in both if begin < end]
