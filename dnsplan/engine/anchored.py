"""Zones whose key resolvers hold by hand: nobody tells such a resolver of a new key, so the old one must stay.

Following keys by RFC 5011 takes a revoked key and hold-down times of its own; no recipe does that.
"""

from __future__ import annotations

from collections.abc import Iterable

from dnsplan.engine.ages import due_at
from dnsplan.engine.view import View
from dnsplan.engine.wish import roles
from dnsplan.model.plan import Blocked, Finding
from dnsplan.model.records import KeyId
from dnsplan.model.time import format_instant


def held_by_hand(view: View, leaving: Iterable[KeyId]) -> Blocked | None:
    """Return why these keys must stay, where a KSK or CSK that is served is among them; None if they may leave.

    A key that is younger than one that stays may leave: it was meant to follow that one, and nobody was given it.
    """
    if not view.situation.intent.trust_anchor:
        return None
    gone, created = frozenset(leaving), {held.key: held.created for held in view.history.held}
    served = [key for key in view.dnskey.keys if view.role_of(key) != "zsk"]
    oldest = min((created[key] for key in served if key.id not in gone and key in created), default=None)
    seps = [
        key for key in served if key.id in gone and (oldest is None or key not in created or created[key] <= oldest)
    ]
    if not seps:
        return None
    return Blocked(findings=(_finding(f"key tag {', '.join(str(key.key_tag) for key in seps)} would leave"),))


def _finding(detail: str) -> Finding:
    return Finding(
        code="TRUST_ANCHOR_HELD",
        severity="error",
        summary="Resolvers hold a key of this zone by hand (`trust_anchor: true`), and would fail without it",
        detail=detail,
        action="give every such resolver the new key or none, then take `trust_anchor` out of the zone file",
        source="RFC 5011",
    )


def kept_by_hand(view: View) -> list[Finding]:
    """Return a finding about a KSK or CSK that is older than the policy wants and is not rolled."""
    if not view.situation.intent.trust_anchor or view.situation.intent.keys != "auto":
        return []
    dues = [due for role in roles(view) if role != "zsk" and (due := due_at(view, role)) is not None]
    return [
        Finding(
            code="TRUST_ANCHOR_AGED",
            severity="warning",
            summary="A key that resolvers hold by hand has reached the policy's lifetime; it is not rolled",
            detail=f"since {format_instant(due)}",
            action="agree with those who run the resolvers on a day, then take `trust_anchor` out of the zone file",
            source="RFC 5011",
        )
        for due in dues
        if due <= view.situation.now
    ]
