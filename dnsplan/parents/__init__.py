"""The ways in which a DS reaches a parent: one file for each type, one line for each in `PARENTS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from dnsplan.errors import ConfigError
from dnsplan.model.portfolio import DAY, Secret, WayIn, ZoneName
from dnsplan.model.secret import SecretText
from dnsplan.model.time import Seconds
from dnsplan.ports import Parent


def _one_day(_: ZoneName) -> Seconds:
    return DAY


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What an adapter may ask of its surroundings when it is made."""

    resolve: Callable[[Secret], SecretText]
    root: Path
    """The folder of `dsplan.yaml`, to which paths in settings are relative."""
    ds_ttl_max: Callable[[ZoneName], Seconds] = _one_day
    """The policy's `ds.ttl_max` of a zone."""


def connect_parent(way_in: WayIn, surroundings: Surroundings) -> Parent:
    """Return the adapter of an entry under `parents:`, without contacting anything.

    ConfigError for a type or a setting that cannot be used; SecretError when a secret cannot be had.
    """
    connect = PARENTS.get(way_in.type)
    if connect is None:
        raise ConfigError(
            f"parents.{way_in.name}: there is no adapter for type {way_in.type!r} in this version",
            hint=f"available types: {', '.join(sorted(PARENTS))}",
        )
    return connect(way_in, surroundings)


def _rfc2136(way_in: WayIn, surroundings: Surroundings) -> Parent:
    from dnsplan.parents import rfc2136

    return rfc2136.connect(way_in, surroundings.resolve, surroundings.ds_ttl_max)


def _cds(way_in: WayIn, _: Surroundings) -> Parent:
    from dnsplan.parents import cds

    return cds.connect(way_in)


def _manual(way_in: WayIn, _: Surroundings) -> Parent:
    from dnsplan.parents import manual

    return manual.connect(way_in)


PARENTS: Mapping[str, Callable[[WayIn, Surroundings], Parent]] = MappingProxyType(
    {
        "cds": _cds,
        "manual": _manual,
        "rfc2136": _rfc2136,
    }
)
"""By type; each imports its module only when it is used, since clients are heavy."""
