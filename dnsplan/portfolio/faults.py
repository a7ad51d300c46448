"""Faults of a portfolio as values: where, what, and how to mend it. All of them, in one run."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Fault:
    """One fault; line and column count from 1, 0 where it concerns a whole file."""

    file: str
    line: int
    column: int
    code: str
    severity: Literal["error", "warning"] = "error"
    message: str
    fix: str = ""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a suggestion such as `did you mean "policy"?`; empty if nothing is near."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else ""
