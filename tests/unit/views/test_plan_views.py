"""A plan reads well without colour, says when, who, why and what next, and lets nothing from outside act."""

from __future__ import annotations

from dataclasses import replace

import pytest
from view_samples import (
    EVERY,
    EVIL,
    FINDING,
    GUARDED,
    MANUAL,
    NEW,
    NOW,
    OLD,
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
from dnsplan.model.plan import NeedsReview, Plan, Wait, ZonePlan
from dnsplan.model.time import format_instant
from dnsplan.views.escape import escaped, markdown_escaped
from dnsplan.views.plan_html import render_html
from dnsplan.views.plan_markdown import MOST_CHARACTERS, MOST_ZONES, render_markdown
from dnsplan.views.plan_text import UNDO, render_plan
from dnsplan.views.status import render_status, status_json

AT, LATER = format_instant(NOW), format_instant(NOW + 3700)


def block(text: str, name: str) -> str:
    """Return what a text says of one zone."""
    return next(part for part in text.split("\n\n") if part.startswith(name))


def test_the_verdict_stands_in_the_first_line() -> None:
    text = render_plan(plan(*EVERY))

    assert text.splitlines()[0] == "Plan: 5 of 6 zones change, now +2 DS, -0 DS, 1 waiting, 1 manual, 2 blocked."
    assert render_markdown(plan(*EVERY)).splitlines()[0] == f"### dsplan: {text.splitlines()[0]}"
    assert render_plan(plan(REST)).startswith("No changes. 1 zone matches its file, as far as the DNS shows.\n")


def test_a_change_is_shown_with_its_evidence_its_steps_and_its_proof() -> None:
    old, new = ds_of("a.example", OLD), ds_of("a.example", NEW)

    assert block(render_plan(plan(READY)), "a.example").rstrip() == "\n".join((
        "a.example  ~ change",
        "  ~ change B2a: add the new DS",
        "  double-ksk: the zone file asks for it (policy standard, parent example, zones/a.example.yaml:3)",
        *sorted((
            f"    - remove DS {old}  (later, seen on 2/2 parent servers)", f"    + add DS {new}  (now)"
        ), key=lambda line: line.partition(" DS ")[2]),
        f"    - remove DNSKEY {OLD.key_tag} (flags 257, algorithm 13)  (later, seen on 2/3 child servers)",
        f"    = keep DNSKEY {NEW.key_tag} (flags 257, algorithm 13)  (seen on 1/3 child servers)",
        "  steps:",
        f"    B3     withdraw the old KSK; not before {LATER} (in 1h1m, predicted); signer pdns; {UNDO['slow']}",
        f"           until no cache holds a DS RRset without the new DS ({AT} + margin 1m40s + TTL 1h)",
        (
            "  safe: 6 combinations of cached DS, DNSKEY and signatures up to 2026-11-23T02:14:50Z, "
            "none fails in hardened, lenient"
        ),
        "  next: dsplan apply",
    ))  # fmt: skip


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (WAITING, "next: dsplan apply (from 2026-11-23T03:15:00Z on)"),
        (MANUAL, "next: dsplan runbook c.example"),
        (GUARDED, "next: dsplan apply --allow max_ds_removals (if that is meant)"),
        (MANUAL, "✋ manual: a person must act (registry desk): add the new DS"),
        (GUARDED, "! blocked by guard max_ds_removals: a server lags"),
        (WAITING, "warning: DS_LAG [192.0.2.1]: a server lags"),
        (WAITING, "to do: ask its operator"),
        (REFUSED, "! blocked: the change would break validation: no DS matches a key that signs"),
        (REFUSED, "counterexample (hardened): no DS matches a key that signs,"),
        (REFUSED, "  cached DNSKEY: KSK 2; signed by KSK 2"),
        (zone("f.example", "REVIEW", NeedsReview(key=NEW, reason="list it")), "? review: list it"),
        (zone("g.example", "WAITING", Wait(until=None, reason="a silent server")), "next: dsplan apply (later)"),
    ],
)
def test_each_kind_of_zone_says_who_must_act_and_what_to_type(one: ZonePlan, said: str) -> None:
    assert said in render_plan(plan(one))


def test_a_submitted_ds_that_no_server_shows_is_waited_for_and_not_called_served() -> None:
    new = ds_of("a.example", NEW)
    asked = replace(READY, observed_ds=(*READY.observed_ds, new), desired_ds=(*READY.observed_ds, new))

    assert f"… wait DS {new}  (asked for, seen on 0/2 parent servers)" in render_plan(plan(asked))


def test_a_zone_that_wants_nothing_keeps_foreign_ds() -> None:
    foreign = replace(REST, findings=(FINDING,))

    assert f"= keep DS {ds_of(REST.zone, OLD)}" in render_plan(plan(foreign))
    assert "remove" not in render_plan(plan(foreign))


def test_zones_at_rest_are_one_line_with_both_names() -> None:
    assert "= no change: bücher.example (xn--bcher-kva.example)" in render_plan(plan(REST))
    assert " and 2 more" in render_plan(plan(*(replace(REST, zone=f"z{n}.example") for n in range(12))))


def test_what_the_plan_leaves_out_or_rests_on_is_said() -> None:
    made = plan(READY, unmanaged=("gone.example",), partial=True, dirty=True)

    for text in (render_plan(made), render_markdown(made)):
        assert "unmanaged: gone.example" in text
        assert "only the selected zones" in text
        assert "commit" in text


@pytest.mark.parametrize("render", [render_plan, render_markdown, render_html])
def test_what_a_proposal_may_not_choose_stands_before_everything_else(render: object) -> None:
    made = plan(READY, base="b" * 40, endpoints_changed=("signer pdns",), unmanaged=("gone.example",), partial=True)

    assert callable(render)
    text = render(made)
    assert text.index("! endpoint changed: signer pdns") < text.index("a.example")
    assert f"zones that differ from {'b' * 12}" in text
    assert render(load_plan(dump_plan(made))) == text
    assert "No zone differs from the base" in render(plan(base="b" * 40))


@pytest.mark.parametrize("render", [render_plan, render_markdown])
def test_a_plan_shows_the_same_after_it_was_saved(render: object) -> None:
    made = plan(*EVERY)

    assert callable(render)
    assert render(load_plan(dump_plan(made))) == render(made)


def evil() -> Plan:
    bad = replace(FINDING, summary=EVIL, detail=EVIL, action=EVIL, code="X")
    steps = (replace(later(), summary=EVIL, who=EVIL),)
    move = Wait(until=None, reason=EVIL)
    return plan(replace(WAITING, moves=(move,), findings=(bad,), why=EVIL, recipe=EVIL, policy=EVIL, timeline=steps))


@pytest.mark.parametrize("render", [render_plan, render_markdown, lambda made: render_status(made.zones)])
def test_nothing_from_outside_acts_on_a_terminal(render: object) -> None:
    assert callable(render)
    text = render(evil())

    assert "\x1b" not in text
    assert "\u202e" not in text


def test_nothing_from_outside_acts_in_a_comment() -> None:
    text = render_markdown(evil())

    assert "<script>" not in text
    assert "@you" not in text
    assert "\\`" in text


def test_a_comment_holds_twenty_zones_and_says_what_it_leaves_out() -> None:
    many = plan(*(zone(f"z{n:02}.example", "ACTIVE", READY.moves[0]) for n in range(30)))
    text = render_markdown(many)

    assert text.count("\n#### ") == MOST_ZONES
    assert "it holds 20 of 30 zones and is no basis for an approval" in text
    assert text.index("is no basis") < text.index("| zone |")


def test_a_comment_never_outgrows_what_a_forge_takes() -> None:
    long = replace(FINDING, summary="word " * 2000)
    text = render_markdown(plan(*(replace(WAITING, zone=f"z{n}.example", findings=(long,) * 3) for n in range(9))))

    assert len(text) <= MOST_CHARACTERS
    assert "is no basis for an approval" in text


def test_status_is_one_line_a_zone_with_the_next_event() -> None:
    lines = render_status(EVERY).splitlines()

    assert len(lines) == len(EVERY)
    assert lines[1].split()[:2] == ["b.example", "WAITING"]
    assert lines[1].endswith("next: withdraw the old KSK, 2026-11-23T03:15:00Z")
    assert '"headline":"MANUAL","next_at":"2026-11-23T03:15:00Z"' in status_json(EVERY)
    assert render_status(()) == "No zones.\n"


def test_unseen_characters_become_escapes() -> None:
    assert escaped("a\x00\u200b\ufeff\ne") == "a\\u0000\\u200b\\ufeff\\u000ae"
    assert escaped("a\nb\x07", lines=True) == "a\nb\\u0007"
    assert escaped("bücher ✋ …") == "bücher ✋ …"
    assert markdown_escaped("a|b*<i>&") == "a\\|b\\*&lt;i&gt;&amp;"
