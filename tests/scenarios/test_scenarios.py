"""What is planned where: each YAML file is one zone at one moment, and the decision that the specification asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from scenario import START, ds_set, ids, key_set, plan_of, read

from dnsplan.model.action import SetCds, SetDs, SetKeys
from dnsplan.model.plan import Blocked, Done, Move, NeedsHuman, NeedsReview, Step, Wait

SCENARIOS = sorted(Path(__file__).parent.glob("*.yaml"))
KINDS: Mapping[str, type[Move]] = {
    "step": Step, "wait": Wait, "manual": NeedsHuman, "review": NeedsReview, "blocked": Blocked, "done": Done,
}  # fmt: skip


@pytest.mark.parametrize("scenario", [pytest.param(read(path), id=path.stem) for path in SCENARIOS])
def test_the_plan_is_what_the_specification_asks_for(scenario: dict[str, Any], tmp_path: Path) -> None:
    plan, expected = plan_of(scenario, tmp_path), scenario["expect"]

    allowed = expected["headline"]
    assert plan.headline in ([allowed] if isinstance(allowed, str) else allowed), plan.moves
    assert plan.recipe == expected.get("recipe", plan.recipe), plan.why
    assert [finding.code for finding in plan.findings] == expected.get("findings", [])
    for server in expected.get("servers", []):
        assert any(server in finding.servers for finding in plan.findings)
    if "moves" in expected:
        assert len(plan.moves) == len(expected["moves"]), plan.moves
        for move, wanted in zip(plan.moves, expected["moves"], strict=True):
            check(move, wanted)


def check(move: Move, wanted: Mapping[str, Any]) -> None:
    """Compare a move with what is written about it."""
    assert isinstance(move, KINDS[wanted["kind"]]), move
    step = move.step if isinstance(move, NeedsHuman) else move
    for name in {"stage", "rrset"} & set(wanted):
        assert getattr(step, name) == wanted[name], step
    if isinstance(move, Wait):
        assert wanted.get("reason", "") in move.reason
        if "until" in wanted:
            assert move.until == START + wanted["until"]
    if isinstance(move, Blocked):
        assert wanted["codes"] == [finding.code for finding in move.findings]
    if isinstance(step, Step):
        check_target(step, wanted)


def check_target(step: Step, wanted: Mapping[str, Any]) -> None:
    """Compare what a step would bring about, record by record."""
    match step.action:
        case SetDs(ds=ds) | SetCds(cds=ds):
            assert ds in [ds_set(symbols) for symbols in wanted.get("ds_one_of", [wanted.get("ds", [])])]
        case SetKeys(published=published, sign_keys=sign_keys, sign_zone=sign_zone):
            assert published == key_set(wanted["keys"])
            assert (sign_keys, sign_zone) == (ids(wanted["signers"]), ids(wanted["data"]))
        case _:
            assert step.op == wanted["op"]


def test_every_scenario_says_what_it_is_about_and_where_the_specification_says_so() -> None:
    for path in SCENARIOS:
        assert {"about", "files", "seen", "now", "expect"} <= set(read(path)), path
