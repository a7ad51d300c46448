"""Which zones a command is about: globs, tags, owners, ways in, policies; what matches nothing is an error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from dnsplan.errors import UsageError
from dnsplan.model.names import parse_name
from dnsplan.model.portfolio import Portfolio, ZoneIntent, ZoneName


@dataclass(frozen=True, kw_only=True, slots=True)
class Selector:
    """Zones that match one of each kind that is given, and none of `exclude`."""

    zones: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    signers: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return the values that narrow the selection, by option."""
        return (
            ("zone", self.zones),
            ("tag", self.tags),
            ("owner", self.owners),
            ("parent", self.parents),
            ("signer", self.signers),
            ("policy", self.policies),
        )

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return what was asked for, as (option, value)."""
        return tuple((name, value) for name, values in (*self.kinds, ("exclude", self.exclude)) for value in values)


def select(portfolio: Portfolio, selector: Selector) -> tuple[ZoneName, ...]:
    """Return the selected zones, sorted; UsageError names an option that matches nothing.

    A name without wildcards that is excluded must exist: a typing error there would let a zone through.
    """
    intents = tuple(portfolio.zones.values())
    chosen = {intent.zone for intent in intents}
    for kind, values in selector.kinds:
        if values:
            chosen &= {zone for value in values for zone in _matching(intents, kind, value)}
    for value in selector.exclude:
        chosen -= _matching(intents, "zone", value, must=not _has_wildcard(value))
    if not chosen and selector.pairs and intents:
        asked = " ".join(f"--{name} {value}" for name, value in selector.pairs)
        raise UsageError(f"no zone matches {asked}", hint="each kind of option narrows the selection")
    return tuple(sorted(chosen))


def _matching(intents: tuple[ZoneIntent, ...], kind: str, value: str, *, must: bool = True) -> set[ZoneName]:
    """Return the zones that one value of one option matches."""
    matches = _test(kind, value)
    found = {intent.zone for intent in intents if matches(intent)}
    if must and not found:
        wanted = f"{value!r}" if kind == "zone" else f"--{kind} {value}"
        raise UsageError(f"no zone matches {wanted}", hint="`dsplan status` lists the zones of the portfolio")
    return found


def _test(kind: str, value: str) -> Callable[[ZoneIntent], bool]:
    match kind:
        case "zone":
            glob = _glob(value)
            return lambda intent: fnmatchcase(intent.zone, glob)
        case "tag":
            return lambda intent: value in intent.tags
        case "owner":
            return lambda intent: value == intent.owner
        case "parent":
            suffix = _suffix(value)
            return lambda intent: value == intent.parent or (bool(suffix) and intent.zone.endswith(f".{suffix}"))
        case "signer":
            return lambda intent: value in {intent.signer, intent.migrate_to, *intent.signers}
        case _:
            return lambda intent: value == intent.policy


def _has_wildcard(glob: str) -> bool:
    return any(char in glob for char in "*?[")


def _glob(glob: str) -> str:
    """Return a glob in the form in which names are kept; U-labels are understood where they hold no wildcard."""
    if _has_wildcard(glob):
        labels = glob.lower().removesuffix(".").split(".")
        return ".".join(label if label.isascii() or _has_wildcard(label) else _name(label) for label in labels)
    return _name(glob)


def _name(text: str) -> ZoneName:
    try:
        return parse_name(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no zone name: {error}") from None


def _suffix(text: str) -> ZoneName:
    """Return a TLD or other suffix in the form in which names are kept; empty where it is only an entry's name."""
    try:
        return parse_name(text.removeprefix("."))
    except ValueError:
        return ""
