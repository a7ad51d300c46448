"""Intents whose outcome was lost, by a crash or a call without an answer, settled by what the DNS shows.

What no server shows stays open: the engine then proposes it again, and the way in is read before it is asked.
"""

from __future__ import annotations

import json

from dnsplan.codec import canonical
from dnsplan.engine import record_outcome
from dnsplan.model.audit import StepRecord
from dnsplan.model.history import Intent, RRsetVersion, ZoneHistory
from dnsplan.model.plan import Receipt
from dnsplan.model.time import Instant

SEEN = "its outcome was lost; the servers show it"


def settle(history: ZoneHistory, *, now: Instant) -> tuple[ZoneHistory, tuple[StepRecord, ...]]:
    """Return the history with the outcomes that observation tells, and a record of each."""
    records = []
    for intent in history.intents:
        if intent.outcome is None and _is_seen(history, intent):
            receipt = Receipt(state="accepted", message=SEEN)
            history = record_outcome(history, intent.id, receipt, now=now)
            records.append(_record(history, intent, now))
    return history, tuple(records)


def _is_seen(history: ZoneHistory, intent: Intent) -> bool:
    """Tell whether servers show the target; a key that was created shows nowhere, and no version holds a denial."""
    match intent.rrset:
        case "DS" | "CDS" | "DS-TTL":
            return _newest_seen(history.ds)
        case "DNSKEY-TTL":
            return _newest_seen(history.dnskey)
        case "DNSKEY" | "ZONE":
            beside = history.beside
            if beside is not None and intent.signer == beside.signer:
                return _newest_seen(beside.dnskey) and _newest_seen(beside.zonedata)
            return _newest_seen(history.dnskey) and _newest_seen(history.zonedata)
        case "NS":
            return all(_newest_seen(versions) for versions in _ns_of(history, intent))
        case "KEY" | "DENIAL":
            return False


def _ns_of(history: ZoneHistory, intent: Intent) -> tuple[tuple[RRsetVersion, ...], ...]:
    """Return the versions of the NS RRset that an intent is about; those of a move that ended were seen."""
    beside = history.beside
    if beside is None:
        return ()
    if not intent.signer:
        return (beside.ns_parent,)
    return (beside.ns_there if intent.signer == beside.signer else beside.ns_home,)


def _newest_seen(versions: tuple[RRsetVersion, ...]) -> bool:
    return bool(versions) and versions[-1].seen


def _record(history: ZoneHistory, intent: Intent, now: Instant) -> StepRecord:
    step = json.loads(intent.step)
    return StepRecord(
        zone=history.zone,
        id=step["id"],
        op=step["op"],
        intent_at=intent.at,
        before=(),
        target=canonical(step["action"]),
        proof=canonical(step["proof"]),
        outcome="performed",
        outcome_at=now,
        reason=SEEN,
    )
