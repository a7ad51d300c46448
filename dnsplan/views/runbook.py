"""The runbook of a manual step: exact values, checks before and after, and what to do if it goes wrong.

It asks nobody to type a value that does not stand in the step that the kernel admitted.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

from dnsplan.model.action import AnyAction, ImportKeys, SetDs, SetNs
from dnsplan.model.names import display_name
from dnsplan.model.plan import NeedsHuman, Step, ZonePlan
from dnsplan.model.portfolio import WayIn
from dnsplan.model.records import ALGORITHMS, DIGEST_TYPES, Dnskey, Ds
from dnsplan.model.time import Instant, Seconds, format_instant
from dnsplan.views.escape import markdown_escaped
from dnsplan.views.plan_text import proof_in_words
from dnsplan.views.words import span

UNDO = {
    "fast": "fast: put back what stood there before; dsplan sees it and says what follows",
    "slow": "slow: what caches hold by now must run out first; ask dsplan, do not undo by hand",
    "irreversible": "closed: do not undo by hand; ask dsplan",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What the runbook names beside the step."""

    parent: WayIn | None
    """The way in, with portal, contact and usual delay."""
    parent_servers: tuple[str, ...]
    child_servers: tuple[str, ...]
    port: int
    commit: str
    asked_at: Instant | None
    """When dsplan first asked for this; None if it has not yet."""
    budget: Seconds
    """After this delay it is late."""
    now: Instant


@cache
def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dnsplan.views"), autoescape=False, trim_blocks=True, lstrip_blocks=True,  # noqa: S701  # Markdown, escaped below
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    return environment.get_template("runbook.md.j2")


def render_runbook(plan: ZonePlan, move: NeedsHuman, around: Surroundings) -> str:
    """Return the Markdown of the manual step in flight."""
    settings = around.parent.settings if around.parent is not None else {}
    text: str = _template().render(
        zone=display_name(plan.zone),
        ascii_zone=plan.zone,
        parent=f"`{plan.parent}`" if plan.parent else "the parent",
        stage=move.step.stage,
        step_id=move.step.id,
        summary=move.step.summary,
        made=format_instant(around.now),
        asked=format_instant(around.asked_at) if around.asked_at is not None else "",
        deadline=format_instant((around.asked_at or around.now) + around.budget),
        budget=span(around.budget),
        commit=around.commit[:12],
        portal=markdown_escaped(str(settings.get("portal", ""))),
        contact=markdown_escaped(move.contact),
        delay=markdown_escaped(str(settings.get("usual_delay", ""))),
        form=markdown_escaped(str(settings.get("form", ""))),
        servers=around.parent_servers,
        child_servers=around.child_servers,
        dig="dig +norecurse +short +nosplit" + (f" -p {around.port}" if around.port != 53 else ""),
        proof=proof_in_words(move.step.proof),
        undo=UNDO[move.step.undo],
        **_values(move.step),
    )
    return text


def _values(step: Step) -> dict[str, object]:
    action = step.action
    if not isinstance(action, SetDs):
        return {"manual_signer": True, "at": _place(step), "entry": _entry(action)}
    wanted, expected = action.ds, action.expected
    add, remove = [ds for ds in wanted if ds not in expected], [ds for ds in expected if ds not in wanted]
    return {
        "manual_signer": False,
        "add": [_value(ds) for ds in add],
        "remove": [_value(ds) for ds in remove],
        "keep": [_value(ds) for ds in expected if ds in wanted],
        "swap": bool(add and remove),
        "before": [str(ds) for ds in sorted(expected)],
        "after": [str(ds) for ds in sorted(wanted)],
        "keys": [_key(key) for key in action.keys],
    }


def _place(step: Step) -> str:
    """Return where an operator changes something, in words; empty for the zone's own signer."""
    if isinstance(step.action, SetNs) and not step.signer:
        return "at the parent, in the delegation"
    return f"in the copy of signer {step.signer}" if step.signer else ""


def _entry(action: AnyAction) -> dict[str, tuple[str, ...]]:
    """Return what is to be typed in and what is to be taken out, as records."""
    match action:
        case SetNs(names=names, glue=glue, expected=expected):
            address = tuple(f"{name}. {'AAAA' if ':' in at else 'A'} {at}" for name, at in glue)
            gone = tuple(f"NS {name}." for name in expected if name not in names)
            return {"add": (*(f"NS {name}." for name in names if name not in expected), *address), "remove": gone}
        case ImportKeys(foreign=foreign, gone=gone_keys):
            records = (tuple(f"DNSKEY {key}" for key in keys) for keys in (foreign, gone_keys))
            return dict(zip(("add", "remove"), records, strict=True))
        case _:
            return {"add": (), "remove": ()}


def _value(ds: Ds) -> dict[str, object]:
    digest = ds.digest.hex().upper()
    return {
        "tag": ds.key_tag,
        "algorithm": ds.algorithm,
        "algorithm_name": ALGORITHMS.get(ds.algorithm, "unknown"),
        "type": ds.digest_type,
        "type_name": DIGEST_TYPES.get(ds.digest_type, "unknown"),
        "digest": digest,
        "aloud": " ".join(digest[i : i + 8] for i in range(0, len(digest), 8)),
        "check": checksum(ds),
        "text": str(ds),
    }


def checksum(ds: Ds) -> str:
    """Return eight hex digits that two people can compare: the head of the SHA-256 of the value's text."""
    return hashlib.sha256(str(ds).encode()).hexdigest()[:8]


def _key(key: Dnskey) -> dict[str, object]:
    return {
        "tag": key.key_tag, "flags": key.flags, "algorithm": key.algorithm,
        "public_key": base64.b64encode(key.public_key).decode(), "text": str(key),
    }  # fmt: skip
