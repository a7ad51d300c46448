"""What becomes of each DS and each key-signing key: kept, added or removed, now or later, and who shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dnsplan.model.action import SetDs, SetKeys
from dnsplan.model.plan import NeedsHuman, Step, ZonePlan
from dnsplan.model.records import Dnskey
from dnsplan.views.evidence import Kind, seen_on

Fate = Literal["keep", "add", "remove", "wait"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One record of the difference; `fate` `wait`: asked for, and not on every server yet."""

    fate: Fate
    kind: Kind
    text: str
    note: str
    """When, and on how many servers it was seen."""


def lines_of(zone: ZonePlan) -> tuple[Line, ...]:
    """Return the difference between what is served and what is wanted, DS first."""
    return (*_ds(zone), *_keys(zone))


def _ds(zone: ZonePlan) -> Iterator[Line]:
    known = bool(zone.desired_ds) or zone.recipe == "insecure" or not zone.recipe
    yield from _lines(
        zone, "DS", {str(ds): str(ds) for ds in (*zone.observed_ds, *zone.desired_ds)},
        wanted={str(ds) for ds in zone.desired_ds} if known and zone.recipe else None,
        asked_for={str(ds) for ds in zone.observed_ds}, target=_target(zone, SetDs),
    )  # fmt: skip


def _keys(zone: ZonePlan) -> Iterator[Line]:
    if not zone.recipe:
        return
    keys = [key for key in (*zone.observed_keys, *zone.desired_keys) if key.is_sep]
    wanted = {str(key) for key in zone.desired_keys if key.is_sep}
    yield from _lines(
        zone, "DNSKEY", {str(key): _named(key) for key in keys}, wanted=wanted or None,
        asked_for={str(key) for key in zone.observed_keys}, target=_target(zone, SetKeys),
    )  # fmt: skip


def _lines(
    zone: ZonePlan,
    kind: Kind,
    texts: dict[str, str],
    *,
    wanted: set[str] | None,
    asked_for: set[str],
    target: set[str] | None,
) -> Iterator[Line]:
    """Yield a line for each record; `wanted` None: what is there stays, as far as is known now."""
    evidence = [one for one in zone.shown if one.kind == kind]
    served = {one.record for one in evidence if one.record} if evidence else asked_for
    for record, text in sorted(texts.items()):
        if record not in served and record in asked_for:
            fate: Fate = "wait"
        elif record not in served:
            fate = "add"
        else:
            fate = "keep" if wanted is None or record in wanted else "remove"
        now = target is not None and (record in target) == (fate == "add")
        moment = {"add": "now" if now else "later", "remove": "now" if now else "later", "wait": "asked for"}.get(fate)
        seen = seen_on(zone.shown, kind, record) if fate != "add" else ""
        yield Line(fate=fate, kind=kind, text=text, note=", ".join(filter(None, (moment, seen))))


def _target(zone: ZonePlan, kind: type[SetDs | SetKeys]) -> set[str] | None:
    """Return what the step that is ready would have served; None without such a step."""
    for move in zone.moves:
        step = move.step if isinstance(move, NeedsHuman) else move
        if isinstance(step, Step) and isinstance(step.action, kind):
            return {str(record) for record in _records_of(step.action)}
    return None


def _records_of(action: SetDs | SetKeys) -> tuple[object, ...]:
    return action.ds if isinstance(action, SetDs) else action.published


def _named(key: Dnskey) -> str:
    return f"{key.key_tag} (flags {key.flags}, algorithm {key.algorithm})"
