"""Whose turn it is to begin: the oldest due first, and of what one merge asks a canary before the rest.

Pacing never refuses, it waits; and it counts new rollovers only. Repairs and emergencies go before everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from dnsplan.apply.looking import Look, Ports
from dnsplan.engine import overdue_since
from dnsplan.engine.view import EMERGENCIES
from dnsplan.model.history import Asked, Rollover, ZoneHistory
from dnsplan.model.plan import Wait
from dnsplan.model.portfolio import Guards, Portfolio, ZoneName
from dnsplan.model.time import Instant, format_duration

URGENT = EMERGENCIES | {"lost-key"}
"""Recipes for which waiting is the danger: a lost key's signatures cannot be renewed."""

Histories = Callable[[Iterable[ZoneName]], Mapping[ZoneName, ZoneHistory]]


def is_urgent(one: Look) -> bool:
    """Tell whether it is a repair or an emergency, which neither a window nor a canary holds up."""
    return one.plan.recipe in URGENT or any(finding.code == "CHAIN_NO_MATCH" for finding in one.plan.findings)


def asked_by(one: Look, ports: Ports, commit: str) -> Asked | None:
    """Return the merge that asks for a zone's change; None for one that falls due by age, or that others caused.

    A merge asks for what the zone needs once its effective configuration is another than when it was last planned.
    """
    before = one.before
    if before is not None and (before.asked is not None or before.planned == ports.digest(one.zone)):
        return before.asked
    rollover = one.plan.history.rollover
    now, merged = one.situation.now, ports.merged(one.zone, rollover is not None and rollover.token is not None)
    return Asked(since=now if merged is None else min(merged, now), commit=commit)


def in_turn(looks: Iterable[Look], asked: Mapping[ZoneName, Asked | None]) -> list[Look]:
    """Return zones in the order in which they may begin."""
    return sorted(looks, key=lambda one: (not is_urgent(one), _due(one, asked.get(one.zone)), one.zone))


def _due(one: Look, asked: Asked | None) -> Instant:
    if asked is not None:
        return asked.since
    since = overdue_since(one.situation)
    return one.situation.now if since is None else since


def noted(one: Look, asked: Asked | None, *, begins: bool) -> Look:
    """Return the look whose history says which merge asks for the change, or asked for the rollover that begins."""
    history = one.plan.history
    if begins and isinstance(history.rollover, Rollover):
        config = asked.commit if asked is not None else ""
        history = replace(history, rollover=replace(history.rollover, config=config), asked=None)
    elif history.asked != asked:
        history = replace(history, asked=asked)
    else:
        return one
    return replace(one, plan=replace(one.plan, history=history))


@dataclass(slots=True)
class Canaries:
    """What each merge began so far in the zones of each policy, from the ledger; read when it is first needed."""

    portfolio: Portfolio
    histories: Histories
    _known: dict[str, Mapping[ZoneName, ZoneHistory]] = field(default_factory=dict)
    _begun: dict[tuple[str, str], int] = field(default_factory=dict)

    def wait(self, one: Look, asked: Asked | None) -> Wait | None:
        """Return why a zone waits for the canaries of its merge and policy; None if it may begin."""
        guards, policy = self.portfolio.guards, one.situation.intent.policy
        if asked is None or not guards.canary_zones or is_urgent(one):
            return None
        histories = self._of(policy)
        ended = sorted(h.ended.at for h in histories if h.ended is not None and h.ended.config == asked.commit)
        begun = sum(h.rollover is not None and h.rollover.config == asked.commit for h in histories)
        if begun + len(ended) + self._begun.get((policy, asked.commit), 0) < guards.canary_zones:
            return None
        ready = ended[guards.canary_zones - 1] + guards.canary_soak if len(ended) >= guards.canary_zones else None
        if ready is not None and ready <= one.situation.now:
            return None
        return Wait(until=ready, reason=_reason(guards, policy), stage="canary")

    def begins(self, one: Look, asked: Asked | None) -> None:
        """Count a zone that begins in this run."""
        if asked is not None:
            key = (one.situation.intent.policy, asked.commit)
            self._begun[key] = self._begun.get(key, 0) + 1

    def _of(self, policy: str) -> list[ZoneHistory]:
        if policy not in self._known:
            zones = [zone for zone, intent in self.portfolio.zones.items() if intent.policy == policy]
            self._known[policy] = self.histories(zones)
        return list(self._known[policy].values())


def _reason(guards: Guards, policy: str) -> str:
    zones = f"{guards.canary_zones} zone{'s' if guards.canary_zones != 1 else ''}"
    soak = format_duration(guards.canary_soak)
    return f"canary: of this merge {zones} of policy {policy} go first, and soak for {soak}"
