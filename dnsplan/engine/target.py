"""What will be left when a rollover is done, what leaves, and what must be created first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dnsplan.engine.view import View
from dnsplan.model.portfolio import Role
from dnsplan.model.records import Dnskey, Ds, KeyId


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """The state that a rollover ends in, and how far its keys exist."""

    seps: tuple[Dnskey, ...]
    """The keys that will have a DS and sign the DNSKEY RRset."""
    data: tuple[Dnskey, ...]
    """The keys that will sign data; a CSK stands in both."""
    missing: tuple[Role, ...]
    """Roles of keys that must be created."""
    leaving: frozenset[KeyId]

    @property
    def keys(self) -> tuple[Dnskey, ...]:
        """Return every key that will be left."""
        return tuple(sorted({*self.seps, *self.data}))

    @property
    def sep_ids(self) -> frozenset[KeyId]:
        """Return the identities of the keys with a DS."""
        return ids(self.seps)

    @property
    def data_ids(self) -> frozenset[KeyId]:
        """Return the identities of the keys that sign data."""
        return ids(self.data)


def target_of(view: View) -> Target:
    """Return the target of the rollover under way."""
    rollover, creates = view.rollover, view.rollover.creates
    keys = [view.keys_by_id[key] for key in rollover.final if key in view.keys_by_id]
    created = [
        held.role for held in view.history.held if held.rollover == rollover.id and held.key.id in rollover.final
    ]
    return Target(
        seps=tuple(key for key in keys if view.role_of(key) != "zsk"),
        data=tuple(key for key in keys if view.role_of(key) != "ksk"),
        missing=tuple(
            role for end, role in enumerate(creates, start=1) if creates[:end].count(role) > created.count(role)
        ),
        leaving=frozenset(rollover.old) - frozenset(rollover.final),
    )


def wanted_ds(view: View, target: Target) -> tuple[Ds, ...]:
    """Return the DS RRset that the parent will be left with: those of the target, and what the policy keeps of others.

    A parent that makes the digests itself is believed in the types that it serves for a key.
    """
    wanted = set(view.ds_of(target.seps))
    if view.situation.capabilities.makes_digests is not None:
        for key in target.seps:
            served = view.ds_at_parent(frozenset({key.id}))
            if served:
                wanted = {ds for ds in wanted if view.ring.get(ds) != key.id} | set(served)
    ours = target.sep_ids | target.leaving
    removed = view.foreign_ds if view.situation.policy.unknown_ds == "remove" else ()
    kept = {ds for ds in view.ds.ds if view.ring.get(ds) not in ours and ds not in removed}
    return tuple(sorted(wanted | kept))


def ids(keys: Iterable[Dnskey]) -> frozenset[KeyId]:
    """Return the identities of keys."""
    return frozenset(key.id for key in keys)
