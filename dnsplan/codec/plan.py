"""The plan document (`format: dsplan.plan`): what `plan -o` writes, `show` renders and `apply` checks.

Its id is the hash of everything else in it, so that a changed plan is never carried out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dnsplan import __version__
from dnsplan.codec.canonical import Json, canonical, parse, sha256_of
from dnsplan.codec.values import from_json, to_json
from dnsplan.errors import ConfigError
from dnsplan.model.action import SetCds, SetDs
from dnsplan.model.plan import Done, NeedsHuman, Plan, Step, ZonePlan
from dnsplan.model.time import format_instant

FORMAT, VERSION = "dsplan.plan", "1.0"


def dump_plan(plan: Plan) -> str:
    """Return the canonical document of a plan, its id included."""
    document = plan_document(plan)
    return canonical({**document, "plan_id": sha256_of(document)}) + "\n"


def with_plan_id(plan: Plan) -> Plan:
    """Return the plan with the id that its document has."""
    return replace(plan, plan_id=sha256_of(plan_document(plan)))


def plan_document(plan: Plan) -> dict[str, Json]:
    """Return the document without its id."""
    return {
        "format": FORMAT,
        "format_version": VERSION,
        "tool_version": __version__,
        "created": format_instant(plan.created),
        "expires": format_instant(plan.expires),
        "repo": {"commit": plan.commit, "dirty": plan.dirty, "config_digest": plan.config_digest},
        "selector": [list(pair) for pair in plan.selector],
        "partial": plan.partial,
        "observed": {"at": format_instant(plan.observed_at), "incomplete": list(plan.incomplete)},
        "summary": dict(summary(plan)),
        "unmanaged": list(plan.unmanaged),
        "zones": [_zone(zone) for zone in plan.zones],
        **({"base": plan.base, "endpoints_changed": list(plan.endpoints_changed)} if plan.base else {}),
    }


def summary(plan: Plan) -> dict[str, int]:
    """Return how many zones of each kind, and how many DS would go in and out now."""
    counts = dict.fromkeys(("zones", "unchanged", "changes", "waiting", "manual", "blocked", "ds_add", "ds_remove"), 0)
    counts["zones"] = len(plan.zones)
    for zone in plan.zones:
        changed = bool(zone.timeline) or any(not isinstance(move, Done) for move in zone.moves)
        counts["changes" if changed else "unchanged"] += 1
        word = {"WAITING": "waiting", "MANUAL": "manual", "BLOCKED": "blocked"}.get(zone.headline)
        if word:
            counts[word] += 1
        added, removed = ds_changes(zone)
        counts["ds_add"] += added
        counts["ds_remove"] += removed
    return counts


def ds_changes(zone: ZonePlan) -> tuple[int, int]:
    """Return how many DS the zone's ready moves add and remove."""
    added = removed = 0
    for move in zone.moves:
        step = move.step if isinstance(move, NeedsHuman) else move
        if isinstance(step, Step) and isinstance(step.action, SetDs | SetCds):
            target = set(step.action.ds if isinstance(step.action, SetDs) else step.action.cds)
            added += len(target - set(zone.observed_ds))
            removed += len(set(zone.observed_ds) - target)
    return added, removed


def _zone(zone: ZonePlan) -> Json:
    move: Json = to_json(zone.moves[0], tagged=True) if zone.moves else None
    head: dict[str, Json] = {"zone": zone.zone, "headline": zone.headline, "fingerprint": zone.fingerprint}
    if not zone.timeline and not zone.findings and all(isinstance(m, Done) for m in zone.moves):
        return {**head, "policy": zone.policy, "digest": sha256_of([zone.zone, zone.fingerprint])}
    steps = [m.step if isinstance(m, NeedsHuman) else m for m in zone.moves]
    proofs = [to_json(step.proof) for step in steps if isinstance(step, Step)]
    return {
        **head,
        "parent": zone.parent,
        "policy": zone.policy,
        "recipe": zone.recipe,
        "why": zone.why,
        "source": {"file": zone.source.file, "line": zone.source.line},
        "move": move,
        "moves": [to_json(m, tagged=True) for m in zone.moves],
        "timeline": [to_json(step) for step in zone.timeline],
        "observed": {
            "ds": [str(ds) for ds in zone.observed_ds],
            "dnskey": [str(key) for key in zone.observed_keys],
            "shown": [to_json(one) for one in zone.shown],
        },
        "desired": {"ds": [str(ds) for ds in zone.desired_ds], "dnskey": [str(key) for key in zone.desired_keys]},
        "findings": [to_json(finding) for finding in zone.findings],
        "proof": proofs[0] if proofs else None,
    }


def read_document(text: str) -> dict[str, Any]:
    """Return a plan document whose format this version understands; ConfigError otherwise."""
    document = parse(text, "the plan")
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ConfigError("this file is not a dsplan plan", hint="make one with: dsplan plan -o plan.json")
    version = document.get("format_version")
    if not isinstance(version, str) or version.split(".")[0] != VERSION.split(".", maxsplit=1)[0]:
        raise ConfigError(f"the plan has format version {version!r}; this dsplan reads {VERSION}")
    return document


def plan_id_matches(document: dict[str, Any]) -> bool:
    """Tell whether the document is the one that its id was made for."""
    rest = {key: value for key, value in document.items() if key != "plan_id"}
    return bool(document.get("plan_id") == sha256_of(rest))


def load_plan(text: str) -> Plan:
    """Return the plan of a document; the histories of its zones are not in it. ConfigError where it does not fit."""
    document = read_document(text)
    if not plan_id_matches(document):
        raise ConfigError(
            "the plan was changed after it was made: its plan_id does not match",
            hint="make it anew with: dsplan plan -o plan.json",
        )
    repo, observed = _part(document, "repo"), _part(document, "observed")
    zones = document.get("zones")
    whole: dict[str, Any] = {
        **document,
        **{name: repo[name] for name in ("commit", "dirty", "config_digest") if name in repo},
        "observed_at": observed.get("at"),
        "incomplete": observed.get("incomplete"),
        "zones": [_whole_zone(zone) for zone in zones] if isinstance(zones, list) else zones,
    }
    plan: Plan = from_json(Plan, whole, "plan")
    return plan


def _whole_zone(data: Any) -> Any:
    """Return a zone's entry in the shape of a `ZonePlan`; what a collapsed one leaves out is what it stands for."""
    if not isinstance(data, dict):
        return data
    observed, desired = _part(data, "observed"), _part(data, "desired")
    return {
        "recipe": "",
        "why": "",
        "parent": "",
        "source": {"file": "", "line": 0},
        "moves": [{"kind": "Done"}],
        "timeline": [],
        "findings": [],
        **data,
        "history": {"zone": data.get("zone")},
        "observed_ds": observed.get("ds", []),
        "observed_keys": observed.get("dnskey", []),
        "shown": observed.get("shown", []),
        "desired_ds": desired.get("ds", []),
        "desired_keys": desired.get("dnskey", []),
    }


def _part(data: dict[str, Any], name: str) -> dict[str, Any]:
    part = data.get(name, {})
    return part if isinstance(part, dict) else {}
