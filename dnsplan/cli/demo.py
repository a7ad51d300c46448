"""`dsplan demo`: the main job end to end on loopback; the story itself is loaded when it is told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the portfolio's folder for you to look at.")] = False,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Put the portfolio here instead of a temporary folder.")
    ] = None,
) -> int:
    """Run the main job end to end in a DNS world on loopback, explained line by line."""
    from dnsplan.cli.story import tell

    return tell(sys.stdout, keep=keep, folder=folder)
