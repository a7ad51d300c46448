"""The house rules that no other tool enforces."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "dnsplan"
MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_has_at_most_400_lines_and_its_functions_40(module: Path) -> None:
    """A newcomer finds any behaviour in a file that fits the head."""
    source = module.read_text(encoding="utf-8")

    assert len(source.splitlines()) <= 400
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.body[0].lineno + 1 > 40
    ]
    assert long == []


def test_the_kernel_stays_small() -> None:
    """People must be able to read the whole of it before they trust it."""
    assert len((PACKAGE / "engine" / "kernel.py").read_text(encoding="utf-8").splitlines()) < 150


def test_every_module_says_what_it_does() -> None:
    """The first thing in a module is its docstring."""
    missing = [str(path) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]

    assert missing == []
