"""The runbook of a manual step: exact values, checks before and after, and what to do if it goes wrong."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

from dnsplan.model.names import display_name
from dnsplan.model.plan import NeedsHuman, SetDs, ZonePlan
from dnsplan.model.portfolio import WayIn
from dnsplan.model.records import Ds
from dnsplan.model.time import format_instant
from dnsplan.views.escape import markdown_escaped
from dnsplan.views.plan_text import proof_in_words


@cache
def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dnsplan.views"), autoescape=False, trim_blocks=True, lstrip_blocks=True,  # noqa: S701  # Markdown, escaped below
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    return environment.get_template("runbook.md.j2")


def render_runbook(plan: ZonePlan, move: NeedsHuman, parent: WayIn | None, servers: tuple[str, ...], now: int) -> str:
    """Return the Markdown of the manual step in flight."""
    step = move.step
    action = step.action
    wanted = action.ds if isinstance(action, SetDs) else ()
    expected = action.expected if isinstance(action, SetDs) else ()
    settings = parent.settings if parent is not None else {}
    text: str = _template().render(
        zone=display_name(plan.zone),
        ascii_zone=plan.zone,
        parent=plan.parent or "the parent",
        stage=step.stage,
        op=step.op,
        step_id=step.id,
        summary=step.summary,
        made=format_instant(now),
        portal=markdown_escaped(str(settings.get("portal", ""))),
        contact=markdown_escaped(move.contact),
        delay=markdown_escaped(str(settings.get("usual_delay", ""))),
        add=[_value(ds) for ds in wanted if ds not in expected],
        remove=[_value(ds) for ds in expected if ds not in wanted],
        keep=[_value(ds) for ds in expected if ds in wanted],
        final=[str(ds) for ds in wanted],
        before=[str(ds) for ds in expected],
        keys=[_key(key) for key in (action.keys if isinstance(action, SetDs) else ())],
        servers=servers,
        proof=proof_in_words(step.proof),
        undo=step.undo,
        manual_signer=not isinstance(action, SetDs),
    )
    return text


def _value(ds: Ds) -> dict[str, object]:
    digest = ds.digest.hex().upper()
    groups = " ".join(digest[i : i + 8] for i in range(0, len(digest), 8))
    return {
        "tag": ds.key_tag, "algorithm": ds.algorithm, "type": ds.digest_type, "digest": digest, "aloud": groups,
        "text": str(ds),
    }  # fmt: skip


def _key(key: Any) -> dict[str, object]:
    return {
        "tag": key.key_tag, "flags": key.flags, "algorithm": key.algorithm,
        "public_key": base64.b64encode(key.public_key).decode(), "text": str(key),
    }  # fmt: skip
