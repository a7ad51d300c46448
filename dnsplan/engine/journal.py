"""Intents and outcomes: what was about to be asked of a provider, and what it said.

An intent is written before the call and makes its target a version from that moment on; an outcome never says that the
DNS has changed, only observation does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, assert_never

from dnsplan.engine.timed import with_ttl
from dnsplan.model.history import (
    Content,
    DnskeyContent,
    DsContent,
    HeldKey,
    Intent,
    RRsetVersion,
    ZoneContent,
    ZoneHistory,
)
from dnsplan.model.plan import (
    Action,
    CreateKey,
    DeleteKey,
    Receipt,
    SetCds,
    SetDs,
    SetKeys,
    SetNsec3,
    SetTtl,
    Step,
)
from dnsplan.model.records import Dnskey
from dnsplan.model.time import Instant

_OUTCOMES: dict[str, Literal["performed", "pending", "refused", "manual"]] = {
    "accepted": "performed",
    "pending": "pending",
    "refused": "refused",
    "manual": "manual",
}


def targets(action: Action) -> tuple[DsContent | None, DnskeyContent | None, ZoneContent | None]:
    """Return what an action makes of the DS, DNSKEY and ZONE versions; None where it leaves one as it is."""
    match action:
        case SetDs(ds=ds) | SetCds(cds=ds):
            return DsContent(ds=tuple(sorted(d for d in ds if d.algorithm))), None, None
        case SetKeys(published=keys, sign_keys=sign_keys, sign_zone=sign_zone):
            dnskey = DnskeyContent(keys=tuple(sorted(keys)), signers=sign_keys)
            return None, dnskey, ZoneContent(signers=sign_zone)
        case CreateKey() | DeleteKey() | SetTtl() | SetNsec3():
            return None, None, None
        case _:
            assert_never(action)


def record_intent(history: ZoneHistory, step: Step, *, intent_id: str, step_json: str, now: Instant) -> ZoneHistory:
    """Return the history with a side effect about to happen; repeating an intent replaces it."""
    ds, dnskey, zone = targets(step.action)
    role = step.action.role if isinstance(step.action, CreateKey) else None
    target = parameters(step.action) if isinstance(step.action, SetNsec3) else ""
    intent = Intent(id=intent_id, step=step_json, rrset=step.rrset, at=now, role=role, target=target)
    others = tuple(known for known in history.intents if known.rrset != step.rrset)
    if isinstance(step.action, SetTtl):
        history = _with_ttl(history, step.action, now)
    return replace(
        history,
        ds=_with_target(history.ds, ds, now),
        dnskey=_with_target(history.dnskey, dnskey, now),
        zonedata=_with_target(history.zonedata, zone, now),
        intents=(*others, intent),
    )


def parameters(action: SetNsec3) -> str:
    """Return the parameters of NSEC3 as an NSEC3PARAM writes them: iterations and salt."""
    return f"{action.iterations} {action.salt or '-'}"


def record_outcome(history: ZoneHistory, intent_id: str, receipt: Receipt, *, now: Instant) -> ZoneHistory:
    """Return the history with what the provider said; a refusal takes the version back that never was."""
    intent = next((known for known in history.intents if known.id == intent_id), None)
    if intent is None:
        return history
    outcome = _OUTCOMES[receipt.state]
    settled = replace(
        intent,
        outcome=outcome,
        outcome_at=now,
        operation=receipt.operation,
        reason=receipt.message,
    )
    history = replace(history, intents=tuple(settled if known.id == intent_id else known for known in history.intents))
    if outcome == "refused":
        history = _without_unseen(history, intent)
    if receipt.created is None:
        return history
    return _with_key(history, intent, receipt.created, now)


def _with_target(versions: tuple[RRsetVersion, ...], content: Content | None, now: Instant) -> tuple[RRsetVersion, ...]:
    if content is None or not versions or versions[-1].content == content:
        return versions
    if not versions[-1].seen:  # a target that never showed gives way, but may still come: it stays before the new one
        versions = (*versions[:-1], replace(versions[-1], seen=True))
    return (*versions, RRsetVersion(content=content, first=now, everywhere=None, ttl_star=0, seen=False))


def _with_ttl(history: ZoneHistory, action: SetTtl, now: Instant) -> ZoneHistory:
    if action.rrset == "DS":
        return replace(history, ds=with_ttl(history.ds, action.ttl, now))
    return replace(history, dnskey=with_ttl(history.dnskey, action.ttl, now))


def _without_unseen(history: ZoneHistory, intent: Intent) -> ZoneHistory:
    def seen(versions: tuple[RRsetVersion, ...]) -> tuple[RRsetVersion, ...]:
        return versions[:-1] if versions and not versions[-1].seen else versions

    if intent.rrset in {"DS", "DS-TTL"}:
        return replace(history, ds=seen(history.ds))
    if intent.rrset == "DENIAL":
        return history
    return replace(history, dnskey=seen(history.dnskey), zonedata=seen(history.zonedata))


def _with_key(history: ZoneHistory, intent: Intent, key: Dnskey, now: Instant) -> ZoneHistory:
    rollover = history.rollover
    if rollover is None or intent.role is None or any(held.key == key for held in history.held):
        return history
    held = HeldKey(key=key, role=intent.role, created=now, rollover=rollover.id)
    return replace(history, held=(*history.held, held), rollover=replace(rollover, final=(*rollover.final, key.id)))
