"""Canonical JSON: sorted keys, no floats, no spaces, so that equal values have equal bytes and equal hashes."""

from __future__ import annotations

import hashlib
import json
from typing import NoReturn

from dnsplan.errors import ConfigError

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]

LARGEST = 256 * 1024 * 1024
"""Characters of one document; the plan of 100,000 zones is smaller."""


_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def canonical(value: Json) -> str:
    """Return the canonical text of a JSON value; ConfigError if it is nested too deeply."""
    try:
        return _ENCODER.encode(value)
    except RecursionError:
        raise ConfigError("the document is nested too deeply") from None


def sha256_of(value: Json) -> str:
    """Return `sha256:…` over the canonical text."""
    return "sha256:" + hashlib.sha256(canonical(value).encode()).hexdigest()


def parse(text: str, what: str) -> Json:
    """Return the value of JSON text without floats; ConfigError names `what` and where it breaks off."""
    if len(text) > LARGEST:
        raise ConfigError(f"{what} is larger than {LARGEST} characters")

    def refuse(number: str) -> NoReturn:
        raise ConfigError(f"{what} holds the number {number[:20]}: only integers are used")

    def unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        result = dict(pairs)
        if len(result) != len(pairs):
            raise ConfigError(f"{what} holds an object with the same key twice")
        return result

    try:
        text.encode()
        value: Json = json.loads(text, parse_float=refuse, parse_constant=refuse, object_pairs_hook=unique)
        if "\\ud" in text or "\\uD" in text:  # half of a surrogate pair is no character, and has no UTF-8
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{what} holds half a character, which no UTF-8 text can") from None
    except RecursionError:
        raise ConfigError(f"{what} is nested too deeply") from None
    except ValueError as error:
        raise ConfigError(f"{what} is not JSON: {error}", hint="it may have been cut off; make it anew") from None
    return value
