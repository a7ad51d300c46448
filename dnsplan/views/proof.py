"""The full argument for a step: what caches may hold, the gate, the proof, and what a second earlier breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from dnsplan.codec import to_json
from dnsplan.engine.argument import Argument, Cached
from dnsplan.model.names import display_name
from dnsplan.model.time import format_instant
from dnsplan.views.plan_text import counterexample_in_words, proof_in_words
from dnsplan.views.words import moment, span


def render_proof(zone: str, arguments: Sequence[Argument]) -> str:
    """Return the arguments in words."""
    if not arguments:
        return f"{display_name(zone)}: no step is to be taken\n"
    lines = [line for argument in arguments for line in _argument(argument)]
    return "\n".join([display_name(zone), *lines]) + "\n"


def _argument(argument: Argument) -> Iterator[str]:
    yield f"  {argument.stage} {argument.id}: {argument.summary}"
    yield "    what caches may hold:"
    yield from (f"      {_cached(cached)}" for cached in argument.cached)
    yield "    the gate:"
    for term in argument.gate.terms or ():
        sums = (
            f" = {format_instant(term.base)} + margin {term.margin}s + TTL {term.ttl}s" if term.base is not None else ""
        )
        yield f"      {term.reason}: {moment(term.at)}{sums}"
    if not argument.gate.terms:
        yield "      nothing to wait for; the kernel still judges"
    if argument.refused is not None:
        yield "    refused by the kernel until then:"
        yield from (f"      {line}" for line in counterexample_in_words(argument.refused))
    if argument.at is None:
        yield "    it cannot be said yet when it is safe"
    elif argument.proof is not None:
        yield f"    safe from {format_instant(argument.at)}: {proof_in_words(argument.proof)}"
    if argument.earlier is not None:
        yield "    one second earlier:"
        yield from (f"      {line}" for line in counterexample_in_words(argument.earlier))


def _cached(cached: Cached) -> str:
    since = "from before the first look" if cached.start <= 0 else f"from {format_instant(cached.start)}"
    until = "and still served" if cached.end is None else f"until {format_instant(cached.end)}"
    return f"{cached.rrset:6} {since} {until} (TTL {span(cached.ttl)}): {cached.content}"


def proof_json(zone: str, arguments: Sequence[Argument]) -> str:
    """Return the arguments as one JSON object."""
    document = {"zone": zone, "arguments": [to_json(argument) for argument in arguments]}
    return json.dumps(document, sort_keys=True) + "\n"
