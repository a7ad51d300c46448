"""The parent and the signer of a described world, for the contracts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from parent_rigs import ParentRig
from parent_rigs import RigMaker as ParentRigMaker
from signer_rigs import Held, SignerRig
from signer_rigs import RigMaker as SignerRigMaker

from dnsplan.model.records import Dnskey, Ds
from dnsplan.ports import Parent, Signer
from dnsplan.world.simulated import SetClock, SimulatedParent, SimulatedSigner, Truth
from dnsplan.world.simulated.line import Line
from dnsplan.world.simulated.ports import Calls

ZONE = "child.tld"


def described() -> dict[str, object]:
    """Return a world of an unsigned zone, in which every change shows at once."""
    return {
        "now": "2026-11-24T00:00:00Z",
        "zone": ZONE,
        "start": {
            "ds": [],
            "ds_ttl": 5,
            "dnskey": {"keys": [], "signers": [], "ttl": 5},
            "zone": {"signers": [], "ttl": 5, "negative_ttl": 5},
        },
        "parent": {
            "update": "replace", "max_ds": 8, "form": "ds", "digest_types": [1, 2, 4], "checks_dnskey": False, "ttl": 5,
        },
        "signer": {"resign": 0, "dnskey_ttl": 5, "zone_ttl": 5},
        "truth": {
            "child_propagation": 0, "parent_propagation": 0, "registration": 0, "resign": 0,
            "ttl_after": {"ds": 5, "dnskey": 5, "zone": 5},
        },
    }  # fmt: skip


@dataclass
class Simulated:
    """One side of a described world, and the line to it."""

    truth: Truth = field(default_factory=lambda: Truth(described()))
    clock: SetClock = field(default_factory=lambda: SetClock(0))
    line: Line = field(default_factory=Line)
    zone: str = ZONE

    @property
    def calls(self) -> Calls:
        return Calls(self.truth)

    def writes(self) -> int:
        return self.line.changes

    def lose_next_answer(self) -> None:
        self.line.loses_next_answer = True

    def die(self) -> None:
        self.line.is_dead = True


@dataclass
class SimulatedParentRig(Simulated):
    """A described parent; it has no credentials, so that there is no text to keep secret."""

    secrets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.adapter: Parent = self._parent(self.line)
        self.stranger: Parent = self._parent(Line(is_trusted=False))

    def _parent(self, line: Line) -> SimulatedParent:
        return SimulatedParent(self.truth, self.clock, self.calls, line=line, is_guarded=True)

    def served(self) -> tuple[Ds, ...]:
        return self.truth.ds_records(self.truth.served("DS", 0, self.clock.at).value)

    def edit(self, ds: Iterable[Ds]) -> None:
        self.truth.change("DS", self.clock.at, self.truth.ds_symbols(ds), call=None)

    def edit_before_next_write(self, ds: Iterable[Ds]) -> None:
        self.line.before_change = lambda: self.edit(ds)


@dataclass
class SimulatedSignerRig(Simulated):
    """A described signer; what it makes a key of is as secret as a private key."""

    credential: str = "credentials"
    moments: list[tuple[Held, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._signer = SimulatedSigner(self.truth, self.clock, self.calls, line=self.line)
        self.adapter: Signer = self._signer
        self.stranger: Signer = SimulatedSigner(self.truth, self.clock, self.calls, line=Line(is_trusted=False))
        self.line.after_change = lambda: self.moments.append(self.held())

    def secrets(self) -> tuple[str, ...]:
        return tuple(self.truth.held)

    def _served(self, rrset: str) -> tuple:  # type: ignore[type-arg]
        return self.truth.served(rrset, 0, self.clock.at).value

    def held(self) -> tuple[Held, ...]:
        published, signers = self._served("DNSKEY")
        return tuple(
            Held(
                key=self.truth.keys[name], published=name in published, active=name in {*signers, *self._served("ZONE")}
            )
            for name in self.truth.held
        )

    def served(self) -> tuple[Dnskey, ...]:
        return tuple(sorted(self.truth.keys[name] for name in self._served("DNSKEY")[0]))

    def signers(self, rrtype: str) -> set[int]:
        names = self._served("DNSKEY")[1] if rrtype == "DNSKEY" else self._served("ZONE")
        return {self.truth.keys[name].key_tag for name in names}

    def cds(self) -> tuple[tuple[Ds, ...], tuple[Dnskey, ...]]:
        return self.truth.cds

    def presign(self) -> None:
        self._signer.is_presigned = True


@contextmanager
def simulated_parents(folder: Path) -> Iterator[ParentRigMaker]:
    """Yield rigs at the parent of a described world, each of a world of its own."""

    @contextmanager
    def make() -> Iterator[ParentRig]:
        yield SimulatedParentRig()

    yield make


@contextmanager
def simulated_signers(folder: Path) -> Iterator[SignerRigMaker]:
    """Yield rigs at the signer of a described world, each of a world of its own."""

    @contextmanager
    def make() -> Iterator[SignerRig]:
        yield SimulatedSignerRig()

    yield make
