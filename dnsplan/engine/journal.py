"""Intents and outcomes: what was about to be asked of a provider, and what it said.

An intent is written before the call and makes its target a version from that moment on; an outcome never says that the
DNS has changed, only observation does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, assert_never

from dnsplan.engine.timed import with_ttl
from dnsplan.model.action import (
    AnyAction,
    CreateKey,
    DeleteKey,
    ImportKeys,
    SetCds,
    SetDs,
    SetKeys,
    SetNs,
    SetNsec3,
    SetTtl,
)
from dnsplan.model.history import (
    Beside,
    Content,
    DnskeyContent,
    DsContent,
    HeldKey,
    Intent,
    NsContent,
    RRsetVersion,
    ZoneContent,
    ZoneHistory,
)
from dnsplan.model.plan import Receipt, Step
from dnsplan.model.records import Dnskey
from dnsplan.model.time import Instant

_OUTCOMES: dict[str, Literal["performed", "pending", "refused", "manual"]] = {
    "accepted": "performed",
    "pending": "pending",
    "refused": "refused",
    "manual": "manual",
}


def targets(action: AnyAction) -> tuple[DsContent | None, DnskeyContent | None, ZoneContent | None]:
    """Return what an action makes of the DS, DNSKEY and ZONE versions; None where it leaves one as it is."""
    match action:
        case SetDs(ds=ds) | SetCds(cds=ds):
            return DsContent(ds=tuple(sorted(d for d in ds if d.algorithm))), None, None
        case (
            SetKeys(published=keys, sign_keys=sign_keys, sign_zone=sign_zone)
            | ImportKeys(published=keys, sign_keys=sign_keys, sign_zone=sign_zone)
        ):
            dnskey = DnskeyContent(keys=tuple(sorted(keys)), signers=sign_keys)
            return None, dnskey, ZoneContent(signers=sign_zone)
        case CreateKey() | DeleteKey() | SetTtl() | SetNsec3() | SetNs():
            return None, None, None
        case _:
            assert_never(action)


def record_intent(
    history: ZoneHistory, step: Step, *, intent_id: str, step_json: str, now: Instant, parent: str = ""
) -> ZoneHistory:
    """Return the history with a side effect about to happen; repeating an intent replaces it.

    `parent` is the way in to the parent, to which the time that a DS takes is put down.
    """
    role = step.action.role if isinstance(step.action, CreateKey) else None
    target = parameters(step.action) if isinstance(step.action, SetNsec3) else ""
    intent = Intent(
        id=intent_id, step=step_json, rrset=step.rrset, at=now, role=role, target=target, signer=step.signer
    )
    others = tuple(known for known in history.intents if (known.rrset, known.signer) != (intent.rrset, intent.signer))
    history = replace(history, intents=(*others, intent))
    beside = history.beside
    if beside is not None and isinstance(step.action, SetNs):
        return replace(history, beside=_with_names(beside, step.signer, step.action, now))
    if isinstance(step.action, SetTtl):
        history = _with_ttl(history, step.action, now)
    ds, dnskey, zone = targets(step.action)
    if beside is not None and step.signer == beside.signer:
        keys, data = _with_target(beside.dnskey, dnskey, now), _with_target(beside.zonedata, zone, now)
        return replace(history, beside=replace(beside, dnskey=keys, zonedata=data))
    return replace(
        history,
        ds=_with_target(history.ds, ds, now, parent),
        dnskey=_with_target(history.dnskey, dnskey, now),
        zonedata=_with_target(history.zonedata, zone, now),
    )


def parameters(action: SetNsec3) -> str:
    """Return the parameters of NSEC3 as an NSEC3PARAM writes them: iterations and salt."""
    return f"{action.iterations} {action.salt or '-'}"


def _with_names(beside: Beside, signer: str, action: SetNs, now: Instant) -> Beside:
    content = NsContent(names=frozenset(action.names))
    if not signer:
        return replace(beside, ns_parent=_with_target(beside.ns_parent, content, now))
    if signer == beside.signer:
        return replace(beside, ns_there=_with_target(beside.ns_there, content, now))
    return replace(beside, ns_home=_with_target(beside.ns_home, content, now))


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


def _with_target(
    versions: tuple[RRsetVersion, ...], content: Content | None, now: Instant, asked_of: str | None = None
) -> tuple[RRsetVersion, ...]:
    if content is None or not versions or versions[-1].content == content:
        return versions
    if not versions[-1].seen:  # a target that never showed gives way, but may still come: it stays before the new one
        asked_of = None if versions[-2:][0].content == content else asked_of  # what is served takes the parent no time
        versions = (*versions[:-1], replace(versions[-1], seen=True))
    target = RRsetVersion(content=content, first=now, everywhere=None, ttl_star=0, seen=False, asked_of=asked_of)
    return (*versions, target)


def _with_ttl(history: ZoneHistory, action: SetTtl, now: Instant) -> ZoneHistory:
    if action.rrset == "DS":
        return replace(history, ds=with_ttl(history.ds, action.ttl, now))
    return replace(history, dnskey=with_ttl(history.dnskey, action.ttl, now))


def _known(versions: tuple[RRsetVersion, ...]) -> tuple[RRsetVersion, ...]:
    return versions[:-1] if versions and not versions[-1].seen else versions


def _names_known(beside: Beside, signer: str) -> Beside:
    if not signer:
        return replace(beside, ns_parent=_known(beside.ns_parent))
    if signer == beside.signer:
        return replace(beside, ns_there=_known(beside.ns_there))
    return replace(beside, ns_home=_known(beside.ns_home))


def _without_unseen(history: ZoneHistory, intent: Intent) -> ZoneHistory:
    if intent.rrset in {"DS", "DS-TTL"}:
        return replace(history, ds=_known(history.ds))
    if intent.rrset == "DENIAL":
        return history
    beside = history.beside
    if beside is not None and intent.rrset == "NS":
        return replace(history, beside=_names_known(beside, intent.signer))
    if beside is not None and intent.signer == beside.signer:
        beside = replace(beside, dnskey=_known(beside.dnskey), zonedata=_known(beside.zonedata))
        return replace(history, beside=beside)
    return replace(history, dnskey=_known(history.dnskey), zonedata=_known(history.zonedata))


def _with_key(history: ZoneHistory, intent: Intent, key: Dnskey, now: Instant) -> ZoneHistory:
    rollover = history.rollover
    if rollover is None or intent.role is None or any(held.key == key for held in history.held):
        return history
    held = HeldKey(key=key, role=intent.role, created=now, rollover=rollover.id)
    return replace(history, held=(*history.held, held), rollover=replace(rollover, final=(*rollover.final, key.id)))
