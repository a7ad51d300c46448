"""Reading the settings of a way in, which arrive as checked but untyped values.

Pure: a secret is returned as its reference, never resolved here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dnsplan.errors import ConfigError
from dnsplan.model.portfolio import Accepts, Secret, Setting, WayIn
from dnsplan.model.records import ALGORITHMS, DIGEST_TYPES
from dnsplan.model.time import Seconds, parse_duration


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The settings of a way in or of a table inside it; `where` names it in messages."""

    values: Mapping[str, Setting]
    where: str

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text; ConfigError when it is missing without a default, or is none."""
        value = self.values.get(name, default)
        if not isinstance(value, str):
            raise self._fault(name, "a text", missing=value is None)
        return value

    def seconds(self, name: str, default: Seconds | None = None) -> Seconds:
        """Return a duration, given as seconds or as text such as `1h30m`; ConfigError when it is none."""
        value = self.values.get(name, default)
        if isinstance(value, str):
            try:
                return parse_duration(value)
            except ValueError as error:
                raise ConfigError(f"{self.where}: {name}: {error}") from None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._fault(name, "a duration", missing=value is None)
        return value

    def secret(self, name: str) -> Secret:
        """Return the reference of a secret; ConfigError when it is missing or stands there in clear."""
        value = self.values.get(name)
        if not isinstance(value, Secret):
            raise self._fault(name, "a reference such as {env: NAME}", missing=value is None)
        return value

    def table(self, name: str) -> Settings:
        """Return a table of settings; an absent one is empty."""
        value = self.values.get(name, {})
        if not isinstance(value, Mapping):
            raise self._fault(name, "a table", missing=False)
        return Settings(values=value, where=f"{self.where}.{name}")

    def _fault(self, name: str, wanted: str, *, missing: bool) -> ConfigError:
        if missing:
            return ConfigError(f"{self.where}: {name} is missing", hint=f"set {name} to {wanted}")
        return ConfigError(f"{self.where}: {name} is not {wanted}")


def settings_of(way_in: WayIn, room: str) -> Settings:
    """Return the settings of an entry under `parents:` or `signers:` (the `room`)."""
    return Settings(values=way_in.settings, where=f"{room}.{way_in.name}")


def accepted_by_account(accepts: Accepts, settings: Settings) -> Accepts:
    """Return what a suffix accepts, overridden by the `accepts` of a parent's entry."""
    table = settings.table("accepts")
    changes: dict[str, object] = dict(table.values)
    if "algorithms" in changes:
        changes["algorithms"] = _numbers(changes["algorithms"], ALGORITHMS, table, "algorithms")
    if "digest_types" in changes:
        changes["digest_types"] = _numbers(changes["digest_types"], DIGEST_TYPES, table, "digest_types")
    try:
        return replace(accepts, **changes)  # type: ignore[arg-type]  # the schema has checked names and types
    except TypeError:
        raise ConfigError(f"{table.where}: holds an unknown setting") from None


def _numbers(value: object, names: Mapping[int, str], table: Settings, setting: str) -> frozenset[int]:
    by_name = {name: number for number, name in names.items()}
    found = set()
    for item in value if isinstance(value, tuple) else (value,):
        number = by_name.get(item) if isinstance(item, str) else item
        if isinstance(number, bool) or not isinstance(number, int):
            raise ConfigError(f"{table.where}: {setting} holds {item!r}, which is no known name")
        found.add(number)
    return frozenset(found)
