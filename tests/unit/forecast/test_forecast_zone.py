"""Dates before anything is touched, the described world of an observed zone, and the calendar of a portfolio."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from engine_builders import K1, T0, Z1, TinyWorld, ds, policy

from dnsplan.engine.duration import rollover_takes
from dnsplan.errors import DsplanError, UsageError
from dnsplan.forecast import simulate
from dnsplan.forecast.calendar import calendar
from dnsplan.forecast.delay import parent_delay, zones_beside
from dnsplan.forecast.described import described
from dnsplan.forecast.worlds import read_world
from dnsplan.forecast.zone import forecast, with_goal
from dnsplan.model.forecast import Calendar, ParentDelay
from dnsplan.model.history import Asked, DsContent, HeldKey, Registration, Rollover, ZoneHistory
from dnsplan.model.plan import Capabilities, Situation
from dnsplan.model.portfolio import Accepts, Freeze, Guards, KeyPolicy, Portfolio, Resolution, WayIn, ZoneIntent
from dnsplan.model.records import Ds, make_ds
from dnsplan.views.calendar import calendar_ics, calendar_json, render_calendar
from dnsplan.views.forecast import delay_words, forecast_dates, forecast_markdown, forecast_mermaid, render_forecast

DAY = 86400


def situation(**changes: object) -> Situation:
    world = TinyWorld(**changes)  # type: ignore[arg-type]
    world.run(0)
    world.plan(10)
    return world.situation(world.observe(10))


def test_a_forecast_gives_each_step_its_span_and_what_it_rests_on() -> None:
    one = Capabilities(update="replace", accepts=Accepts(max_ds=1))
    found = forecast(with_goal(situation(capabilities=one), "ksk"))

    dates = [(one.step.stage, one.earliest, one.latest, one.rests_on) for one in found.steps]

    # B1 now; B2 at the gate of the DNSKEY, whatever the parent does; B3 a DS TTL after it, or after the budget of 100
    assert [date[0] for date in dates] == ["B0-ksk", "B1", "B2", "B3", "B4"]
    assert dates[1][1:] == (T0 + 10, T0 + 10, "certain")
    assert dates[2][1:] == (T0 + 10 + 5 + 40, T0 + 10 + 5 + 40, "certain")
    assert dates[3][1:] == (T0 + 55 + 97, T0 + 155 + 97, "parent")
    assert dates[4][3] == "parent"


def test_where_a_person_acts_no_latest_date_is_claimed() -> None:
    found = forecast(with_goal(situation(capabilities=Capabilities(update="manual", contact="desk")), "ksk"))

    moved = next(one for one in found.steps if one.step.stage == "B2a")

    assert (moved.latest, moved.rests_on) == (None, "person")
    assert found.steps[-1].rests_on == "person"
    assert "as long as people take" in render_forecast(found)


@pytest.mark.parametrize(
    ("goal", "recipe"),
    [
        ("zsk", "zsk"), ("ksk", "double-ksk"), ("scheme:csk", "scheme"), ("algorithm:ED25519", "algorithm-liberal"),
        ("digest:SHA-256+SHA-384", "ds-digest"), ("insecure", "insecure"), ("scheme:ksk-zsk", ""), ("signed", ""),
    ],
)  # fmt: skip
def test_every_goal_is_forecast_and_simulated(goal: str, recipe: str) -> None:
    asked = with_goal(situation(), goal)
    world = described(asked, goal)

    found = forecast(asked)
    result = simulate(read_world(json.dumps(world)))

    assert found.plan.recipe == recipe
    assert bool(found.steps) == bool(recipe)
    assert result["reached"], result["moves"][-3:]


@pytest.mark.parametrize("goal", ["", "algorithm:MD5", "digest:SHA-256+MD5", "scheme:none", "roll"])
def test_an_unknown_goal_is_refused(goal: str) -> None:
    with pytest.raises(UsageError, match="no goal"):
        with_goal(situation(), goal)


def test_a_zone_that_was_never_seen_has_no_world() -> None:
    never = replace(situation(), history=ZoneHistory(zone="example.ch"))

    with pytest.raises(DsplanError, match="could not be observed"):
        described(never, "")


def test_a_foreign_ds_stands_in_the_described_world_under_a_name_of_its_own() -> None:
    foreign = Ds(key_tag=7, algorithm=8, digest_type=2, digest=bytes(32))
    asked = with_goal(situation(served_ds=tuple(sorted((ds(K1), foreign)))), "ksk")

    result = simulate(described(asked, "ksk"))

    assert result["reached"]
    last = [event["value"] for event in result["events"] if event["rrset"] == "DS"][-1]
    assert any(one["key"].startswith("unknown-") for one in last)


def test_the_pictures_hold_every_step_and_no_markup_of_others() -> None:
    found = forecast(with_goal(situation(), "ksk"))
    hostile = replace(found, plan=replace(found.plan, why="<script> | `x`"))

    text, table, picture = render_forecast(found), forecast_markdown(hostile), forecast_mermaid(found)

    for stage in ("B0-ksk", "B1", "B2a", "B2b", "B3", "B4"):
        assert stage in text
        assert stage in table
        assert stage in picture
    assert "depends on the parent" in text
    assert "<script>" not in table
    assert picture.startswith("gantt\n")
    assert "done: " in text


def test_a_forecast_of_nothing_says_so() -> None:
    found = forecast(situation())

    assert "= no change" in render_forecast(found)
    assert "no change" in forecast_markdown(found)


# The calendar ------------------------------------------------------------------------------------------------------
def portfolio(*zones: ZoneIntent) -> Portfolio:
    return Portfolio(
        name="p", zones={zone.zone: zone for zone in zones}, signers={}, parents={}, accepts={},
        policies={"default": policy(ksk=KeyPolicy(lifetime=200 * DAY), zsk=KeyPolicy(lifetime=90 * DAY))},
        resolution=Resolution(root_hints=()), guards=Guards(spread_first_lifetimes=False),
    )  # fmt: skip


def history(zone: str, **changes: object) -> ZoneHistory:
    world = TinyWorld()
    world.run(0)
    served = tuple(replace(v, content=DsContent(ds=(make_ds(zone, K1, 2),))) for v in world.history.ds[1:])
    held = (HeldKey(key=K1, role="ksk", created=T0), HeldKey(key=Z1, role="zsk", created=T0))
    return replace(world.history, zone=zone, ds=served, held=held, **changes)  # type: ignore[arg-type]


def test_the_calendar_tells_what_falls_due_and_of_which_zones_nothing_is_known() -> None:
    signed = [ZoneIntent(zone=name, dnssec="signed", parent="own") for name in ("a.example", "b.example", "c.example")]
    held = ZoneIntent(zone="held.example")
    rollover = Rollover(id="x", recipe="double-ksk", started=T0)
    histories = {
        "a.example": history("a.example"),
        "b.example": history("b.example", rollover=rollover, next_at=T0 + 5),
        "c.example": ZoneHistory(zone="c.example"),
    }
    zones = portfolio(*signed, held)

    found = calendar(zones, tuple(zones.zones), histories, T0 + 10, T0 + 10 + 365 * DAY)

    assert found.unknown == ("c.example",)
    assert [(one.zone, one.what, (one.at - T0) // DAY) for one in found.entries if one.zone == "a.example"] == [
        ("a.example", "ZSK rollover", 90), ("a.example", "ZSK rollover", 180), ("a.example", "KSK rollover", 200),
        ("a.example", "ZSK rollover", 270), ("a.example", "ZSK rollover", 360),
    ]  # fmt: skip
    assert found.entries[0].what == "double-ksk under way"
    text, document, ics = render_calendar(found), json.loads(calendar_json(found)), calendar_ics(found)
    assert "a.example: KSK rollover (parent own)" in text
    assert "? unknown" in text
    assert len(document["entries"]) == len(found.entries) == ics.count("BEGIN:VEVENT")
    assert all(len(line.encode()) <= 75 for line in ics.split("\r\n"))


def test_a_key_that_never_expires_is_in_no_calendar() -> None:
    zones = portfolio(ZoneIntent(zone="a.example", dnssec="signed"))
    never = replace(zones, policies={"default": policy(ksk=KeyPolicy(lifetime=None), zsk=KeyPolicy(lifetime=None))})

    found = calendar(never, ("a.example",), {"a.example": history("a.example")}, T0, T0 + DAY)

    assert (found.entries, found.unknown) == ((), ())


def begins(found: Calendar, zones: int, role: str = "KSK") -> list[int]:
    """Return the days on which the first rollovers of a role begin."""
    return [(one.at - T0) // DAY for one in found.entries if one.what == f"{role} rollover"][:zones]


def test_the_calendar_keeps_to_windows_and_to_the_limits_of_parents_and_applies() -> None:
    names = [f"z{number}.example" for number in range(4)]
    zones = portfolio(*(ZoneIntent(zone=name, dnssec="signed", parent="own") for name in names))
    histories = {name: history(name) for name in names}
    freeze = Freeze(start=T0 + 190 * DAY, end=T0 + 210 * DAY)
    rolled = policy(ksk=KeyPolicy(lifetime=200 * DAY), zsk=KeyPolicy(lifetime=None), ds_ttl_max=2 * DAY)

    def of(guards: Guards, **changes: object) -> Calendar:
        policies = {"default": replace(rolled, **changes)}  # type: ignore[arg-type]
        paced = replace(zones, policies=policies, guards=replace(guards, spread_first_lifetimes=False))
        return calendar(paced, names, histories, T0, T0 + 365 * DAY)

    free = of(Guards())
    frozen = of(Guards(), freeze=(freeze,))
    narrow = of(Guards(max_in_flight_per_parent=2))
    slow = of(Guards(max_zones_per_apply=1))
    shut = of(Guards(), freeze=(Freeze(start=0, end=T0 + 9999 * DAY),))

    assert begins(free, 4) == [200] * 4
    assert begins(frozen, 4) == [210] * 4
    assert begins(narrow, 4) == [200, 200, 202, 202]  # a DS TTL, margins and the budget after the first two
    assert [one.at - free.entries[0].at for one in slow.entries] == [0, 3600, 7200, 10800]
    assert (frozen.entries[0].due - T0) // DAY == 200
    assert "KSK rollover (parent own), due " in render_calendar(frozen)
    assert (shut.entries, shut.unknown) == ((), ())


def test_the_calendar_spreads_the_first_lifetimes_as_apply_does() -> None:
    names = [f"z{number}.example" for number in range(40)]
    zones = portfolio(*(ZoneIntent(zone=name, dnssec="signed", parent="own") for name in names))
    spread = replace(zones, guards=Guards(max_in_flight_per_parent=1000))

    found = calendar(spread, names, {name: history(name) for name in names}, T0, T0 + 365 * DAY)

    days = begins(found, 40)
    assert 150 <= min(days) <= max(days) <= 200
    assert len(set(days)) > 15


def test_what_waits_its_turn_stands_in_the_calendar() -> None:
    zones = portfolio(ZoneIntent(zone="a.example", dnssec="signed", parent="own"))
    waiting = history("a.example", asked=Asked(since=T0, commit="m"), next_at=T0 + DAY)

    found = calendar(zones, ("a.example",), {"a.example": waiting}, T0, T0 + 30 * DAY)

    assert [(one.at - T0, one.what) for one in found.entries] == [(DAY, "a change that the files ask for")]


@pytest.mark.parametrize("scheme", ["ksk-zsk", "csk"])
@pytest.mark.parametrize("goal", ["ksk", "zsk"])
def test_a_rollover_takes_as_long_as_the_same_one_in_a_world(scheme: str, goal: str) -> None:
    if (scheme, goal) == ("csk", "zsk"):
        assert rollover_takes(policy(scheme=scheme), "zsk", Capabilities(update="replace")) == 0
        return
    asked = with_goal(situation(), goal)
    if scheme == "csk":
        world = TinyWorld(policy=policy(scheme="csk"), keys=(K1,), zone_signers=frozenset({K1.id}), held={K1: "csk"})
        world.run(0)
        world.plan(200)
        asked = with_goal(world.situation(world.observe(200)), "csk")
    last = forecast(asked).steps[-1]

    takes = rollover_takes(asked.policy, "csk" if scheme == "csk" else goal, Capabilities(update="replace"))  # type: ignore[arg-type]

    assert last.earliest == asked.now + takes
    assert takes > 60


# The parent's delay ------------------------------------------------------------------------------------------------
def rolled(*delays: int, parent: str = "own") -> ZoneHistory:
    past = tuple(
        Registration(parent=parent, submitted=T0 + 100 * number, shown=T0 + 100 * number + delay)
        for number, delay in enumerate(delays)
    )
    return ZoneHistory(zone="other.example", registrations=past)


def delay_of(*histories: ZoneHistory, entry: WayIn | None = None) -> ParentDelay:
    zone = ZoneIntent(zone="a.example", dnssec="signed", parent="own")
    zones = replace(portfolio(zone), parents={} if entry is None else {"own": entry})
    return parent_delay(zones, "a.example", histories)


def test_the_range_comes_from_three_past_changes_of_all_zones_at_the_parent() -> None:
    found = delay_of(rolled(40, 9), rolled(25), rolled(7000, parent="another"))

    assert found == ParentDelay(parent="own", shortest=9, longest=40, rests_on="history", changes=3)
    assert delay_words(found) == "own shows a change after 9s to 40s, as in 3 changes on record"


@pytest.mark.parametrize(
    ("settings", "longest", "rests_on", "words"),
    [
        ({"usual_delay": "2h"}, 7200, "entry", "own shows a change within 2h: as its entry says"),
        ({"budget": 600}, 600, "entry", "own shows a change within 10m: as its entry says"),
        ({}, 100, "budget", "own shows a change within 1m40s: the policy's registration budget"),
    ],
)
def test_two_past_changes_are_too_few(settings: dict, longest: int, rests_on: str, words: str) -> None:
    entry = WayIn(name="own", type="manual", settings=settings)

    found = delay_of(rolled(40, 9), entry=entry)

    assert (found.shortest, found.longest, found.rests_on, found.changes) == (0, longest, rests_on, 0)
    assert delay_words(found) == words
    assert delay_of(rolled(40, 9)).rests_on == "budget"


def test_the_zones_at_the_same_parent_tell_about_it() -> None:
    zones = [ZoneIntent(zone=name, dnssec="signed", parent=at) for name, at in (("a", "own"), ("b", "own"), ("c", "x"))]

    assert zones_beside(portfolio(*zones), "a") == ("a", "b")


def test_the_dates_take_the_shortest_and_the_longest_past_change() -> None:
    one = Capabilities(update="replace", accepts=Accepts(max_ds=1))
    delay = ParentDelay(parent="own", shortest=20, longest=60, rests_on="history", changes=4)

    found = forecast(with_goal(situation(capabilities=one), "ksk"), delay)
    dates = {one.step.stage: (one.earliest, one.latest, one.rests_on) for one in found.steps}
    document = forecast_dates(found)

    assert dates["B2"] == (T0 + 55, T0 + 55, "certain")
    assert dates["B3"] == (T0 + 55 + 20 + 97, T0 + 55 + 60 + 97, "parent")
    assert "  parent own shows a change after 20s to 1m, as in 4 changes on record\n" in render_forecast(found)
    assert "Parent own shows a change after 20s to 1m, as in 4 changes on record." in forecast_markdown(found)
    assert document["parent_delay"] == {
        "parent": "own", "shortest": 20, "longest": 60, "rests_on": "history", "changes": 4,
    }  # fmt: skip
    assert [step["rests_on"] for step in document["steps"]] == ["certain", "certain", "certain", "parent", "parent"]


def test_a_parent_that_always_took_as_long_makes_no_date_certain() -> None:
    same = ParentDelay(parent="own", shortest=20, longest=20, rests_on="history", changes=4)

    found = forecast(with_goal(situation(), "insecure"), same)

    assert [one.earliest == one.latest for one in found.steps] == [True] * len(found.steps)
    assert [one.rests_on for one in found.steps][:2] == ["certain", "parent"]


def test_a_change_of_the_ds_under_way_is_counted_from_when_it_was_asked_for() -> None:
    world = TinyWorld(capabilities=Capabilities(update="replace", accepts=Accepts(max_ds=1)), registration=1000)
    world.run(0)
    asked = with_goal(world.situation(world.observe(10)), "ksk")
    world.intent, world.history = asked.intent, asked.history
    for at in (10, 11, 60):
        world.run(at)
    assert [stage for _, stage in world.log] == ["B0-ksk", "B1", "B2"]
    world.plan(90)
    delay = ParentDelay(parent="own", shortest=0, longest=80, rests_on="history", changes=4)

    found = forecast(world.situation(world.observe(90)), delay)

    # B2 was asked for at 60: shown at 140 at the latest, and the old DS is gone 97 s later
    first = found.steps[0]
    assert (first.step.stage, first.earliest, first.latest, first.rests_on) == ("B3", T0 + 187, T0 + 237, "parent")
