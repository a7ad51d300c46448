"""The result of a simulated world for people: what the engine decided and what was served, second by second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dnsplan.views.escape import escaped


def render_simulation(result: Mapping[str, Any]) -> str:
    """Return the moves and events in the order of time, and the verdict."""
    lines = [(move["at"], 0, _move(move)) for move in result["moves"]]
    lines += [(event["at"], 1, _event(event)) for event in result["events"]]
    shown = [f"{at:>8} s  {text}" for at, _, text in sorted(lines, key=lambda line: line[:2])]
    return "\n".join([*shown, *_verdict(result)]) + "\n"


def _move(move: Mapping[str, Any]) -> str:
    until = f" until {move['until']} s" if move.get("until") is not None else ""
    reason = f": {move['reason']}" if move.get("reason") else ""
    stage = f" {move['stage']}" if move.get("stage") else ""
    return escaped(f"{move['move']}{stage}{until}{reason}")


def _event(event: Mapping[str, Any]) -> str:
    value = event["value"]
    if event["rrset"] == "DS":
        content = ", ".join(f"{ds['key']} digest {ds['digest_type']}" for ds in value) or "none"
    elif event["rrset"] == "DNSKEY":
        keys = ", ".join(f"{key['key']} ({key['algorithm']}, {key['role']})" for key in value["keys"]) or "none"
        content = f"{keys}; signed by {', '.join(value['signers']) or 'none'}"
    else:
        content = f"signed by {', '.join(value['signers']) or 'none'}"
    asked = "" if event["call"] is not None else " (the world's own)"
    text = f"  {event['rrset']} is now: {content}; TTL {event['ttl']}, everywhere at {event['everywhere']} s{asked}"
    return escaped(text)


def _verdict(result: Mapping[str, Any]) -> Iterator[str]:
    if result["reached"]:
        yield f"goal reached at {result['reached_at']} s"
    else:
        yield "goal not reached"
    yield (
        f"{result['calls']} provider calls, {result['parent_calls']} of them to the parent; "
        f"{result['keys_created']} keys created"
    )
