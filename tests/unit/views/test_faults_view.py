"""Each form of the faults carries place, code, message and fix, and nothing that a file says acts on its reader."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from dnsplan.portfolio import Fault
from dnsplan.views.faults import render_faults

ERROR = Fault(file="zones/a.yaml", line=3, column=7, code="BAD_NAME", message="no name", fix="write one")
WARNING = Fault(file="z.yaml", line=0, column=0, code="NAME_WARNING", severity="warning", message="odd")
EVIL = Fault(
    file="zones/\x1b[2J,::x.yaml",
    line=1,
    column=1,
    code="UNKNOWN_KEY",
    message="key '\x1b[31m\n::error::100% \u202e<&\">'",
)


def test_text_has_the_place_the_code_and_the_fix() -> None:
    assert render_faults((ERROR, WARNING), "text") == (
        "zones/a.yaml:3:7: BAD_NAME no name\n    fix: write one\nz.yaml:0:0: NAME_WARNING warning: odd\n"
    )


def test_json_has_every_field() -> None:
    assert json.loads(render_faults((ERROR,), "json")) == {
        "faults": [
            {
                "file": "zones/a.yaml",
                "line": 3,
                "column": 7,
                "code": "BAD_NAME",
                "severity": "error",
                "message": "no name",
                "fix": "write one",
            }
        ]
    }


def test_github_annotates_the_line_and_a_whole_file_at_its_first() -> None:
    first, second = render_faults((ERROR, WARNING), "github").splitlines()

    assert first == "::error file=zones/a.yaml,line=3,col=7,title=BAD_NAME::no name; write one"
    assert second == "::warning file=z.yaml,line=1,col=1,title=NAME_WARNING::odd"


def test_sarif_has_a_rule_for_each_code_and_a_region_for_each_result() -> None:
    document = json.loads(render_faults((ERROR, ERROR, WARNING), "sarif"))

    run = document["runs"][0]
    assert document["version"] == "2.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["BAD_NAME", "NAME_WARNING"]
    assert [result["level"] for result in run["results"]] == ["error", "error", "warning"]
    location = run["results"][0]["locations"][0]["physicalLocation"]
    assert location["region"] == {"startLine": 3, "startColumn": 7}


def test_junit_fails_for_errors_and_passes_for_warnings_and_for_nothing() -> None:
    suite = ET.fromstring(render_faults((ERROR, WARNING), "junit"))
    empty = ET.fromstring(render_faults((), "junit"))

    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [len(case) for case in suite.iter("testcase")] == [1, 0]
    assert (empty.get("tests"), empty.get("failures")) == ("1", "0")


@pytest.mark.parametrize("form", ["text", "json", "github", "sarif", "junit"])
def test_what_a_file_says_does_not_act_on_terminal_runner_or_parser(form) -> None:
    shown = render_faults((EVIL,), form)

    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert not any(line.startswith("::error::100") for line in shown.splitlines())
    if form == "github":
        assert shown.count("\n") == 1
        assert "file=zones/\\u001b[2J%2C%3A%3Ax.yaml,line=1" in shown
        assert "100%25" in shown
    if form == "junit":
        ET.fromstring(shown)
    if form in {"json", "sarif"}:
        json.loads(shown)
