"""The systems that hold the keys of child zones: one file for each type, one line for each in `SIGNERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from dnsplan.errors import ConfigError
from dnsplan.model.portfolio import Secret, WayIn
from dnsplan.model.secret import SecretText
from dnsplan.ports import Signer


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What an adapter may ask of its surroundings when it is made."""

    resolve: Callable[[Secret], SecretText]
    root: Path
    """The folder of `dsplan.yaml`, to which paths in settings are relative."""


def connect_signer(way_in: WayIn, surroundings: Surroundings) -> Signer:
    """Return the adapter of an entry under `signers:`, without contacting anything.

    ConfigError for a type or a setting that cannot be used; SecretError when a secret cannot be had.
    """
    connect = SIGNERS.get(way_in.type)
    if connect is None:
        raise ConfigError(
            f"signers.{way_in.name}: there is no adapter for type {way_in.type!r} in this version",
            hint=f"available types: {', '.join(sorted(SIGNERS))}",
        )
    return connect(way_in, surroundings)


def _powerdns(way_in: WayIn, surroundings: Surroundings) -> Signer:
    from dnsplan.signers import powerdns

    return powerdns.connect(way_in, surroundings.resolve, surroundings.root)


def _manual(way_in: WayIn, _: Surroundings) -> Signer:
    from dnsplan.signers import manual

    return manual.connect(way_in)


SIGNERS: Mapping[str, Callable[[WayIn, Surroundings], Signer]] = MappingProxyType(
    {
        "manual": _manual,
        "powerdns": _powerdns,
    }
)
"""By type; each imports its module only when it is used, since clients are heavy."""
