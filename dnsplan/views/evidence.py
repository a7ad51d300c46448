"""On how many servers each record was seen: the live evidence beside a plan."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from dnsplan.model.observation import ChildAnswer, Observation, ParentAnswer
from dnsplan.model.plan import Shown

Kind = Literal["DS", "DNSKEY"]


def shown(seen: Observation) -> tuple[Shown, ...]:
    """Return each DS and DNSKEY with the number of servers that showed it; first of each kind, how many answered."""
    parents = [view for view in seen.parent if isinstance(view, ParentAnswer)]
    children = [view for view in seen.child if isinstance(view, ChildAnswer)]
    ds = Counter(str(record) for view in parents for record in view.ds)
    keys = Counter(str(record) for view in children for record in view.keys)
    return (
        *_counted("DS", ds, len(parents), len(seen.parent)),
        *_counted("DNSKEY", keys, len(children), len(seen.child)),
    )


def seen_on(records: tuple[Shown, ...], kind: Kind, record: str) -> str:
    """Return `seen on 2/2 parent servers`; empty where nobody was asked."""
    asked = max((one.asked for one in records if one.kind == kind), default=0)
    servers = next((one.servers for one in records if one.kind == kind and one.record == record), 0)
    whose = "parent" if kind == "DS" else "child"
    return f"seen on {servers}/{asked} {whose} servers" if asked else ""


def _counted(kind: Kind, counts: Counter[str], answered: int, asked: int) -> tuple[Shown, ...]:
    records = [("", answered), *sorted(counts.items())] if asked else []
    return tuple(Shown(kind=kind, record=record, servers=count, asked=asked) for record, count in records)
