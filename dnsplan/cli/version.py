"""`dsplan version`, without loading anything else."""

from __future__ import annotations

import sys

from dnsplan import __version__
from dnsplan.errors import UsageError


def print_version(rest: list[str]) -> int:
    """Print the versions of dsplan and Python, as text or JSON; UsageError for anything else."""
    python = ".".join(map(str, sys.version_info[:3]))
    match rest:
        case [] | ["--format", "text"] | ["--format=text"]:
            sys.stdout.write(f"dsplan {__version__} (Python {python})\n")
        case ["--format", "json"] | ["--format=json"]:
            sys.stdout.write(f'{{"dsplan":"{__version__}","python":"{python}"}}\n')
        case ["--help"]:
            sys.stdout.write("Usage: dsplan version [--format text|json]\n\nShow the version.\n")
        case _:
            raise UsageError(f"`dsplan version` does not take {' '.join(rest)}", hint="dsplan version --format json")
    return 0
