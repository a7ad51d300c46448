"""What the executor needs of the outside world; the simulated world implements the same Protocols."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from dnsplan.model.action import Action, SetDs, SetNs, SetTtl, SharedAction
from dnsplan.model.audit import Record
from dnsplan.model.history import ZoneHistory
from dnsplan.model.observation import Observation
from dnsplan.model.plan import Capabilities, Receipt, Serving, SignerKey
from dnsplan.model.portfolio import Accepts, ZoneName
from dnsplan.model.records import Dnskey, Ds
from dnsplan.model.time import Instant, Seconds


class Clock(Protocol):
    """The time, and waiting for it."""

    def now(self) -> Instant:
        """Return the present."""

    def sleep_until(self, instant: Instant) -> None:
        """Return at `instant`, or at once when it is past."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sight:
    """A zone to look at, with addresses beyond its NS sets that must be asked as well (servers that departed).

    `keys` may sign its data although no server publishes them: an algorithm comes and goes so (RFC 6781 section 4.1.4).
    """

    zone: ZoneName
    extra_child: frozenset[str] = frozenset()
    extra_parent: frozenset[str] = frozenset()
    keys: frozenset[Dnskey] = frozenset()
    beside: Serving | None = None
    """Where another signer serves the zone, though it may not be delegated to these servers."""


class Dns(Protocol):
    """The eyes: one complete sweep of each zone, in the order given."""

    def observe(self, sights: Sequence[Sight]) -> Iterable[Observation]:
        """Return an observation for every zone; what cannot be reached is a value, never an error."""


class Parent(Protocol):
    """A way in which a DS reaches a parent. Raises AdapterError; never claims that the DNS has changed."""

    def capabilities(self, zone: ZoneName, accepts: Accepts) -> Capabilities:
        """Return what it can do for a zone; only the parent's fields are set. No I/O."""

    def read(self, zone: ZoneName) -> tuple[Ds, ...] | None:
        """Return what the parent holds or has pending for a zone; None when the interface cannot tell."""

    def perform(self, zone: ZoneName, action: SetDs | SetTtl) -> Receipt:
        """Ask for exactly one side effect."""

    @property
    def timeout(self) -> Seconds:
        """Return the longest that one call takes."""


@runtime_checkable
class DelegatingParent(Parent, Protocol):
    """A parent whose way in changes delegations as well (`Capabilities.parent_ns`)."""

    def delegate(self, zone: ZoneName, action: SetNs) -> Receipt:
        """Let the delegation name exactly these servers, and add glue that is missing."""


class Signer(Protocol):
    """A system that holds a child's keys. Raises AdapterError."""

    def capabilities(self, zone: ZoneName) -> Capabilities:
        """Return what it can do for a zone; only the signer's fields are set. No I/O."""

    def read(self, zone: ZoneName) -> tuple[SignerKey, ...] | None:
        """Return the keys it holds, published or not; None when the interface cannot tell."""

    def perform(self, zone: ZoneName, action: Action) -> Receipt:
        """Bring about the target with as few calls as it takes; repeating it changes nothing."""

    @property
    def timeout(self) -> Seconds:
        """Return the longest that one call takes."""


@runtime_checkable
class SharingSigner(Signer, Protocol):
    """A signer that can be one of two of a zone (`Capabilities.imports_keys`, `signer_ns`)."""

    def serving(self, zone: ZoneName) -> Serving:
        """Return where it serves its copy of the zone, as the copy itself says."""

    def share(self, zone: ZoneName, action: SharedAction) -> Receipt:
        """Bring about what concerns both signers; repeating it changes nothing."""


class Ledger(Protocol):
    """The memory that survives: zone histories, the due index and the chain of records."""

    def read(self, zones: Iterable[ZoneName]) -> Mapping[ZoneName, ZoneHistory]:
        """Return the histories of those zones that have one."""

    def known(self) -> frozenset[ZoneName]:
        """Return every zone that has a history."""

    def due(self, now: Instant) -> frozenset[ZoneName]:
        """Return zones whose `next_at` is not after `now`, without reading their histories."""

    def planned(self) -> str:
        """Return the commit of the configuration that was last planned in full; empty when there is none."""

    def commit(
        self, record: Record | None, histories: Sequence[ZoneHistory], *, subject: str, planned: str | None = None
    ) -> str:
        """Write a record (new, or the outcome of the newest one of the same id) and histories in one commit.

        Return the new head. Raise LockedError when the lock is no longer ours, LedgerError when it cannot be written.
        """

    def newest(self) -> tuple[Record, str] | None:
        """Return the newest record and the SHA-256 (hex) of its file."""

    def lease_left(self, now: Instant) -> Seconds:
        """Return how long the lock is still ours without renewal; renews when less than half is left."""
