"""Colour for people's eyes only: it repeats what the word beside each symbol says, and is left out where asked."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import TextIO

from dnsplan.cli.options import Options

COLOURS = {
    "+ add": "32",
    "- remove": "31",
    "~ change": "33",
    "… wait": "36",
    "! ": "1;31",
    "? ": "35",
    "✋ manual": "1;35",
    "= ": "2",
}
"""Select graphic rendition of ECMA-48 for the symbols and their words."""

_SYMBOL = re.compile(
    r"^(.*?)(\+ add|- remove|~ change|… wait|! \w+|\? \w+|✋ manual|= (?:no change|keep|done|hold)\b)", re.MULTILINE
)


def painter(options: Options, stream: TextIO | None = None) -> Callable[[str], str]:
    """Return what colours a text for stdout (or `stream`): itself unless it is a terminal or colour was asked for."""
    return _painted if _wanted(options, stream or sys.stdout) else str


def _wanted(options: Options, stream: TextIO) -> bool:
    if options.color != "auto":
        return options.color == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _painted(text: str) -> str:
    def paint(match: re.Match[str]) -> str:
        before, symbol = match.groups()
        colour = next(code for start, code in COLOURS.items() if symbol.startswith(start))
        return f"{before}\x1b[{colour}m{symbol}\x1b[0m"

    return _SYMBOL.sub(paint, text)
