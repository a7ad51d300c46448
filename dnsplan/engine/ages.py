"""How old keys are: known from their creation, or from the first look at them; and which have outlived the policy."""

from __future__ import annotations

import hashlib

from dnsplan.engine.view import View, view_of
from dnsplan.engine.wish import ours, roles
from dnsplan.model.history import HeldKey
from dnsplan.model.plan import Situation
from dnsplan.model.portfolio import KeyPolicy, Policy, Role
from dnsplan.model.time import Instant, Seconds

SPREAD = 4
"""A first lifetime ends early by less than this part of it."""


def known_ages(view: View) -> tuple[HeldKey, ...]:
    """Return the keys on record, with those that the signer lists or that are served and were not known before."""
    known = {held.key for held in view.history.held}
    listed = {key.key: key.role for key in view.situation.held or ()}
    served = {key: view.role_of(key) for key in ours(view) if view.situation.held is not None}
    found = {key: role for key, role in {**served, **listed}.items() if key not in known}
    return (
        *view.history.held,
        *(HeldKey(key=key, role=role, created=view.situation.now) for key, role in found.items()),
    )


def lifetime_by(policy: Policy, role: Role) -> KeyPolicy:
    """Return how a policy rolls the keys of a role."""
    return {"ksk": policy.ksk, "zsk": policy.zsk, "csk": policy.csk}[role]


def due_at(view: View, role: Role) -> Instant | None:
    """Return when the key in use of a role reaches its lifetime; None if never, or if its age is not known."""
    lifetime, key = lifetime_by(view.situation.policy, role).lifetime, in_use(view, role)
    if lifetime is None or key is None:
        return None
    return key.created + lifetime - (_early(view, role, lifetime) if _is_first(key) else 0)


def in_use(view: View, role: Role) -> HeldKey | None:
    """Return the oldest key in use of a role; None if the age of none is on record."""
    used = view.zone.signers if role == "zsk" else view.dnskey.signers & {d.key for d in view.refs}
    found = [held for held in view.history.held if held.role == role and held.key.id in used]
    return min(found, key=lambda held: held.created, default=None)


def _is_first(key: HeldKey) -> bool:
    """Tell whether nothing says that the key was made on a day of its own: it was found, or signed the zone first."""
    return not key.rollover or key.rollover.startswith("bootstrap/")


def _early(view: View, role: Role, lifetime: Seconds) -> Seconds:
    """Return how much earlier a first lifetime ends, so that zones met on one day are not all rolled on one."""
    if not view.situation.spread:
        return 0
    digest = hashlib.sha256(f"{view.situation.intent.zone} {role}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % max(lifetime // SPREAD, 1)


def overdue_since(situation: Situation) -> Instant | None:
    """Return since when a key has outlived the policy; None if none has, or the zone was never seen."""
    view = view_of(situation)
    dues = [] if view is None else [due_at(view, role) for role in rolled_by_age(view)]
    return min((due for due in dues if due is not None and due <= situation.now), default=None)


def rolled_by_age(view: View) -> tuple[Role, ...]:
    """Return the roles whose keys are rolled by age; one that resolvers hold by hand is not."""
    return tuple(role for role in roles(view) if role == "zsk" or not view.situation.intent.trust_anchor)


def overdue(view: View) -> frozenset[Role]:
    """Return the first role whose key has outlived the policy; a SEP key goes before a ZSK."""
    for role in rolled_by_age(view):
        due = due_at(view, role)
        if due is not None and due <= view.situation.now:
            return frozenset({role})
    return frozenset()
