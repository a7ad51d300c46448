"""Look at zones and decide: observation, history, capabilities and the signer's keys to a plan for each zone.

`plan` and `apply` share it. One zone's trouble never touches another's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from dnsplan.engine import absorb, plan_zone
from dnsplan.errors import DsplanError
from dnsplan.model.history import ZoneHistory
from dnsplan.model.observation import Observation
from dnsplan.model.plan import Blocked, Capabilities, Finding, SignerKey, Situation, ZonePlan
from dnsplan.model.portfolio import Accepts, Portfolio, ZoneIntent, ZoneName
from dnsplan.ports import Clock, Dns, Ledger, Parent, Sight, Signer


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One zone, seen and decided; `before` is the history as the ledger has it."""

    zone: ZoneName
    situation: Situation
    before: ZoneHistory | None
    plan: ZonePlan


def look(
    portfolio: Portfolio,
    zones: Sequence[ZoneName],
    ports: Ports,
    *,
    observations: Mapping[ZoneName, Observation] | None = None,
    allowed: frozenset[str] = frozenset(),
) -> tuple[Look, ...]:
    """Return a look at each zone; `observations` stand for the DNS when they are given."""
    histories = ports.ledger.read(zones) if ports.ledger is not None else {}
    sights = [_sight(zone, histories.get(zone)) for zone in zones]
    seen = observations if observations is not None else {o.zone: o for o in ports.dns.observe(sights)}
    now = ports.clock.now()
    result = []
    for zone in zones:
        observation = seen.get(zone) or _unseen(zone, now)
        result.append(_one(portfolio, portfolio.zones[zone], ports, histories.get(zone), observation, allowed))
    return tuple(result)


def _sight(zone: ZoneName, history: ZoneHistory | None) -> Sight:
    departed = history.departed if history is not None else ()
    return Sight(
        zone=zone,
        extra_child=frozenset(server.address for server in departed if server.side == "child"),
        extra_parent=frozenset(server.address for server in departed if server.side == "parent"),
    )


def _unseen(zone: ZoneName, now: int) -> Observation:
    return Observation(zone=zone, at=now, parent_zone=None, parent=(), child=(), problem="it was not observed")


def _one(
    portfolio: Portfolio,
    intent: ZoneIntent,
    ports: Ports,
    before: ZoneHistory | None,
    seen: Observation,
    allowed: frozenset[str],
) -> Look:
    policy = portfolio.policy_of(intent)
    history = before or ZoneHistory(zone=intent.zone)
    situation = Situation(
        intent=intent,
        policy=policy,
        capabilities=Capabilities(update="none"),
        history=history,
        seen=seen,
        now=ports.clock.now(),
        allowed=allowed,
    )
    try:
        capabilities = capabilities_of(portfolio, intent, ports)
        absorbed = absorb(history, seen, policy=policy, capabilities=capabilities)
        situation = replace(situation, capabilities=capabilities, history=absorbed)
        situation, plan = decide(situation, ports)
    except DsplanError as error:
        plan = _blocked(plan_zone(situation), error)
    return Look(zone=intent.zone, situation=situation, before=before, plan=plan)


def decide(situation: Situation, ports: Ports) -> tuple[Situation, ZonePlan]:
    """Return the plan; the signer's keys are read only where there is something to do. DsplanError if it fails."""
    plan = plan_zone(replace(situation, held=None))
    intent = situation.intent
    if not plan.recipe or intent.signer is None or intent.dnssec == "hold":
        return replace(situation, held=None), plan
    situation = replace(situation, held=_held(ports.signer(intent.signer), intent.zone))
    return situation, plan_zone(situation)


def _held(signer: Signer, zone: ZoneName) -> tuple[SignerKey, ...] | None:
    return signer.read(zone)


def capabilities_of(portfolio: Portfolio, intent: ZoneIntent, ports: Ports) -> Capabilities:
    """Return what both ways in of a zone can do together; a zone that is only observed has none."""
    if intent.dnssec == "hold" or intent.parent is None:
        return Capabilities(update="none")
    parent = ports.parent(intent.parent).capabilities(intent.zone, accepts_of(portfolio, intent.zone))
    if intent.signer is None:
        return replace(parent, signer_manual=True)
    signer = ports.signer(intent.signer).capabilities(intent.zone)
    return replace(
        parent,
        signer_manual=signer.signer_manual,
        can_create_keys=signer.can_create_keys,
        resign=signer.resign,
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


def _blocked(plan: ZonePlan, error: DsplanError) -> ZonePlan:
    finding = Finding(
        code="WAY_IN_UNUSABLE",
        severity="error",
        summary="A way in of this zone cannot be used",
        detail=str(error),
        action=error.hint,
    )
    blocked = Blocked(findings=(finding,), guard="")
    return replace(plan, headline="BLOCKED", moves=(blocked,), findings=(*plan.findings, finding))
