"""Records of the ledger for people."""

from __future__ import annotations

from collections.abc import Sequence

from dnsplan.model.audit import Record
from dnsplan.model.names import display_name
from dnsplan.model.time import format_instant
from dnsplan.views.escape import escaped


def render_log(records: Sequence[Record]) -> str:
    """Return one line for each record, the newest first."""
    return "".join(f"{_line(record)}\n" for record in records)


def _line(record: Record) -> str:
    names = sorted({display_name(step.zone) for step in record.steps})
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    what = f"{len(record.steps)} steps" if record.kind == "apply" else "note"
    return escaped(
        f"{format_instant(record.at)}  {record.id}  {record.kind:7}  {record.actor or 'unknown'}  {what}  "
        f"{', '.join(names[:5])}{more}"
    )


def render_record(record: Record) -> str:
    """Return everything that a record says."""
    lines = [
        f"record {record.id} ({record.kind}) of {format_instant(record.at)}",
        f"  previous: {record.previous or 'none: this is the first'}",
        f"  config commit: {record.commit or 'none'}",
        f"  by {record.actor or 'unknown'} with dsplan {record.tool_version}",
        f"  authorised by: {record.authorised_by.merge_commit or 'nobody'}",
    ]
    if record.guards_lifted:
        lines.append(f"  guards lifted: {', '.join(record.guards_lifted)}")
    for step in record.steps:
        if step.op == "confirm":
            lines.append(f"  {display_name(step.zone)} step {step.id or 'none in flight'}: {step.reason}")
            continue
        lines += [
            f"  {display_name(step.zone)} {step.op} {step.id}: {step.outcome or 'outcome unknown'}",
            f"    intent {format_instant(step.intent_at)}, target {step.target}",
            f"    before: {', '.join(step.before) or 'nothing'}",
        ]
        if step.reason:
            lines.append(f"    reason: {step.reason}")
    return "\n".join(escaped(line) for line in lines) + "\n"
