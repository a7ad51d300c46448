"""Which zones a command is about: globs, tags, owners, ways in, policies; what matches nothing is an error."""

from __future__ import annotations

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
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return what was asked for, as (option, value)."""
        kinds = (
            ("zone", self.zones),
            ("tag", self.tags),
            ("owner", self.owners),
            ("parent", self.parents),
            ("signer", self.signers),
            ("policy", self.policies),
            ("exclude", self.exclude),
        )
        return tuple((name, value) for name, values in kinds for value in values)


def select(portfolio: Portfolio, selector: Selector) -> tuple[ZoneName, ...]:
    """Return the selected zones, sorted; UsageError names an option that matches nothing."""
    zones = [_glob(glob) for glob in selector.zones]
    exclude = [_glob(glob) for glob in selector.exclude]
    intents = portfolio.zones.values()
    for shown, glob in zip(selector.zones, zones, strict=True):
        if not any(fnmatchcase(intent.zone, glob) for intent in intents):
            raise UsageError(f"no zone matches {shown!r}", hint="`dsplan status` lists the zones of the portfolio")
    chosen = tuple(
        sorted(
            intent.zone
            for intent in intents
            if _matches(intent, selector, zones) and not any(fnmatchcase(intent.zone, glob) for glob in exclude)
        )
    )
    if not chosen and selector.pairs and intents:
        asked = " ".join(f"--{name} {value}" for name, value in selector.pairs)
        raise UsageError(f"no zone matches {asked}", hint="each kind of option narrows the selection")
    return chosen


def _matches(intent: ZoneIntent, selector: Selector, zones: list[str]) -> bool:
    suffix = intent.zone.partition(".")[2]
    return (
        (not zones or any(fnmatchcase(intent.zone, glob) for glob in zones))
        and (not selector.tags or bool(intent.tags & set(selector.tags)))
        and (not selector.owners or intent.owner in selector.owners)
        and (not selector.signers or intent.signer in selector.signers)
        and (not selector.policies or intent.policy in selector.policies)
        and (
            not selector.parents
            or intent.parent in selector.parents
            or any(
                suffix == p.lstrip(".").lower() or suffix.endswith("." + p.lstrip(".").lower())
                for p in selector.parents
            )
        )
    )


def _glob(glob: str) -> str:
    """Return a glob in the form in which names are kept; U-labels are understood where there is no wildcard."""
    if any(char in glob for char in "*?["):
        return glob.lower().removesuffix(".")
    try:
        return parse_name(glob)
    except ValueError as error:
        raise UsageError(f"{glob!r} is no zone name: {error}") from None
