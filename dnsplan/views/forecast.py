"""A forecast for people (text, Markdown, a Gantt picture in Mermaid) and its dates for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dnsplan.codec import to_json
from dnsplan.model.forecast import Dated, Forecast, ParentDelay
from dnsplan.model.names import display_name
from dnsplan.model.time import Instant, format_instant, moment
from dnsplan.views.escape import escaped, markdown_escaped
from dnsplan.views.plan_text import UNDO
from dnsplan.views.words import headline, span

RESTS_ON = {
    "certain": "certain",
    "parent": "depends on the parent",
    "person": "depends on a person",
}


def render_forecast(forecast: Forecast) -> str:
    """Return the steps with their dates, one a line."""
    plan = forecast.plan
    lines = [f"{display_name(plan.zone)}: {escaped(plan.why) or 'nothing is to be done'}"]
    if not forecast.steps:
        return "\n".join([*lines, f"  {headline(plan)}"]) + "\n"
    lines.append(f"  recipe {plan.recipe}, policy {escaped(plan.policy)}, parent {escaped(plan.parent)}")
    if _asks_parent(forecast):
        lines.append(f"  parent {delay_words(forecast.delay)}")
    lines.extend(_line(forecast, dated) for dated in forecast.steps)
    lines.append(f"  done: {_total(forecast)}")
    return "\n".join(lines) + "\n"


def _asks_parent(forecast: Forecast) -> bool:
    """Tell whether any date can depend on the parent."""
    return any(dated.step.op in {"ds.set", "cds.set"} or dated.rests_on == "parent" for dated in forecast.steps)


def delay_words(delay: ParentDelay) -> str:
    """Return how long the parent is taken to need, and what that rests on."""
    name = escaped(delay.parent) or "unknown"
    if delay.rests_on == "history":
        changes = f"as in {delay.changes} changes on record"
        return f"{name} shows a change after {span(delay.shortest)} to {span(delay.longest)}, {changes}"
    why = "as its entry says" if delay.rests_on == "entry" else "the policy's registration budget"
    return f"{name} shows a change within {span(delay.longest)}: {why}"


def forecast_dates(forecast: Forecast) -> dict[str, Any]:
    """Return the dates of the steps, what each rests on, and the parent's delay, as JSON values."""
    steps = [
        {
            "stage": dated.step.stage,
            "summary": dated.step.summary,
            "who": dated.step.who,
            "earliest": None if dated.earliest is None else format_instant(dated.earliest),
            "latest": None if dated.latest is None else format_instant(dated.latest),
            "rests_on": dated.rests_on,
            "undo": dated.step.undo,
        }
        for dated in forecast.steps
    ]
    return {"at": format_instant(forecast.at), "parent_delay": to_json(forecast.delay), "steps": steps}


def _line(forecast: Forecast, dated: Dated) -> str:
    step = dated.step
    return (
        f"  {step.stage:6} {_when(forecast, dated.earliest)}{_at_latest(dated)}  {step.summary}; {escaped(step.who)}; "
        f"{UNDO[step.undo]}; {RESTS_ON[dated.rests_on]}"
    )


def _when(forecast: Forecast, instant: Instant | None) -> str:
    if instant is None:
        return "not before a person has acted"
    return f"{format_instant(instant)} (+{span(max(instant - forecast.at, 0))})"


def _at_latest(dated: Dated) -> str:
    if dated.latest is None or dated.latest == dated.earliest:
        return ""
    return f" to {format_instant(dated.latest)}"


def _total(forecast: Forecast) -> str:
    last = forecast.steps[-1]
    if last.earliest is None:
        return "it cannot be said when"
    least = span(max(last.earliest - forecast.at, 0))
    if last.rests_on == "person":
        return f"{least} at the least, and as long as people take"
    if last.latest is None or last.latest == last.earliest:
        return f"{least} from now"
    return f"{least} to {span(last.latest - forecast.at)} from now"


def forecast_markdown(forecast: Forecast) -> str:
    """Return a table of the steps and a Gantt picture that forges draw."""
    plan = forecast.plan
    lines = [f"### {markdown_escaped(display_name(plan.zone))}: {markdown_escaped(plan.why)}", ""]
    if not forecast.steps:
        return "\n".join([*lines, markdown_escaped(headline(plan))]) + "\n"
    if _asks_parent(forecast):
        lines += [f"Parent {markdown_escaped(delay_words(forecast.delay))}.", ""]
    lines += ["| stage | earliest | latest | what | who | undo | rests on |", "|---|---|---|---|---|---|---|"]
    for dated in forecast.steps:
        step = dated.step
        cells = (
            step.stage,
            "unknown" if dated.earliest is None else format_instant(dated.earliest),
            "unknown" if dated.latest is None else format_instant(dated.latest),
            markdown_escaped(step.summary),
            markdown_escaped(step.who),
            step.undo,
            RESTS_ON[dated.rests_on],
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", "```mermaid", *_gantt(forecast), "```"]) + "\n"


def forecast_mermaid(forecast: Forecast) -> str:
    """Return a Gantt picture in Mermaid."""
    return "\n".join(_gantt(forecast)) + "\n"


def _gantt(forecast: Forecast) -> Iterator[str]:
    yield "gantt"
    yield f"    title {_plain(display_name(forecast.plan.zone))}"
    yield "    dateFormat YYYY-MM-DDTHH:mm:ss"
    yield "    axisFormat %d %b %H:%M"
    section = ""
    for dated in forecast.steps:
        if dated.earliest is None:
            continue
        if dated.step.who != section:
            section = dated.step.who
            yield f"    section {_plain(section)}"
        until = dated.latest if dated.latest is not None and dated.latest > dated.earliest else None
        text = f"{_plain(dated.step.stage)} {_plain(dated.step.summary)}, undo {dated.step.undo}"
        if until is None:
            yield f"    {text} : milestone, {_local(dated.earliest)}, 0s"
        else:
            yield f"    {text} : {_local(dated.earliest)}, {_local(until)}"


def _plain(text: str) -> str:
    """Return a text without what Mermaid reads as its own."""
    return "".join(char if char.isalnum() or char in " -.()" else " " for char in escaped(text))


def _local(instant: Instant) -> str:
    return moment(instant).strftime("%Y-%m-%dT%H:%M:%S")
