"""Shows the figures that the lab's tests measured, whether they passed or not."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print every `figures` property of a test, also of other processes."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "figures" and report.when == "call":
                    terminalreporter.write_sep("-", report.nodeid.rpartition("::")[2])
                    terminalreporter.write_line(value)
