"""A plan as one HTML page to read or print: no script, nothing from elsewhere, everything from outside escaped."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from dnsplan.model.names import display_name
from dnsplan.model.plan import Blocked, Finding, NeedsHuman, Plan, Step, ZonePlan
from dnsplan.views.escape import escaped
from dnsplan.views.plan_text import (
    WORDS,
    counterexample_in_words,
    endpoints_in_words,
    is_quiet,
    next_command,
    proof_in_words,
    scope,
    sum_of,
    verdict,
)
from dnsplan.views.records import lines_of
from dnsplan.views.words import SYMBOLS, headline, in_words, moment


def render_html(plan: Plan) -> str:
    """Return the plan as a page, the verdict first."""
    text: str = _template().render(
        plan=plan,
        verdict=verdict(plan),
        scope=scope(plan),
        endpoints=endpoints_in_words(plan),
        zones=[zone for zone in plan.zones if not is_quiet(zone)],
        quiet=[zone.zone for zone in plan.zones if is_quiet(zone)],
    )
    return text


@cache
def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dnsplan.views"), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, undefined=jinja2.StrictUndefined, finalize=_seen,
    )  # fmt: skip
    environment.filters["name"] = display_name
    environment.globals.update(
        name=display_name, symbols=SYMBOLS, words=WORDS, headline=headline, in_words=in_words, moment=moment,
        sum_of=sum_of, lines_of=lines_of, next_command=next_command, proofs=_proofs, findings=_findings,
        counterexamples=_counterexamples,
    )  # fmt: skip
    return environment.get_template("plan.html.j2")


def _seen(value: Any) -> Any:
    """Return what the template is about to write with unseen characters as escapes; Jinja escapes the markup."""
    return escaped(value, lines=True) if isinstance(value, str) else value


def _proofs(zone: ZonePlan) -> Iterator[str]:
    for move in zone.moves:
        ready = move.step if isinstance(move, NeedsHuman) else move
        if isinstance(ready, Step):
            yield proof_in_words(ready.proof)


def _counterexamples(zone: ZonePlan) -> Iterator[tuple[str, ...]]:
    for move in zone.moves:
        if isinstance(move, Blocked) and move.counterexample is not None:
            yield tuple(map(escaped, counterexample_in_words(move.counterexample)))


def _findings(zone: ZonePlan) -> list[Finding]:
    """Return what was found about the zone and what blocks it, each once."""
    blocking = [finding for move in zone.moves if isinstance(move, Blocked) for finding in move.findings]
    return list(dict.fromkeys((*zone.findings, *blocking)))
