"""Servers that do not answer: since when, whether a person has acknowledged it, and what that changes.

A server that is dead for good must not stop its zone for ever, and one that only we cannot reach must not be taken for
dead. So an acknowledgement takes a day of silence, an answer from every other server's name, and margins of a day.
"""

from __future__ import annotations

from dataclasses import replace

from dnsplan.model.history import Silent, ZoneHistory
from dnsplan.model.observation import Observation, Unreachable
from dnsplan.model.time import Instant, Seconds

UNREACHABLE_AFTER: Seconds = 86400
"""How long a server must have been silent before it can be acknowledged."""

ACKNOWLEDGED_MARGIN: Seconds = 86400
"""The least margin beside an acknowledged server, and how long it lasts when that server answers again."""


def noted(history: ZoneHistory, seen: Observation) -> tuple[Silent, ...]:
    """Return the servers that are silent, or that were acknowledged not long ago, after one more sweep."""
    known = {silent.address: silent for silent in history.silent}
    gone = unanswered(seen)
    result = [replace(known.get(address, Silent(address=address, since=seen.at)), until=None) for address in gone]
    for address in known.keys() - gone:
        silent = known[address]
        until = silent.until or seen.at + ACKNOWLEDGED_MARGIN + _longest(history)
        if silent.acknowledged is not None and until > seen.at:
            result.append(replace(silent, until=until))
    return tuple(sorted(result, key=lambda silent: silent.address))


def acknowledge(history: ZoneHistory, seen: Observation, addresses: frozenset[str], *, urgent: bool) -> ZoneHistory:
    """Return the history in which these servers count no longer, as far as that may be said of them.

    Only where the same server was silent for a day (in an emergency: in one sweep), and an address of every other name
    on its side answers.
    """
    known = {silent.address: silent for silent in history.silent}
    for address in addresses & unanswered(seen):
        silent = known.get(address, Silent(address=address, since=seen.at))
        long = urgent or seen.at - silent.since >= UNREACHABLE_AFTER
        if silent.acknowledged is None and long and _others_answer(seen, address):
            known[address] = replace(silent, acknowledged=seen.at)
    silents = tuple(known[address] for address in sorted(known))
    return history if silents == history.silent else replace(history, silent=silents)


def uncounted(history: ZoneHistory, seen: Observation) -> frozenset[str]:
    """Return the silent addresses without which sweeps count."""
    return frozenset(s.address for s in history.silent if s.acknowledged is not None) & unanswered(seen)


def is_blind(history: ZoneHistory) -> bool:
    """Tell whether margins must stand for a server that was acknowledged."""
    return any(silent.acknowledged is not None for silent in history.silent)


def unanswered(seen: Observation) -> frozenset[str]:
    """Return the addresses that gave no usable answer in this sweep."""
    return frozenset(view.address for view in (*seen.parent, *seen.child) if isinstance(view, Unreachable))


def _others_answer(seen: Observation, address: str) -> bool:
    """Tell whether an address of every other name answers, on each side on which this one is a server."""
    for side, views in (("parent", seen.parent), ("child", seen.child)):
        if all(view.address != address for view in views):
            continue
        answering = {view.address for view in views if not isinstance(view, Unreachable)}
        others = [host for host in seen.hosts if host.side == side and address not in (host.name, *host.addresses)]
        named = any(host.side == side for host in seen.hosts)
        if not answering or not named or not all(answering & set(host.addresses) for host in others):
            return False
    return True


def _longest(history: ZoneHistory) -> Seconds:
    return max((v.ttl_star for v in (*history.ds, *history.dnskey, *history.zonedata)), default=0)


def may_be_acknowledged_from(history: ZoneHistory, address: str) -> Instant | None:
    """Return from when a silent server can be acknowledged; None if it is not known to be silent."""
    return next((s.since + UNREACHABLE_AFTER for s in history.silent if s.address == address), None)
