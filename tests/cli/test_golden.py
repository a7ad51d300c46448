"""What the offline commands print, to the letter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from offline import FILES, NOW, dsplan, golden, portfolio

PLAN = ("plan", "--observations", "../seen.jsonl", "--now", NOW)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return portfolio(tmp_path / "with space")


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("validate.txt", ("validate",), 0),
        ("validate.json", ("validate", "--format", "json"), 0),
        ("plan.txt", PLAN, 0),
        ("plan.md", (*PLAN, "--format", "markdown"), 0),
        ("plan.txt", (*PLAN, "--detailed-exitcode"), 2),
        ("plan_one.txt", (*PLAN, "--zone", "bücher.example"), 0),
        ("plan_one.txt", (*PLAN, "--zone", "xn--bcher-kva.example", "--detailed-exitcode"), 0),
        ("plan_shop.txt", (*PLAN, "--owner", "shop", "--exclude", "dark.*"), 0),
    ],
)
def test_the_text_is_as_stored(folder: Path, name: str, arguments: tuple[str, ...], code: int) -> None:
    ran = dsplan(folder, *arguments)

    assert (ran.returncode, "Traceback" in ran.stderr) == (code, False), ran.stderr
    golden(name, ran.stdout)


def test_ttls_that_the_policy_states_are_planned_and_those_that_nobody_can_set_are_told(tmp_path: Path) -> None:
    folder = portfolio(tmp_path / "p", rest="zone: rest.example\ndnssec: signed\npolicy: timed\n")
    stated = "policy: timed\ndnskey: {ttl: 10m}\nds: {ttl_max: 1h}\n"
    (folder / "policies" / "timed.yaml").write_text(stated, encoding="utf-8")

    ran = dsplan(folder, *PLAN, "--zone", "rest.example")

    assert ran.returncode == 0
    golden("plan_ttl.txt", ran.stdout)


def test_a_saved_plan_shows_what_was_planned_in_every_format(folder: Path) -> None:
    made = dsplan(folder, *PLAN, "-o", "plan.json")
    shown = dsplan(folder, "show", "plan.json")
    markdown = dsplan(folder, "show", "plan.json", "--format", "markdown")
    page = dsplan(folder, "show", "plan.json", "--format", "html")
    document = dsplan(folder, "show", "plan.json", "--format", "json")

    assert {ran.returncode for ran in (made, shown, markdown, page, document)} == {0}
    assert shown.stdout == made.stdout
    assert markdown.stdout == dsplan(folder, *PLAN, "--format", "markdown").stdout
    golden("plan.html", page.stdout)
    assert document.stdout == (folder / "plan.json").read_text(encoding="utf-8")
    assert made.stderr == "saved: dsplan apply plan.json\n"


def test_faults_are_told_at_once_with_exit_1(tmp_path: Path) -> None:
    folder = portfolio(
        tmp_path / "p", rest="zone: rest.example\nownr: dns\n", again="zone: NEW.example.\n", odd="zone: [1]\n"
    )

    ran = dsplan(folder, "validate")
    planned = dsplan(folder, *PLAN)

    assert (ran.returncode, planned.returncode) == (1, 1)
    golden("faults.txt", ran.stdout)
    assert ran.stderr == "3 faults\n"
    assert "the portfolio has 3 faults" in planned.stderr


def test_every_schema_is_json_and_names_its_dialect(folder: Path) -> None:
    for name in ("dsplan", "zone", "policy", "parent", "plan", "observation", "record"):
        ran = dsplan(folder, "schema", name)
        assert ran.returncode == 0
        assert json.loads(ran.stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_without_dsplan_yaml_only_the_current_folder_counts(folder: Path) -> None:
    for arguments in (("validate",), PLAN, ("status",), ("apply", "--yes"), ("audit", "log"), ("lock", "status")):
        ran = dsplan(folder / "zones", *arguments)
        assert ran.returncode == 1, (arguments, ran.stderr)
        assert ran.stdout == ""
        assert ran.stderr.startswith("error: there is no dsplan.yaml in .\nhint: ")


@pytest.mark.parametrize("where", [("-C", "p"), ("-Cp",)])
def test_the_folder_stands_before_or_after_the_command_attached_or_apart(
    tmp_path: Path, where: tuple[str, ...]
) -> None:
    portfolio(tmp_path / "p")

    before = dsplan(tmp_path, *where, "validate", "--format=json")
    after = dsplan(tmp_path, "--format", "json", "validate", *where)

    assert (before.returncode, after.returncode) == (0, 0)
    assert before.stdout == after.stdout == '{"faults": []}\n'


def test_quiet_leaves_the_data_and_nothing_else(folder: Path) -> None:
    ran = dsplan(folder, *PLAN, "-o", "plan.json", "-q")

    assert ran.stderr == ""
    assert ran.stdout.startswith("Plan: ")


def test_outside_git_a_plan_can_be_made_and_an_apply_is_refused(folder: Path) -> None:
    ran = dsplan(folder, "apply", "--yes")

    assert ran.returncode == 1
    assert "not in a Git repository" in ran.stderr


def test_text_from_files_cannot_drive_a_terminal(tmp_path: Path) -> None:
    evil = "\\e[2J\\u202e"
    folder = portfolio(tmp_path / "p", rest=f'zone: rest.example\n"{evil}": 1\n')

    for form in ("text", "json", "github", "sarif", "junit"):
        ran = dsplan(folder, "validate", "--format", form)
        assert ran.returncode == 1
        assert "\x1b" not in ran.stdout
        assert "\u202e" not in ran.stdout


def test_roll_writes_one_line_and_takes_the_next_number_the_same_day(folder: Path) -> None:
    first = dsplan(folder, "roll", "new.example")
    once = (folder / "zones/new.yaml").read_text()
    second = dsplan(folder, "roll", "new.example")
    third = dsplan(folder, "roll", "new.example", "--token", "audit")
    again = dsplan(folder, "roll", "new.example", "--token", "audit")

    today = once.partition('roll: "')[2].partition('"')[0]
    assert (first.returncode, second.returncode, third.returncode, again.returncode) == (0, 0, 0, 64)
    assert once.replace(f'roll: "{today}"\n', "") == FILES["zones/new.yaml"]
    assert f"roll: {today}.2" in second.stdout
    assert "roll: audit" in third.stdout
    assert "is 'audit' already" in again.stderr
