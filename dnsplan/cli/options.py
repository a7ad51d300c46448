"""Options that every command understands, before or after it: where, which zones, how to show."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dnsplan.errors import UsageError

SELECTORS = {
    "--zone": "zones",
    "--tag": "tags",
    "--owner": "owners",
    "--parent": "parents",
    "--signer": "signers",
    "--policy": "policies",
    "--exclude": "exclude",
}
VALUED = {"-C", "--format", "--color", "--log-json", "--changed-since", *SELECTORS}
FLAGS = {"--quiet": "quiet", "-q": "quiet", "-v": "verbose", "--verbose": "verbose"}


@dataclass(slots=True)
class Options:
    """What was given beside the command's own arguments."""

    folder: Path = field(default_factory=Path)
    format: str = "text"
    color: str = "auto"
    log_json: Path | None = None
    changed_since: str | None = None
    quiet: bool = False
    verbose: bool = False
    selectors: dict[str, list[str]] = field(default_factory=dict)

    def one_of(self, *formats: str) -> str:
        """Return the format; UsageError if the command does not have it."""
        if self.format not in formats:
            raise UsageError(f"there is no format {self.format!r} here", hint=f"choose one of {', '.join(formats)}")
        return self.format


def split_options(arguments: list[str]) -> tuple[Options, list[str]]:
    """Return the common options, wherever they stand, and the rest of the arguments."""
    options, rest = Options(), list[str]()
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        position += 1
        if argument == "--":
            rest.extend(arguments[position - 1 :])
            break
        name, equals, value = argument.partition("=")
        if argument.startswith("-C") and len(argument) > 2:  # attached: -CDIR
            name, equals, value = "-C", "=", argument[2:]
        if flags := _flags(argument):
            for flag in flags:
                setattr(options, FLAGS[flag], True)
        elif name in VALUED:
            if not equals:
                if position >= len(arguments):
                    raise UsageError(f"{name} needs a value", hint="see `dsplan --help`")
                value = arguments[position]
                position += 1
            _set(options, name, value)
        else:
            rest.append(argument)
    return options, rest


def _flags(argument: str) -> list[str]:
    """Return the flags of an argument, `-qv` taken apart; none if it is something else."""
    if argument in FLAGS:
        return [argument]
    short = [f"-{letter}" for letter in argument[1:]] if argument[:1] == "-" and argument[1:2] != "-" else []
    return short if all(flag in FLAGS for flag in short) else []


def _set(options: Options, name: str, value: str) -> None:
    match name:
        case "-C":
            options.folder = Path(value)
        case "--format":
            options.format = value
        case "--log-json":
            options.log_json = Path(value)
        case "--changed-since":
            options.changed_since = value
        case "--color":
            if value not in {"auto", "always", "never"}:
                raise UsageError(f"--color cannot be {value!r}", hint="choose one of auto, always, never")
            options.color = value
        case _:
            options.selectors.setdefault(SELECTORS[name], []).append(value)
