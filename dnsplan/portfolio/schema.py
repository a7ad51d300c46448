"""The JSON Schemas of the files, and their breaches as faults with positions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

from dnsplan.errors import UsageError
from dnsplan.portfolio.faults import Fault, nearest
from dnsplan.portfolio.formats import FORMATS
from dnsplan.portfolio.yamlfile import YamlFile

NAMES = ("dsplan", "zone", "policy", "parent", "plan", "observation", "record")

SECRET_KEYS = frozenset({
    "password", "token", "secret", "api_key", "secret_api_key", "application_key", "application_secret",
    "consumer_key", "private_key", "totp_secret",
})  # fmt: skip
"""Settings that take only a reference to a secret."""


def schema(name: str) -> str:
    """Return the text of a JSON Schema (2020-12); UsageError for an unknown name."""
    if name not in NAMES:
        raise UsageError(f"there is no schema {name!r}", hint=f"choose one of {', '.join(NAMES)}")
    return resources.files("dnsplan.portfolio").joinpath("schemas", f"{name}.json").read_text(encoding="utf-8")


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft202012Validator, FormatChecker

    checker = FormatChecker(formats=())
    for format_name, (_, parser, _) in FORMATS.items():
        checker.checks(format_name, raises=ValueError)(_checked(parser))
    return Draft202012Validator(json.loads(schema(name)), format_checker=checker)


def _checked(parser: Any) -> Any:
    def check(value: object) -> bool:
        if isinstance(value, str):
            parser(value)
        return True

    return check


def breaches(file: YamlFile, name: str) -> Iterator[Fault]:
    """Yield a fault for every breach of a schema."""
    validator = _validator(name)
    for error in validator.iter_errors(file.value):
        yield from _faults(file, error)


def _faults(file: YamlFile, error: Any) -> Iterator[Fault]:
    path = tuple(error.absolute_path)
    kind = error.validator
    if kind == "additionalProperties":
        known = set(error.schema.get("properties", {}))
        for key in sorted(set(error.instance) - known):
            yield file.fault((*path, key), "UNKNOWN_KEY", f"unknown key {key!r}", nearest(key, known), key=True)
    elif kind == "required":
        for key in error.validator_value:
            if key not in error.instance:
                yield file.fault(path, "MISSING_KEY", f"the key {key!r} is missing", f"add {key}:")
    elif kind == "format":
        code, _, fix = FORMATS[error.validator_value]
        yield file.fault(path, code, str(error.cause), fix)
    else:
        yield _of_value(file, path, error)


def _of_value(file: YamlFile, path: tuple[str | int, ...], error: Any) -> Fault:
    key = str(path[-1]) if path else "the file"
    if path and key in SECRET_KEYS:
        fix = f"write {key}: {{env: NAME}}, {{file: PATH}} or {{command: [...]}}"
        return file.fault(path, "SECRET_IN_FILE", f"{key!r} is a secret, and secrets never stand in a file", fix)
    if error.validator == "type":
        wanted = {"object": "a mapping", "array": "a list", "string": "text", "integer": "a whole number"}
        expected = error.validator_value
        shown = wanted.get(expected, expected) if isinstance(expected, str) else " or ".join(expected)
        return file.fault(path, "WRONG_TYPE", f"{key!r} is not {shown}", f"make it {shown}")
    if error.validator in {"enum", "const"}:
        choices = error.validator_value if error.validator == "enum" else [error.validator_value]
        names = [str(choice).lower() if isinstance(choice, bool) else str(choice) for choice in choices]
        fix = nearest(str(error.instance), names) or f"choose one of {', '.join(names)}"
        code = "BAD_SCHEMA" if path == ("schema",) else "BAD_VALUE"
        return file.fault(path, code, f"{key!r} cannot be {_short(error.instance)}", fix)
    if error.validator == "anyOf":
        return file.fault(path, "BAD_VALUE", f"{key!r} cannot be {_short(error.instance)}", "see `dsplan schema`")
    return file.fault(path, "BAD_VALUE", f"{key!r}: {_short(error.instance)} is out of bounds", "see `dsplan schema`")


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
