"""The calendar of a portfolio: which rollovers begin when, and what is under way. From the ledger alone, no packet.

The dates are those of the pacing that `apply` keeps: windows, one rollover at a time in a zone, the limits for each
parent and each apply, and the oldest due first.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dnsplan.apply.looking import accepts_of
from dnsplan.apply.windows import opens_at
from dnsplan.engine.ages import due_at, in_use, lifetime_by, rolled_by_age
from dnsplan.engine.duration import rollover_takes
from dnsplan.engine.view import view_of
from dnsplan.model.forecast import Calendar, Due
from dnsplan.model.history import ZoneHistory
from dnsplan.model.observation import Observation
from dnsplan.model.plan import Capabilities, Situation
from dnsplan.model.portfolio import Portfolio, Role, ZoneIntent, ZoneName
from dnsplan.model.settings import accepted_by_account, settings_of
from dnsplan.model.time import Instant, Seconds

MOST_OF_ONE = 400
"""Rollovers of one key within a calendar: beyond that a lifetime is a mistake."""

BETWEEN_APPLIES: Seconds = 3600
"""The shipped schedule runs `apply --due` every hour."""


def calendar(
    portfolio: Portfolio,
    zones: Sequence[ZoneName],
    histories: Mapping[ZoneName, ZoneHistory],
    start: Instant,
    end: Instant,
) -> Calendar:
    """Return the calendar of those of the zones that dsplan rolls."""
    paces = _Paces(portfolio, start, end)
    unknown = []
    for zone in sorted(zones):
        intent = portfolio.zones[zone]
        if intent.dnssec != "signed" or intent.keys != "auto":
            continue
        history = histories.get(zone)
        if history is None or not paces.add(intent, history):
            unknown.append(zone)
    entries = sorted(paces.run(), key=lambda entry: (entry.at, entry.zone))
    return Calendar(start=start, end=end, entries=tuple(entries), unknown=tuple(unknown))


@dataclass(slots=True)
class _Paces:
    """Rollovers in the order in which they begin."""

    portfolio: Portfolio
    start: Instant
    end: Instant
    entries: list[Due] = field(default_factory=list)
    _queue: list[tuple[Instant, Instant, ZoneName, Role]] = field(default_factory=list)
    """(Not before, due, zone, role)."""
    _busy: dict[ZoneName, Instant] = field(default_factory=dict)
    _ends: dict[str | None, list[Instant]] = field(default_factory=dict)
    """When the rollovers under way at each parent end."""
    _begun: Counter[Seconds] = field(default_factory=Counter)
    """How many begin in each apply."""
    _count: Counter[tuple[ZoneName, Role]] = field(default_factory=Counter)

    def add(self, intent: ZoneIntent, history: ZoneHistory) -> bool:
        """Take a zone up; False if no key has an age on record and nothing is under way or asked for."""
        known = self._dues(intent, history)
        if known is None:
            return False
        for role, due in known.items():
            if due is not None:
                heapq.heappush(self._queue, (max(due, self.start), due, intent.zone, role))
        return self._under_way(intent, history) or bool(known)

    def _dues(self, intent: ZoneIntent, history: ZoneHistory) -> dict[Role, Instant | None] | None:
        view = view_of(
            Situation(
                intent=intent,
                policy=self.portfolio.policy_of(intent),
                capabilities=Capabilities(update="none"),
                history=history,
                seen=Observation(zone=intent.zone, at=self.start, parent_zone=None, parent=(), child=()),
                now=self.start,
                spread=self.portfolio.guards.spread_first_lifetimes,
            )
        )
        if view is None:
            return None
        return {role: due_at(view, role) for role in rolled_by_age(view) if in_use(view, role) is not None}

    def _under_way(self, intent: ZoneIntent, history: ZoneHistory) -> bool:
        """Note what is under way, or waits its turn, in a zone; tell whether there is anything."""
        what, rollover = "", history.rollover
        if rollover is not None:
            what = f"{rollover.recipe} under way"
            scheme = self.portfolio.policy_of(intent).scheme
            role: Role = "zsk" if rollover.recipe == "zsk" else "csk" if scheme == "csk" else "ksk"
            until = max(rollover.started + self._takes(intent, role), self.start)
            self._busy[intent.zone] = until
            heapq.heappush(self._ends.setdefault(intent.parent, []), until)
        elif history.asked is not None:
            what = "a change that the files ask for"
        if what and history.next_at is not None and history.next_at < self.end:
            at = max(history.next_at, self.start)
            self.entries.append(Due(at=at, zone=intent.zone, parent=intent.parent or "", what=what, due=at))
        return bool(what)

    def run(self) -> list[Due]:
        """Return everything that begins before the end."""
        while self._queue:
            ready, due, zone, role = heapq.heappop(self._queue)
            if ready >= self.end:
                break
            intent = self.portfolio.zones[zone]
            at = self._turn(intent, ready)
            if at is None or at > ready:
                if at is not None:
                    heapq.heappush(self._queue, (at, due, zone, role))
                continue
            self._begin(intent, role, at, due)
        return self.entries

    def _turn(self, intent: ZoneIntent, ready: Instant) -> Instant | None:
        """Return when a zone may begin, as far as `ready` can tell; None if its windows never open."""
        guards, ends = self.portfolio.guards, self._ends.setdefault(intent.parent, [])
        at = opens_at(self.portfolio.policy_of(intent), max(ready, self._busy.get(intent.zone, ready)))
        if at is None or at > ready:
            return at
        while ends and ends[0] <= at:
            heapq.heappop(ends)
        if len(ends) >= max(guards.max_in_flight_per_parent, 1):
            return ends[0]
        number = (at - self.start) // BETWEEN_APPLIES
        if self._begun[number] >= max(guards.max_zones_per_apply, 1):
            return self.start + (number + 1) * BETWEEN_APPLIES
        return at

    def _begin(self, intent: ZoneIntent, role: Role, at: Instant, due: Instant) -> None:
        what = f"{role.upper()} rollover"
        due = max(due, self.start)
        self.entries.append(Due(at=at, zone=intent.zone, parent=intent.parent or "", what=what, due=due))
        until = at + self._takes(intent, role)
        self._busy[intent.zone] = until
        heapq.heappush(self._ends[intent.parent], until)
        self._begun[(at - self.start) // BETWEEN_APPLIES] += 1
        self._count[intent.zone, role] += 1
        lifetime = lifetime_by(self.portfolio.policy_of(intent), role).lifetime
        if lifetime and self._count[intent.zone, role] < MOST_OF_ONE:
            heapq.heappush(self._queue, (at + lifetime, at + lifetime, intent.zone, role))

    def _takes(self, intent: ZoneIntent, role: Role) -> Seconds:
        """Return how long a rollover takes if the parent needs all of its budget."""
        policy, accepts = self.portfolio.policy_of(intent), accepts_of(self.portfolio, intent.zone)
        way = self.portfolio.parents.get(intent.parent or "")
        if way is not None:
            accepts = accepted_by_account(accepts, settings_of(way, "parents"))
        capabilities = Capabilities(update="replace", accepts=accepts)
        return rollover_takes(policy, role, capabilities, policy.timing.registration_budget)
