"""How old keys are: known from their creation, or from the first look at them; and which have outlived the policy."""

from __future__ import annotations

from dnsplan.engine.view import View
from dnsplan.engine.wish import ours, roles
from dnsplan.model.history import HeldKey
from dnsplan.model.portfolio import KeyPolicy, Role
from dnsplan.model.time import Instant


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


def lifetime_of(view: View, role: Role) -> KeyPolicy:
    """Return the policy of a role's keys."""
    policy = view.situation.policy
    return {"ksk": policy.ksk, "zsk": policy.zsk, "csk": policy.csk}[role]


def due_at(view: View, role: Role) -> Instant | None:
    """Return when the key in use of a role reaches its lifetime; None if never, or if its age is not known."""
    lifetime = lifetime_of(view, role).lifetime
    born = born_at(view, role)
    return None if lifetime is None or born is None else born + lifetime


def born_at(view: View, role: Role) -> Instant | None:
    """Return when the key in use of a role was created, or first seen; None if that is not on record."""
    used = view.zone.signers if role == "zsk" else view.dnskey.signers & {d.key for d in view.refs}
    return min((held.created for held in view.history.held if held.role == role and held.key.id in used), default=None)


def overdue(view: View) -> frozenset[Role]:
    """Return the first role whose key has outlived the policy; a SEP key goes before a ZSK."""
    for role in roles(view):
        due = due_at(view, role)
        if due is not None and due <= view.situation.now:
            return frozenset({role})
    return frozenset()
