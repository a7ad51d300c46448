"""Faults of a portfolio for people, for machines and for the places where reviews happen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from dnsplan import __version__
from dnsplan.views.escape import escaped


class Fault(Protocol):
    """What a view needs to know of a fault."""

    @property
    def file(self) -> str:
        """Return the file, relative to the portfolio."""

    @property
    def line(self) -> int:
        """Return the line, from 1; 0 for the file as a whole."""

    @property
    def column(self) -> int:
        """Return the column, from 1."""

    @property
    def code(self) -> str:
        """Return the stable code."""

    @property
    def severity(self) -> str:
        """Return `error` or `warning`."""

    @property
    def message(self) -> str:
        """Return what is wrong."""

    @property
    def fix(self) -> str:
        """Return how to mend it; may be empty."""


def render_faults(faults: Sequence[Fault], form: str) -> str:
    """Return the faults as text, json, github, sarif or junit."""
    return {"text": _text, "json": _json, "github": _github, "sarif": _sarif, "junit": _junit}[form](faults)


def _text(faults: Sequence[Fault]) -> str:
    lines = []
    for fault in faults:
        kind = "warning: " if fault.severity == "warning" else ""
        place = f"{escaped(fault.file)}:{fault.line}:{fault.column}"
        lines.append(f"{place}: {fault.code} {kind}{escaped(fault.message)}")
        if fault.fix:
            lines.append(f"    fix: {escaped(fault.fix)}")
    return "".join(f"{line}\n" for line in lines)


def _json(faults: Sequence[Fault]) -> str:
    names = ("file", "line", "column", "code", "severity", "message", "fix")
    found = [{name: getattr(fault, name) for name in names} for fault in faults]
    return json.dumps({"faults": found}, sort_keys=True) + "\n"


def _github(faults: Sequence[Fault]) -> str:
    """Return workflow commands; their delimiters in values are escaped as the runner expects."""

    def value(text: str) -> str:
        return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    def name(text: str) -> str:
        return value(text).replace(":", "%3A").replace(",", "%2C")

    return "".join(
        f"::{fault.severity} file={name(escaped(fault.file))},line={max(fault.line, 1)},col={max(fault.column, 1)},"
        f"title={name(fault.code)}::{value(escaped(_whole(fault)))}\n"
        for fault in faults
    )


def _sarif(faults: Sequence[Fault]) -> str:
    results: list[dict[str, Any]] = [
        {
            "ruleId": fault.code,
            "level": fault.severity,
            "message": {"text": escaped(_whole(fault))},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": quote(fault.file, errors="replace")},
                        "region": {"startLine": max(fault.line, 1), "startColumn": max(fault.column, 1)},
                    }
                }
            ],
        }
        for fault in faults
    ]
    rules = [{"id": code} for code in sorted({fault.code for fault in faults})]
    driver = {"name": "dsplan", "version": __version__, "rules": rules}
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return json.dumps(document, sort_keys=True) + "\n"


def _junit(faults: Sequence[Fault]) -> str:
    errors = sum(fault.severity == "error" for fault in faults)
    cases = []
    for fault in faults:
        name, text = quoteattr(f"{escaped(fault.file)}:{fault.line}"), quoteattr(escaped(_whole(fault)))
        body = f"<failure type={quoteattr(fault.code)} message={text}/>" if fault.severity == "error" else ""
        cases.append(f"  <testcase classname={quoteattr(fault.code)} name={name}>{body}</testcase>")
    if not faults:
        cases.append('  <testcase classname="dsplan" name="validate"></testcase>')
    head = f'<testsuite name="dsplan validate" tests="{max(len(faults), 1)}" failures="{errors}">'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *cases, "</testsuite>"]) + "\n"


def _whole(fault: Fault) -> str:
    return f"{fault.message}; {fault.fix}" if fault.fix else fault.message
