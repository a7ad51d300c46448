"""The reference of commands is what `--help` says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from dnsplan.cli.app import app, audit, lock

ROOT = Path(__file__).parent.parent.parent


def test_the_reference_is_what_help_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "NO_COLOR", "TERM"):
        monkeypatch.setenv(name, "")
    script = runpy.run_path(str(ROOT / "scripts/commands-reference"))

    assert (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8") == script["reference"](), (
        "write it anew: .venv/bin/python scripts/commands-reference > docs/reference/commands.md"
    )


def test_the_reference_holds_every_command() -> None:
    script = runpy.run_path(str(ROOT / "scripts/commands-reference"))
    alone = {(command.name or command.callback.__name__,) for command in app.registered_commands if command.callback}
    grouped = {
        (group, command.name)
        for group, one in (("audit", audit), ("lock", lock))
        for command in one.registered_commands
    }

    assert set(script["COMMANDS"]) == {(), *alone, *grouped}
