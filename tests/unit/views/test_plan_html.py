"""The page of a plan says what the text says, needs nothing else, and lets nothing from outside act."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from view_samples import (
    EVERY,
    EVIL,
    FINDING,
    GUARDED,
    MANUAL,
    NEW,
    NOW,
    READY,
    REFUSED,
    REST,
    WAITING,
    ds_of,
    later,
    plan,
    zone,
)

from dnsplan.codec.plan import dump_plan, load_plan
from dnsplan.model.plan import Blocked, NeedsHuman, Plan, Wait, ZonePlan
from dnsplan.model.portfolio import Source
from dnsplan.views.plan_html import render_html
from dnsplan.views.plan_text import verdict

EMPTY = {"meta", "br"}
ATTRIBUTE = "'\" onmouseover=alert(1) x='"


class Page(HTMLParser):
    """What a browser makes of a page: its elements, all of them closed, their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def hostile(text: str) -> Plan:
    """Return a plan in which everything that comes from files or from the network is this text."""
    bad = replace(FINDING, code=text, summary=text, detail=text, action=text, source=text, servers=(text,))
    wrong = replace(REFUSED.moves[0].counterexample, reason=text, ds=(text,))  # type: ignore[union-attr]
    term = replace(later().gate.terms[0], reason=text)
    step = replace(later(), stage=text, summary=text, who=text, gate=replace(later().gate, terms=(term,)))
    ready = replace(MANUAL.moves[0].step, stage=text, summary=text)  # type: ignore[union-attr]
    one = replace(
        WAITING, zone=text, parent=text, policy=text, recipe=text, why=text, source=Source(file=text, line=1),
        moves=(
            Wait(until=None, reason=text), NeedsHuman(step=ready, contact=text),
            Blocked(findings=(bad,), counterexample=wrong, guard=text),
        ),
        findings=(bad,), timeline=(step,),
    )  # fmt: skip
    return plan(one, replace(REST, zone=text), commit=text, unmanaged=(text,), incomplete=(text,), partial=True)


@pytest.mark.parametrize("text", [EVIL, ATTRIBUTE, "</style><style>*{display:none}</style>", "&lt;b&gt;", "{{ 1 }}"])
def test_nothing_from_outside_becomes_markup(text: str) -> None:
    plain, page = Page(render_html(hostile("plain"))), Page(render_html(hostile(text)))

    assert page.elements == plain.elements
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.elements}


def test_unseen_characters_are_shown_and_do_not_act() -> None:
    text = render_html(hostile(f"{EVIL}\u2066\u200b\x00\ufeff"))

    assert not {"\x1b", "\u202e", "\u2066", "\u200b", "\x00", "\ufeff"} & set(text)
    assert "\\u202e&lt;script&gt;" in text


def test_the_page_needs_nothing_from_elsewhere() -> None:
    text = render_html(plan(*EVERY))

    for word in ("src=", "http:", "https:", "url(", "@import", "<script", "<link", "javascript:"):
        assert word not in text
    assert all(
        str(attributes["href"]).startswith("#") for tag, attributes in Page(text).elements if "href" in attributes
    )
    assert "default-src 'none'" in text


def test_the_verdict_stands_first_and_every_zone_that_needs_somebody_has_its_section() -> None:
    made = plan(*EVERY)
    page = Page(render_html(made))
    targets = {attributes["id"] for _, attributes in page.elements if "id" in attributes}

    assert page.text.startswith(f"dsplan: {verdict(made)} {verdict(made)} Checked at 2026-11-23T02:13:20Z;")
    assert targets == {f"zone-{number}" for number in range(1, 6)}
    assert "= no change: bücher.example (xn--bcher-kva.example)" in page.text


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (READY, f"+ add DS {ds_of('a.example', NEW)} now"),
        (READY, "later, seen on 2/2 parent servers"),
        (READY, "Why it is safe 6 combinations of cached DS, DNSKEY and signatures"),
        (READY, "no cache holds a DS RRset without the new DS: 2026-11-23T03:15:00Z (2026-11-23T02:13:20Z + margin"),
        (READY, "2026-11-23T03:15:00Z, predicted signer pdns slow"),
        (WAITING, "warning DS_LAG (192.0.2.1): a server lags it shows the old DS To do: ask its operator"),
        (WAITING, "Next: dsplan apply (from 2026-11-23T03:15:00Z on)"),
        (MANUAL, "✋ manual: a person must act (registry desk): add the new DS"),
        (REFUSED, "What would break counterexample (hardened): no DS matches a key that signs"),
        (GUARDED, "Findings warning DS_LAG"),
        (replace(WAITING, findings=(replace(FINDING, expected_until=NOW),)), "Expected until 2026-11-23T02:13:20Z"),
        (replace(WAITING, timeline=(later(None),)), "not known yet, predicted"),
    ],
)  # fmt: skip
def test_a_zone_says_what_changes_when_who_acts_and_why(one: ZonePlan, said: str) -> None:
    assert said in Page(render_html(plan(one))).text


def test_a_finding_that_also_blocks_is_said_once_and_what_nobody_can_type_is_not_said() -> None:
    text = Page(render_html(plan(zone("g.example", "BLOCKED", Blocked(findings=(FINDING,)), findings=(FINDING,))))).text

    assert text.count("a server lags it shows the old DS") == 1
    assert "Next" not in text


def test_what_the_plan_leaves_out_or_rests_on_is_said() -> None:
    text = Page(
        render_html(plan(READY, unmanaged=("gone.example",), incomplete=("a.example",), partial=True, dirty=True))
    ).text

    for said in (
        "nothing is done: gone.example",
        "only the selected zones",
        "not committed",
        "could be observed of a.example",
    ):
        assert said in text
    assert Page(render_html(plan(REST))).text.startswith("dsplan: No changes.")


def test_a_plan_shows_the_same_after_it_was_saved() -> None:
    made = plan(*EVERY)

    assert render_html(load_plan(dump_plan(made))) == render_html(made)
