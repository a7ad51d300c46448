"""The executor's ports on a described world: they show and do exactly what the document says, faults included."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dnsplan.errors import AdapterError
from dnsplan.model.action import Action, CreateKey, DeleteKey, SetCds, SetDs, SetKeys, SetTtl
from dnsplan.model.observation import ChildAnswer, ChildView, Observation, ParentAnswer, ParentView, Unreachable
from dnsplan.model.plan import Capabilities, Receipt, SignerKey
from dnsplan.model.portfolio import Accepts, ZoneName
from dnsplan.model.records import Dnskey, Ds
from dnsplan.model.time import Instant, Seconds
from dnsplan.ports import Sight
from dnsplan.world.simulated.line import Line
from dnsplan.world.simulated.truth import Delta, Truth

DsSymbols = tuple[tuple[str, int, int], ...]
"""DS as key symbol, algorithm and digest type; sorted."""


class Crash(BaseException):
    """The process dies here; what it has not written is lost."""


class SetClock:
    """A clock that the runner sets."""

    def __init__(self, base: Instant) -> None:
        self.base, self.at = base, 0

    def now(self) -> Instant:
        """Return the present."""
        return self.base + self.at

    def sleep_until(self, instant: Instant) -> None:
        """Move on at once."""
        self.at = max(self.at, instant - self.base)


@dataclass(slots=True)
class Calls:
    """Provider calls so far; the n-th may be the one at which the process dies."""

    truth: Truth
    total: int = 0
    parent: int = 0

    def begin(self, *, parent: bool) -> None:
        """Count a call; die before it where the document says so."""
        self.total += 1
        self.parent += parent
        self._die("before")

    def end(self) -> None:
        """Die after the call where the document says so."""
        self._die("after")

    def _die(self, when: str) -> None:
        if any(fault["call"] == self.total and fault["when"] == when for fault in self.truth.faults("crash")):
            raise Crash


class SimulatedDns:
    """One complete sweep, at the second that the clock shows."""

    def __init__(self, truth: Truth, clock: SetClock) -> None:
        self._truth, self._clock = truth, clock

    def observe(self, sights: Sequence[Sight]) -> list[Observation]:
        """Return what every server answers now."""
        return [self._sweep() for _ in sights]

    def _sweep(self) -> Observation:
        truth = self._truth
        parents = tuple(self._parent(index) for index in range(len(truth.lags("DS"))))
        children = tuple(self._child(index) for index in range(len(truth.lags("DNSKEY"))))
        zone = truth.zone
        return Observation(
            zone=zone, at=self._clock.now(), parent_zone=zone.partition(".")[2], parent=parents, child=children
        )

    def _parent(self, index: int) -> ParentView:
        truth, at, server = self._truth, self._clock.at, f"parent:{index}"
        address = f"192.0.2.{index + 1}"
        for kind, reason in (("silent", "timeout"), ("lame", "lame")):
            if truth.has(kind, server, at):
                return Unreachable(address=address, reason=reason)  # type: ignore[arg-type]  # of the reasons
        lies = truth.has("lies", server, at)
        version = truth.versions["DS"][-1] if lies else truth.served("DS", index, at)
        ds = truth.ds_records(version.value)
        return ParentAnswer(address=address, ds=ds, ttl=version.ttl, trust="bogus" if lies else "secure")

    def _child(self, index: int) -> ChildView:
        truth, at, server = self._truth, self._clock.at, f"child:{index}"
        address = f"198.51.100.{index + 1}"
        for kind, reason in (("silent", "timeout"), ("lame", "lame")):
            if truth.has(kind, server, at):
                return Unreachable(address=address, reason=reason)  # type: ignore[arg-type]  # of the reasons
        lies = truth.has("lies", server, at)
        dnskey = truth.versions["DNSKEY"][-1] if lies else truth.served("DNSKEY", index, at)
        zone = truth.versions["ZONE"][-1] if lies else truth.served("ZONE", index, at)
        negative = truth.document["start"]["zone"]["negative_ttl"]
        keys = tuple(sorted(truth.keys[key] for key in dnskey.value[0]))
        return ChildAnswer(
            address=address,
            keys=keys,
            key_signers=frozenset() if lies else frozenset(truth.keys[key].id for key in dnskey.value[1]),
            key_ttl=dnskey.ttl if keys else max(dnskey.ttl, negative),
            zone_signers=frozenset() if lies else frozenset(truth.keys[key].id for key in zone.value),
            zone_ttl=zone.ttl,
            negative_ttl=negative,
            cds=truth.cds[0],
            cdnskey=truth.cds[1],
        )


class SimulatedParent:
    """The parent of the document: its abilities, its delays, and calls that are refused or come to nothing.

    `is_guarded`: it refuses a call that expects other DS than it has, which no described parent does.
    """

    timeout: Seconds = 0

    def __init__(
        self, truth: Truth, clock: SetClock, calls: Calls, *, line: Line | None = None, is_guarded: bool = False
    ) -> None:
        self._truth, self._clock, self._calls = truth, clock, calls
        self._line, self._is_guarded = line or Line(), is_guarded
        self._accepted = 0
        self._capabilities: dict[Accepts, Capabilities] = {}

    def capabilities(self, zone: ZoneName, accepts: Accepts) -> Capabilities:
        """Return what the document says, within what the suffix accepts."""
        del zone
        known = self._capabilities.get(accepts)
        if known is None:
            known = self._capabilities[accepts] = self._within(accepts)
        return known

    def _within(self, accepts: Accepts) -> Capabilities:
        parent = self._truth.document["parent"]
        form, types = parent["form"], frozenset(parent["digest_types"])
        limits = [limit for limit in (accepts.max_ds, parent["max_ds"]) if limit is not None]
        common = types if accepts.digest_types is None else types & accepts.digest_types
        return Capabilities(
            update=parent["update"],
            accepts=replace(
                accepts,
                form=form,
                max_ds=min(limits),
                digest_types=common,
                requires_matching_dnskey="each" if parent["checks_dnskey"] else accepts.requires_matching_dnskey,
            ),
            makes_digests=types if form == "dnskey" else None,
            guarded_write=self._is_guarded,
        )

    def read(self, zone: ZoneName) -> tuple[Ds, ...] | None:
        """Return what the parent serves or has under way."""
        self._line.reach(zone)
        return self._truth.ds_records(self._truth.versions["DS"][-1].value)

    def perform(self, zone: ZoneName, action: SetDs | SetTtl) -> Receipt:
        """Take one call; the process may die just before or just after it, whatever comes of it."""
        self._calls.begin(parent=True)
        try:
            self._line.reach(zone)
            if isinstance(action, SetTtl):
                raise AdapterError(f"{zone}: the simulated parent sets no TTL")
            return self._take(action)
        finally:
            self._calls.end()

    def _take(self, action: SetDs) -> Receipt:
        truth, number = self._truth, self._calls.parent
        if any(fault["call"] == number for fault in truth.faults("rejected")):
            return Receipt(state="refused", message="refused, once")
        target, delta = self._target(action)
        self._check(target)
        if any(fault["call"] == number for fault in truth.faults("swallowed")):
            return Receipt(state="accepted")
        if target == truth.versions["DS"][-1].value:
            return Receipt(state="accepted")
        self._line.before_change()
        if self._is_guarded and truth.ds_symbols(action.expected) != truth.versions["DS"][-1].value:
            return Receipt(state="refused", message="the DS changed meanwhile")
        self._register(target, delta)
        self._line.changed(truth.zone)
        return Receipt(state="accepted")

    def _register(self, target: DsSymbols, delta: Delta | None) -> None:
        at, given = self._clock.at, self._truth.document["truth"]["registration"]
        delays = given if isinstance(given, list) else [given]
        delay = delays[min(self._accepted, len(delays) - 1)]
        self._accepted += 1
        self._truth.change("DS", at + delay, target, call=at, delta=delta)

    def _target(self, action: SetDs) -> tuple[DsSymbols, Delta | None]:
        """Return what a call leads to, and what it adds and removes where it does not carry the whole set."""
        truth, count, at = self._truth, len(self._truth.lags("DS")), self._clock.at
        shown = frozenset(ds for index in range(count) for ds in truth.served("DS", index, at).value)
        served = truth.versions["DS"][-1].value
        asked = self._made(
            truth.ds_symbols(action.ds), served if truth.document["parent"]["update"] == "replace" else shown
        )
        if truth.document["parent"]["update"] == "replace":
            return asked, None
        delta = frozenset(asked) - shown, shown - frozenset(asked)
        return tuple(sorted((frozenset(served) | delta[0]) - delta[1])), delta

    def _made(self, target: DsSymbols, served: Iterable[tuple[str, int, int]]) -> DsSymbols:
        """Return the DS that come of a call: a parent that takes keys makes those of each new key itself."""
        parent, served = self._truth.document["parent"], tuple(served)
        if parent["form"] == "ds":
            return target
        known = {key for key, _, _ in served}
        kept = [ds for ds in served if ds[0] in {key for key, _, _ in target}]
        new = {(key, algorithm) for key, algorithm, _ in target if key not in known}
        made = [(key, algorithm, digest) for key, algorithm in new for digest in parent["digest_types"]]
        return tuple(sorted({*kept, *made}))

    def _check(self, target: DsSymbols) -> None:
        parent, before = self._truth.document["parent"], set(self._truth.versions["DS"][-1].value)
        by_key = parent["form"] == "dnskey"
        too_many = (len({key for key, _, _ in target}) if by_key else len(target)) > parent["max_ds"]
        if too_many and set(target) - before:
            raise AdapterError(f"the parent takes {parent['max_ds']} DS")
        moved = before ^ set(target)
        if parent["update"] == "one-at-a-time" and (len({key for key, _, _ in moved}) if by_key else len(moved)) > 1:
            raise AdapterError("the parent takes one record a call")
        if parent["checks_dnskey"]:
            signing = [
                set(self._truth.served("DNSKEY", index, self._clock.at).value[1])
                for index in range(len(self._truth.lags("DNSKEY")))
            ]
            if any(key not in signers for key, _, _ in set(target) - before for signers in signing):
                raise AdapterError("the key of a DS does not sign the DNSKEY RRset on every server")


class SimulatedSigner:
    """The signer of the document: it can do everything, at once; a zone that is presigned it leaves alone."""

    timeout: Seconds = 0

    def __init__(self, truth: Truth, clock: SetClock, calls: Calls, *, line: Line | None = None) -> None:
        self._truth, self._clock, self._calls = truth, clock, calls
        self._line = line or Line()
        self.is_presigned = False
        self.created: list[str] = []

    def capabilities(self, zone: ZoneName) -> Capabilities:
        """Return what the document says."""
        del zone
        return Capabilities(update="none", resign=self._truth.document["signer"]["resign"])

    def read(self, zone: ZoneName) -> tuple[SignerKey, ...] | None:
        """Return the keys that it holds."""
        self._reach(zone)
        truth = self._truth
        published, active = truth.versions["DNSKEY"][-1].value[0], self._active()
        return tuple(
            SignerKey(
                key=truth.keys[symbol],
                role=truth.symbols[symbol][1],
                published=symbol in published,
                active=symbol in active,
            )
            for symbol in truth.held
        )

    def perform(self, zone: ZoneName, action: Action) -> Receipt:
        """Take one call; the process may die just before or just after it."""
        self._calls.begin(parent=False)
        try:
            self._reach(zone)
            if self.is_presigned:
                raise AdapterError(f"{zone}: the zone is presigned", hint="name the system that signs it")
            before = self._state()
            created = self._take(action)
            if self._state() != before:
                self._line.changed(zone)
            return Receipt(state="accepted", created=created)
        finally:
            self._calls.end()

    def _reach(self, zone: ZoneName) -> None:
        self._line.reach(zone)
        if zone != self._truth.zone:
            raise AdapterError(f"{zone}: the simulated signer has no such zone", hint="name the signer that has it")

    def _active(self) -> set[str]:
        versions = self._truth.versions
        return {*versions["DNSKEY"][-1].value[1], *versions["ZONE"][-1].value}

    def _state(self) -> tuple[Any, ...]:
        """Return what a call may change."""
        truth = self._truth
        return truth.versions["DNSKEY"][-1].value, truth.versions["ZONE"][-1].value, tuple(truth.held), truth.cds

    def _take(self, action: Action) -> Dnskey | None:
        match action:
            case CreateKey():
                return self._truth.keys[self._create(action)]
            case SetKeys():
                self._set_keys(action)
            case DeleteKey(key=key):
                self._delete(key)
            case SetCds(cds=cds, cdnskey=cdnskey):
                self._truth.cds = cds, cdnskey
            case _:
                raise AdapterError(f"{self._truth.zone}: the simulated signer sets no DS, no TTL and no NSEC3")
        return None

    def _set_keys(self, action: SetKeys) -> None:
        truth, at = self._truth, self._clock.at
        served, data = truth.versions["DNSKEY"][-1].value, truth.versions["ZONE"][-1].value
        names = {truth.keys[symbol].id: symbol for symbol in (*truth.held, *served[0])}
        held, kept = {truth.keys[symbol].id for symbol in truth.held}, {truth.keys[symbol].id for symbol in data}
        old = {truth.keys[symbol].id for symbol in served[1]} if _same(action.published, served[0], truth) else set()
        if unheld := (action.sign_keys - held - old) | (action.sign_zone - held - kept):
            raise AdapterError(f"{truth.zone}: {len(unheld)} of the keys that are to sign are not held")
        if any(key.id not in names for key in action.published):
            raise AdapterError(f"{truth.zone}: the simulated signer does not hold every key to be published")
        published = tuple(sorted(names[key.id] for key in action.published))
        truth.change("DNSKEY", at, (published, tuple(sorted(names[key] for key in action.sign_keys))), call=at)
        truth.change("ZONE", at, tuple(sorted(names[key] for key in action.sign_zone)), call=at)

    def _delete(self, key: Dnskey) -> None:
        truth = self._truth
        symbol = truth.names.get(key)
        if symbol is not None and symbol in {*truth.versions["DNSKEY"][-1].value[0], *self._active()}:
            raise AdapterError(f"{truth.zone}: key {key.key_tag} is still published or active")
        truth.held = [held for held in truth.held if held != symbol]

    def _create(self, action: CreateKey) -> str:
        truth = self._truth
        for symbol in truth.held:
            algorithm, role = truth.symbols[symbol]
            if (algorithm, role) == (action.algorithm, action.role) and truth.keys[symbol].id not in action.existing:
                return symbol
        symbol = f"new-{action.role}-{len(self.created) + 1}"
        while symbol in truth.keys:
            symbol += "x"
        truth.learn(symbol, action.algorithm, action.role)
        truth.held.append(symbol)
        self.created.append(symbol)
        return symbol


def _same(keys: Sequence[Dnskey], symbols: Sequence[str], truth: Truth) -> bool:
    """Tell whether a DNSKEY RRset stays as it is, with the signatures of keys that are not held any more."""
    return set(keys) == {truth.keys[symbol] for symbol in symbols}
