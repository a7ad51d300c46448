"""Look at zones and decide: observation, history, capabilities and the signer's keys to a plan for each zone.

`plan` and `apply` share it. One zone's trouble never touches another's.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from dnsplan.engine import absorb, acknowledge, plan_zone
from dnsplan.engine.moving import meet, moves, settled
from dnsplan.engine.spans import known_keys
from dnsplan.errors import AdapterError, DsplanError, UnmergedError
from dnsplan.model.history import ZoneHistory
from dnsplan.model.observation import Observation
from dnsplan.model.plan import Blocked, Capabilities, Finding, Serving, SignerKey, Situation, ZonePlan
from dnsplan.model.portfolio import Accepts, Portfolio, ZoneIntent, ZoneName
from dnsplan.model.records import Dnskey
from dnsplan.model.time import Instant, Seconds
from dnsplan.ports import Clock, Dns, Ledger, Parent, SharingSigner, Sight, Signer


@dataclass(frozen=True, kw_only=True, slots=True)
class Ports:
    """Everything outside; ways in are connected by the name that the portfolio gives them."""

    clock: Clock
    dns: Dns
    ledger: Ledger | None
    """None outside Git: there is no history then."""
    parent: Callable[[str], Parent]
    signer: Callable[[str], Signer]
    digest: Callable[[ZoneName], str]
    """The zone's effective configuration as a digest."""
    merged: Callable[[ZoneName, bool], Instant | None] = lambda zone, by_token: None  # noqa: ARG005  # nobody tells
    """When the merge was that brought a zone's token, or else what its files ask for; None where nothing tells."""
    silenced: frozenset[str] = frozenset()
    """Addresses for which `silent_server` is lifted in this run."""
    unknown_is_fine: bool = False
    """`unknown_blocks_destructive` is lifted: in an emergency a silent server is acknowledged at once."""
    foresee: bool = True
    """False: no timelines, where nobody reads them."""
    breaks_chain: frozenset[ZoneName] = frozenset()
    """Zones for which a person has lifted the guard `break_chain`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One zone, seen and decided; `before` is the history as the ledger has it."""

    zone: ZoneName
    situation: Situation
    before: ZoneHistory | None
    plan: ZonePlan
    retry_after: Seconds | None = None
    """After how long a way in that could not be asked may answer; None if it was, or time alone does not help."""


def look(
    portfolio: Portfolio,
    zones: Sequence[ZoneName],
    ports: Ports,
    *,
    observations: Mapping[ZoneName, Observation] | None = None,
) -> tuple[Look, ...]:
    """Return a look at each zone; `observations` stand for the DNS when they are given."""
    histories = ports.ledger.read(zones) if ports.ledger is not None else {}
    intents = {zone: settled(portfolio.zones[zone], histories.get(zone) or ZoneHistory(zone=zone)) for zone in zones}
    servings = {zone: _serving(intents[zone], histories.get(zone), ports) for zone in zones}
    sights = [_sight(intents[zone], histories.get(zone), servings[zone]) for zone in zones]
    seen = observations if observations is not None else {o.zone: o for o in ports.dns.observe(sights)}
    now = ports.clock.now()
    result = []
    for zone in zones:
        observation = seen.get(zone) or _unseen(zone, now)
        result.append(_one(portfolio, intents[zone], ports, histories.get(zone), observation, servings[zone]))
    return tuple(result)


def _serving(intent: ZoneIntent, history: ZoneHistory | None, ports: Ports) -> Serving | DsplanError | None:
    """Return where the signer serves to which a zone moves, or why it does not say; None for a zone that stays."""
    if history is not None and history.beside is not None:
        return Serving(names=history.beside.names, glue=history.beside.glue)
    if intent.migrate_to is None or not moves(intent, history or ZoneHistory(zone=intent.zone)):
        return None
    try:
        signer = ports.signer(intent.migrate_to)
        return signer.serving(intent.zone) if isinstance(signer, SharingSigner) else _not_serving(intent.migrate_to)
    except DsplanError as error:
        return error
    except Exception as error:  # noqa: BLE001  # a fault in one adapter
        return AdapterError(f"the adapter of signer {intent.migrate_to} broke: {type(error).__name__}")


def _not_serving(signer: str) -> DsplanError:
    return AdapterError(
        f"signer {signer} cannot say where it serves the zone",
        hint="move to a signer that has an interface; or go insecure first, move, and sign anew",
    )


def _sight(intent: ZoneIntent, history: ZoneHistory | None, serving: Serving | DsplanError | None) -> Sight:
    beside = serving if isinstance(serving, Serving) else None
    pinned = frozenset(intent.keys) if isinstance(intent.keys, tuple) else frozenset[Dnskey]()
    if history is None:
        return Sight(zone=intent.zone, keys=pinned, beside=beside)
    return Sight(
        zone=intent.zone,
        extra_child=frozenset(server.address for server in history.departed if server.side == "child")
        | (history.beside.home_servers if history.beside is not None else frozenset()),
        extra_parent=frozenset(server.address for server in history.departed if server.side == "parent"),
        keys=known_keys(history) | pinned,
        beside=beside,
    )


def _unseen(zone: ZoneName, now: int) -> Observation:
    return Observation(zone=zone, at=now, parent_zone=None, parent=(), child=(), problem="it was not observed")


def _one(
    portfolio: Portfolio,
    intent: ZoneIntent,
    ports: Ports,
    before: ZoneHistory | None,
    seen: Observation,
    serving: Serving | DsplanError | None,
) -> Look:
    policy = portfolio.policy_of(intent)
    history = before or ZoneHistory(zone=intent.zone)
    history = meet(history, intent, serving if isinstance(serving, Serving) else None)
    situation = Situation(
        intent=intent,
        policy=policy,
        capabilities=Capabilities(update="none"),
        history=history,
        seen=seen,
        now=ports.clock.now(),
        spread=portfolio.guards.spread_first_lifetimes,
        breaks_chain=intent.zone in ports.breaks_chain,
    )
    try:
        return _decided(portfolio, ports, situation, before, serving if isinstance(serving, DsplanError) else None)
    except Exception as error:  # noqa: BLE001  # a fault in the code for one zone: the others go on
        plan = _blocked(_bare(situation), _internal(error))
        return Look(zone=intent.zone, situation=situation, before=before, plan=plan)


def _decided(
    portfolio: Portfolio, ports: Ports, situation: Situation, before: ZoneHistory | None, trouble: DsplanError | None
) -> Look:
    intent, again = situation.intent, None
    try:
        if trouble is not None:
            raise trouble
        capabilities = capabilities_of(portfolio, intent, ports)
        known = _acknowledged(situation, ports)
        absorbed = absorb(known, situation.seen, policy=situation.policy, capabilities=capabilities)
        situation = replace(situation, capabilities=capabilities, history=absorbed)
        if absorbed.beside is not None:
            there = ports.signer(absorbed.beside.signer).capabilities(intent.zone)
            situation = replace(situation, beside=_of_both(capabilities, there))
        situation, plan = decide(situation, ports)
    except DsplanError as error:
        plan, again = _blocked(plan_zone(situation), _unusable(error)), retry_after(error)
    return Look(zone=intent.zone, situation=situation, before=before, plan=plan, retry_after=again)


def _acknowledged(situation: Situation, ports: Ports) -> ZoneHistory:
    """Return the history in which the silent servers of lifted guards count no longer."""
    history, seen = situation.history, situation.seen
    history = acknowledge(history, seen, ports.silenced, urgent=False)
    if ports.unknown_is_fine and situation.intent.compromised:
        every = frozenset(view.address for view in (*seen.parent, *seen.child))
        history = acknowledge(history, seen, every, urgent=True)
    return history


def decide(situation: Situation, ports: Ports) -> tuple[Situation, ZonePlan]:
    """Return the plan; the signer's keys are read only where there is something to do. DsplanError if it fails."""
    intent = situation.intent
    if situation.held is not None:
        situation = replace(situation, held=None)
    names = intent.signers or ((intent.signer,) if intent.signer is not None else ())
    if situation.history.rollover is None or not names or intent.dnssec == "hold":
        plan = plan_zone(situation, foresee=ports.foresee)
        if not names or intent.dnssec == "hold" or not (plan.recipe or _asks_for_keys(situation, plan)):
            return situation, plan
    lists = [_held(ports, name, intent.zone) for name in names]
    held = None if None in lists else tuple(key for keys in lists for key in keys or ())
    situation = replace(situation, held=held)
    return situation, plan_zone(situation, foresee=ports.foresee)


def _asks_for_keys(situation: Situation, plan: ZonePlan) -> bool:
    """Tell whether a zone at rest needs the signer's list: for the age of its keys, or a DS that may be of one."""
    intent = situation.intent
    unknown_age = intent.dnssec == "signed" and not intent.signers and not situation.history.held
    telling = {"CHAIN_DANGLING_DS", "SIG_EXPIRES_SOON"}  # signatures that are not renewed may be those of a lost key
    return unknown_age or any(finding.code in telling for finding in plan.findings)


def _held(ports: Ports, name: str, zone: ZoneName) -> tuple[SignerKey, ...] | None:
    signer = ports.signer(name)
    try:
        return signer.read(zone)
    except DsplanError:
        raise
    except Exception as error:  # noqa: BLE001  # a fault in one adapter
        raise AdapterError(f"the adapter of signer {name} broke: {type(error).__name__}") from None


def capabilities_of(portfolio: Portfolio, intent: ZoneIntent, ports: Ports) -> Capabilities:
    """Return what both ways in of a zone can do together; a zone that is only observed has none."""
    if intent.dnssec == "hold" or intent.parent is None:
        return Capabilities(update="none")
    parent = ports.parent(intent.parent).capabilities(intent.zone, accepts_of(portfolio, intent.zone))
    if intent.signer is None:
        return replace(parent, signer_manual=True)
    return _of_both(parent, ports.signer(intent.signer).capabilities(intent.zone))


def _of_both(parent: Capabilities, signer: Capabilities) -> Capabilities:
    return replace(
        parent,
        signer_manual=signer.signer_manual,
        can_create_keys=signer.can_create_keys,
        imports_keys=signer.imports_keys,
        signer_ns=signer.signer_ns,
        divides_by_sep=signer.divides_by_sep,
        resign=signer.resign,
        dnskey_ttl=signer.dnskey_ttl,
        sets_nsec3=signer.sets_nsec3,
        contact=parent.contact or signer.contact,
    )


def accepts_of(portfolio: Portfolio, zone: ZoneName) -> Accepts:
    """Return what is known of the zone's suffix, the longest first."""
    labels = zone.split(".")
    for start in range(1, len(labels)):
        suffix = ".".join(labels[start:])
        if suffix in portfolio.accepts:
            return portfolio.accepts[suffix]
    return Accepts()


def retry_after(error: DsplanError) -> Seconds | None:
    """Return after how long the same may succeed; None if time alone does not help."""
    if isinstance(error, AdapterError) and error.retryable:
        return error.retry_after or 0
    return None


def _unusable(error: DsplanError) -> Finding:
    if isinstance(error, UnmergedError):
        summary = "A way in of this zone is not contacted before the change of its entry is merged"
        return Finding(code="ENDPOINT_CHANGED", severity="warning", summary=summary, detail=str(error))
    return Finding(
        code="WAY_IN_UNUSABLE",
        severity="error",
        summary="A way in of this zone cannot be used",
        detail=str(error),
        action=error.hint,
    )


def _internal(error: Exception) -> Finding:
    """Return a finding about a fault of ours; what the exception says may hold a secret and is left out."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return Finding(
        code="INTERNAL",
        severity="critical",
        summary="dsplan has a fault that keeps it from judging this zone",
        detail=f"{type(error).__name__} at {PurePath(frame.filename).name}:{frame.lineno}",
        action="report it; nothing was asked of any way in for this zone",
    )


def _bare(situation: Situation) -> ZonePlan:
    """Return a plan that says nothing, made without the engine."""
    intent = situation.intent
    return ZonePlan(
        zone=intent.zone,
        parent=situation.seen.parent_zone or "",
        policy=situation.policy.name,
        source=intent.source,
        recipe="",
        why="",
        headline="BLOCKED",
        moves=(),
        timeline=(),
        findings=(),
        observed_ds=(),
        observed_keys=(),
        desired_ds=(),
        desired_keys=(),
        history=situation.history,
    )


def _blocked(plan: ZonePlan, finding: Finding) -> ZonePlan:
    blocked = Blocked(findings=(finding,), guard="")
    return replace(plan, headline="BLOCKED", moves=(blocked,), findings=(*plan.findings, finding))
