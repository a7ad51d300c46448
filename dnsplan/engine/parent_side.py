"""What a parent can be asked for: whole sets, single records, a limited number, or CDS to be scanned."""

from __future__ import annotations

from dnsplan.engine.view import Proposal, View
from dnsplan.model.action import Action, SetCds, SetDs
from dnsplan.model.plan import Blocked, Finding, Gate, Undo
from dnsplan.model.records import Ds


def fits(view: View, ds: tuple[Ds, ...]) -> bool:
    """Tell whether the parent takes so many DS (or keys, where it takes keys)."""
    limit = view.situation.capabilities.accepts.max_ds
    return limit is None or count(view, ds) <= limit


def count(view: View, ds: tuple[Ds, ...]) -> int:
    """Return how many records the parent counts: DS, or keys where it takes keys."""
    if view.situation.capabilities.accepts.form == "dnskey":
        return len({_key_of(view, d) for d in ds})
    return len(ds)


def swaps(view: View) -> bool:
    """Tell whether the parent replaces its DS RRset in one step."""
    return view.situation.capabilities.update != "one-at-a-time"


def ds_proposal(
    view: View, *, stage: str, wanted: tuple[Ds, ...], gate: Gate, undo: Undo, summary: str
) -> Proposal | Blocked:
    """Return the proposal that brings the parent one call nearer to `wanted`, or why the parent cannot."""
    refused = not_accepted(view, wanted)
    if refused:
        return refused
    actions = tuple(_action(view, target) for target in _targets(view, wanted))
    return Proposal(
        stage=stage,
        op="cds.set" if view.situation.capabilities.update == "cds" else "ds.set",
        candidates=actions,
        gate=gate,
        undo=undo,
        summary=summary,
    )


def _targets(view: View, wanted: tuple[Ds, ...]) -> tuple[tuple[Ds, ...], ...]:
    """Return the DS RRsets that one call can reach: additions before removals where it takes one record a call."""
    if swaps(view):
        return (wanted,)
    coming = sorted((ds for ds in wanted if ds not in view.ds.ds), key=lambda ds: -ds.digest_type)
    adds = _calls(view, coming)  # the strongest digest first: some validators look at no other
    if adds:
        return tuple(tuple(sorted({*view.ds.ds, *added})) for added in adds)
    removals = _calls(view, [ds for ds in view.ds.ds if ds not in wanted])
    return tuple(tuple(ds for ds in view.ds.ds if ds not in removed) for removed in removals)


def _calls(view: View, records: list[Ds]) -> tuple[tuple[Ds, ...], ...]:
    """Return what each call changes: one DS, or all DS of one key where the parent takes keys and makes the digests."""
    if view.situation.capabilities.makes_digests is None:
        return tuple((ds,) for ds in records)
    by_key: dict[str, list[Ds]] = {}
    for ds in records:
        by_key.setdefault(_key_of(view, ds), []).append(ds)
    return tuple(map(tuple, by_key.values()))


def _key_of(view: View, ds: Ds) -> str:
    """Return the key that a DS names; of an unknown one as much as the DS says of it."""
    return view.ring.get(ds, f"{ds.key_tag}/{ds.algorithm}")


def _action(view: View, ds: tuple[Ds, ...]) -> Action:
    ids = {view.ring[d] for d in ds if d in view.ring}
    keys = tuple(sorted(view.keys_by_id[key] for key in ids))
    if view.situation.capabilities.update == "cds":
        return SetCds(cds=ds, cdnskey=keys)
    return SetDs(ds=ds, keys=keys, expected=view.ds.ds)


def not_accepted(view: View, wanted: tuple[Ds, ...]) -> Blocked | None:
    """Return why the parent would refuse these DS; None if nothing is known against them."""
    accepts = view.situation.capabilities.accepts
    added = [ds for ds in wanted if ds not in view.ds.ds]
    bad = [
        ds
        for ds in added
        if (accepts.algorithms is not None and ds.algorithm not in accepts.algorithms)
        or (accepts.digest_types is not None and ds.digest_type not in accepts.digest_types)
    ]
    if bad:
        return limit(f"the parent does not take {', '.join(str(ds) for ds in bad)}")
    if not fits(view, wanted):
        return parent_limit(view, count(view, wanted))
    return None


def parent_limit(view: View, needed: int) -> Blocked:
    """Return the refusal of more DS than the parent takes."""
    return limit(f"it takes {view.situation.capabilities.accepts.max_ds} DS, the safe way needs {needed}")


def limit(detail: str) -> Blocked:
    """Return the refusal of what the parent does not take."""
    return Blocked(
        guard="parent_limit",
        findings=(
            Finding(
                code="DS_COUNT_HIGH",
                severity="error",
                summary="The parent does not accept the DS that this change needs",
                detail=detail,
                action="raise `accepts` if the parent takes it after all, or choose other digest types",
            ),
        ),
    )
