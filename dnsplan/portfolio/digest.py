"""The effective configuration of one zone, as a digest: what a saved plan and a rollover's authorisation rest on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace

from dnsplan.model.portfolio import Portfolio, Setting, WayIn, ZoneName


def effective_digest(portfolio: Portfolio, zone: ZoneName) -> str:
    """Return `sha256:…` over everything that decides about a zone; owner, tags and positions do not count."""
    intent = portfolio.zones[zone]
    suffixes = [zone.split(".", n)[-1] for n in range(1, zone.count(".") + 1)]
    parts = (
        _stable(replace(intent, owner="", tags=frozenset(), source=None)),  # type: ignore[arg-type]  # left out
        _stable(replace(portfolio.policies[intent.policy], source=None)),
        _way_in(portfolio.signers.get(intent.signer or "")),
        _way_in(portfolio.parents.get(intent.parent or "")),
        [_stable(portfolio.accepts[suffix]) for suffix in suffixes if suffix in portfolio.accepts],
        *(_way_in(portfolio.signers.get(name)) for name in (*intent.signers, intent.migrate_to) if name),
    )
    return "sha256:" + hashlib.sha256(repr(parts).encode()).hexdigest()


def _way_in(way: WayIn | None) -> str:
    return "" if way is None else repr((way.name, way.type, _sorted(way.settings)))


def _sorted(value: Setting) -> object:
    if isinstance(value, Mapping):
        return sorted((key, _sorted(item)) for key, item in value.items())
    if isinstance(value, tuple):
        return [_sorted(item) for item in value]
    return value


def _stable(value: object) -> str:
    """Return a representation in which sets are sorted, so that equal values have equal text."""
    if is_dataclass(value) and not isinstance(value, type):
        return repr([(field.name, _stable(getattr(value, field.name))) for field in fields(value)])
    if isinstance(value, frozenset):
        return repr(sorted(map(_stable, value)))
    if isinstance(value, tuple):
        return repr([_stable(item) for item in value])
    return repr(value)
