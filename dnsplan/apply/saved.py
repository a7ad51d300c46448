"""Whether a saved plan still describes what would be done: the same step, one that is true already, or neither.

It never makes a step ready; it only takes zones out of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dnsplan.apply.assemble import fingerprint
from dnsplan.apply.looking import Look, Ports
from dnsplan.apply.outcome import way_in_unusable
from dnsplan.engine.journal import targets
from dnsplan.model.action import AnyAction, CreateKey, DeleteKey, ImportKeys, SetNs, SetNsec3, SetTtl
from dnsplan.model.history import Content, NsContent, RRsetVersion
from dnsplan.model.observation import ChildAnswer, ParentAnswer
from dnsplan.model.plan import NeedsHuman, Plan, Step, ZonePlan
from dnsplan.model.portfolio import ZoneName
from dnsplan.model.time import Seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """Zones of a run that a saved plan does not cover: `stale` with the reason, `done` with nothing left to do."""

    stale: Mapping[ZoneName, str]
    done: frozenset[ZoneName]


def compare(looks: Mapping[ZoneName, Look], saved: Plan | None, ports: Ports) -> Compared:
    """Return which zones a saved plan does not cover; none without a plan."""
    if saved is None:
        return Compared(stale={}, done=frozenset())
    if saved.expires < ports.clock.now():
        return Compared(stale=dict.fromkeys(looks, "the plan has expired"), done=frozenset())
    before = {zone.zone: zone for zone in saved.zones}
    stale, done = dict[ZoneName, str](), set[ZoneName]()
    for zone, one in looks.items():
        if zone not in before:
            stale[zone] = "the plan does not hold this zone"
        elif before[zone].fingerprint == fingerprint(one.plan, ports.digest(zone)):
            continue
        elif _is_true_already(before[zone], one):
            done.add(zone)
        elif way_in_unusable(one.plan):
            stale[zone] = "a way in could not be asked, so nobody can tell whether the plan still holds"
        else:
            stale[zone] = "another step comes out now than when the plan was made"
    return Compared(stale=stale, done=frozenset(done))


def _is_true_already(before: ZonePlan, one: Look) -> bool:
    """Tell whether everything that was ready in the saved plan has been brought about, by whomever."""
    steps = [move.step if isinstance(move, NeedsHuman) else move for move in before.moves]
    actions = [step.action for step in steps if isinstance(step, Step)]
    actions += [step.action for step in before.timeline[:1] if step.action is not None]
    return bool(actions) and all(_holds(action, one) for action in actions)


def _holds(action: AnyAction, one: Look) -> bool:
    history, held = one.situation.history, one.situation.held
    match action:
        case CreateKey(role=role, algorithm=algorithm, existing=existing):
            known = {key.key for key in history.held if key.role == role}
            known |= {key.key for key in held or () if key.role == role}
            # exactly one: with a second new key another rollover has begun since, and the plan is about neither
            return sum(key.algorithm == algorithm and key.id not in existing for key in known) == 1
        case DeleteKey(key=key):
            return held is not None and all(listed.key != key for listed in held)
        case SetTtl() | SetNsec3():
            return _is_served(action, one)
        case ImportKeys():
            lines = (history.dnskey, *((history.beside.dnskey,) if history.beside is not None else ()))
            return any(_is_newest(versions, targets(action)[1]) for versions in lines)
        case SetNs(names=names):
            beside, wanted = history.beside, NsContent(names=frozenset(names))
            lines = () if beside is None else (beside.ns_parent, beside.ns_home, beside.ns_there)
            return all(_is_newest(versions, wanted) for versions in lines)
        case _:
            ds, dnskey, zone = targets(action)
            return (
                _is_newest(history.ds, ds) and _is_newest(history.dnskey, dnskey) and _is_newest(history.zonedata, zone)
            )


def _is_served(action: SetTtl | SetNsec3, one: Look) -> bool:
    if isinstance(action, SetTtl):
        versions = one.situation.history.ds if action.rrset == "DS" else one.situation.history.dnskey
        return (bool(versions) and versions[-1].ttl == action.ttl) or _served_ttls(one, action.rrset) == {action.ttl}
    denials = [view.denial for view in one.situation.seen.child if isinstance(view, ChildAnswer)]
    shown = {(denial.iterations, denial.salt) if denial else None for denial in denials}
    return shown == {(action.iterations, action.salt)}


def _served_ttls(one: Look, rrset: str) -> set[Seconds]:
    seen = one.situation.seen
    if rrset == "DS":
        return {view.ttl for view in seen.parent if isinstance(view, ParentAnswer)}
    return {view.key_ttl for view in seen.child if isinstance(view, ChildAnswer)}


def _is_newest(versions: tuple[RRsetVersion, ...], target: Content | None) -> bool:
    return target is None or (bool(versions) and versions[-1].content == target)
