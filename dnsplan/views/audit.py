"""Records of the ledger for people."""

from __future__ import annotations

from collections.abc import Sequence

from dnsplan.model.audit import Record
from dnsplan.model.names import display_name
from dnsplan.model.time import format_instant
from dnsplan.views.escape import escaped


def render_log(records: Sequence[Record]) -> str:
    """Return one line for each record, the newest first."""
    return "".join(
        f"{format_instant(record.at)}  {record.id}  {record.kind}  {len(record.steps)} steps  "
        f"{', '.join(sorted({display_name(step.zone) for step in record.steps}))}\n"
        for record in records
    )


def render_record(record: Record) -> str:
    """Return everything that a record says."""
    lines = [
        f"record {record.id} ({record.kind}) of {format_instant(record.at)}",
        f"  previous: {record.previous or 'none: this is the first'}",
        f"  config commit: {record.commit or 'none'}",
        f"  by {escaped(record.actor) or 'unknown'} with dsplan {record.tool_version}",
        f"  authorised by: {record.authorised_by.merge_commit or 'nobody'}",
    ]
    if record.guards_lifted:
        lines.append(f"  guards lifted: {', '.join(record.guards_lifted)}")
    for step in record.steps:
        lines += [
            f"  {display_name(step.zone)} {step.op} {step.id}: {step.outcome or 'outcome unknown'}",
            f"    intent {format_instant(step.intent_at)}, target {escaped(step.target)}",
            f"    before: {', '.join(step.before) or 'nothing'}",
        ]
        if step.reason:
            lines.append(f"    reason: {escaped(step.reason)}")
    return "\n".join(lines) + "\n"
