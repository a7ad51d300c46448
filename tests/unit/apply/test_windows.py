"""When a rollover may start: freezes, weekly windows, and the change to summer time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from apply_builders import T0, make_world, want

from dnsplan.apply.windows import opens_at
from dnsplan.model.portfolio import Freeze, Policy, Roll
from dnsplan.model.time import format_instant, parse_instant
from dnsplan.portfolio.formats import weekly

OFFICE = (weekly("Mon-Thu 08:00-16:00 Europe/Zurich"),)
FROZEN = (Freeze(start=parse_instant("2026-12-18T00:00:00Z"), end=parse_instant("2027-01-05T00:00:00Z")),)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z"),
        ("2026-11-24T06:59:59Z", "2026-11-24T07:00:00Z"),
        ("2026-11-24T15:00:00Z", "2026-11-25T07:00:00Z"),
        ("2026-11-26T15:00:00Z", "2026-11-30T07:00:00Z"),  # Thursday evening to Monday
        ("2026-12-17T15:00:00Z", "2027-01-05T07:00:00Z"),  # through the freeze, to Tuesday morning
        ("2026-12-20T10:00:00Z", "2027-01-05T07:00:00Z"),
    ],
)
def test_a_rollover_starts_within_windows_and_outside_freezes(now: str, opens: str) -> None:
    moment = opens_at(Policy(weekly=OFFICE, freeze=FROZEN), parse_instant(now))

    assert moment is not None
    assert format_instant(moment) == opens


def test_a_window_in_the_hour_that_summer_time_skips_does_not_open_that_day() -> None:
    night = Policy(weekly=(weekly("Sun 02:30-04:00 Europe/Zurich"),))

    moment = opens_at(night, parse_instant("2027-03-27T12:00:00Z"))

    assert moment is not None
    assert format_instant(moment) == "2027-04-04T00:30:00Z"  # a week later, in summer time


def test_windows_that_a_freeze_always_covers_never_open() -> None:
    ages = tuple(Freeze(start=n * 10**9, end=(n + 1) * 10**9) for n in range(100))

    assert opens_at(Policy(freeze=ages), 0) is None


def test_outside_a_window_nothing_begins_and_what_is_under_way_goes_on() -> None:
    world = make_world(1, signed=True)
    world.run()
    frozen = (Freeze(start=T0, end=T0 + 10**6),)
    open_policy = world.portfolio.policies["default"]
    want(world, roll=Roll(sep="x"))
    world.portfolio = replace(world.portfolio, policies={"default": replace(open_policy, freeze=frozen)})

    held = world.run()
    assert world.calls == []
    assert held.zones[0].plan.headline == "WAITING"
    assert "windows" in held.zones[0].plan.moves[0].reason  # type: ignore[union-attr]

    world.portfolio = replace(world.portfolio, policies={"default": open_policy})
    world.run()
    begun = len(world.calls)
    assert begun
    world.portfolio = replace(world.portfolio, policies={"default": replace(open_policy, freeze=frozen)})
    world.run()
    assert world.ledger.read(["z0.ch"])["z0.ch"].rollover is not None
