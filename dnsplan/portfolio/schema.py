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

NAMES = ("dsplan", "zone", "policy", "parent", "plan", "observation", "record", "world", "simulation")

SECRET_KEYS = frozenset({
    "password", "token", "secret", "api_key", "secret_api_key", "application_key", "application_secret",
    "consumer_key", "private_key", "totp_secret",
})  # fmt: skip
"""Settings that take only a reference to a secret."""

TYPES = {
    "object": "a mapping", "array": "a list", "string": "text", "integer": "a whole number", "boolean": "true or false",
}  # fmt: skip
LIMITS = {"minimum": "write at least {}", "maximum": "write at most {}", "pattern": "write what matches {}"}


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


@cache
def _acceptor(name: str) -> Any:
    from jsonschema_rs import Draft202012Validator

    formats = {format_name: _tells(parser) for format_name, (_, parser, _) in FORMATS.items()}
    return Draft202012Validator(json.loads(schema(name)), formats=formats, validate_formats=True)


def fits(name: str, value: object) -> bool:
    """Tell whether a value fits a schema, a hundred times as fast as why not; False as well where that is not sure."""
    try:
        return bool(_acceptor(name).is_valid(value))
    except (ValueError, RecursionError):  # a type that JSON does not have, or nested too deeply
        return False


def _tells(parser: Any) -> Any:
    def tells(text: str) -> bool:
        try:
            parser(text)
        except ValueError:
            return False
        return True

    return tells


def first_breach(name: str, value: object) -> tuple[str, str] | None:
    """Return the JSON pointer and the text of the first breach of a schema; None if there is none."""
    if fits(name, value):
        return None
    error = next(iter(_validator(name).iter_errors(value)), None)
    if error is None:
        return None
    while error.context:  # of several forms, the one that it is nearest to
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in error.absolute_path)
    return pointer or "/", str(error.message)[:200]


def _checked(parser: Any) -> Any:
    def check(value: object) -> bool:
        if isinstance(value, str):
            parser(value)
        return True

    return check


def breaches(file: YamlFile, name: str) -> Iterator[Fault]:
    """Yield a fault for every breach of a schema."""
    if fits(name, file.value):
        return
    validator = _validator(name)
    for error in validator.iter_errors(file.value):
        yield from _faults(file, error)


def _faults(file: YamlFile, error: Any) -> Iterator[Fault]:
    path = tuple(error.absolute_path)
    kind = error.validator
    secret = _secret_in(path)
    if secret:  # first of all: no message may repeat what stands there
        shown = f"{secret[-1]!r} is not a reference to a secret, and no secret stands in a file"
        fix = f"write {secret[-1]}: {{env: NAME}}, {{file: PATH}} or {{command: [...]}}"
        yield file.fault(secret, "SECRET_IN_FILE", shown, fix)
    elif kind == "additionalProperties":
        known = set(error.schema.get("properties", {}))
        for key in sorted(set(error.instance) - known):
            fix = nearest(key, known) or f"remove it; known are {', '.join(sorted(known))}"
            yield file.fault((*path, key), "UNKNOWN_KEY", f"unknown key {key!r}", fix, key=True)
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
    key = _named(path)
    if error.validator == "type":
        expected = error.validator_value
        shown = " or ".join(TYPES[kind] for kind in ([expected] if isinstance(expected, str) else expected))
        return file.fault(path, "WRONG_TYPE", f"{key} is not {shown}", f"make it {shown}")
    value = _short(error.instance)
    if error.validator in {"enum", "const"}:
        choices = error.validator_value if error.validator == "enum" else [error.validator_value]
        names = [str(choice).lower() if isinstance(choice, bool) else str(choice) for choice in choices]
        fix = nearest(str(error.instance), names) or f"choose one of {', '.join(names)}"
        code = "BAD_SCHEMA" if path == ("schema",) else "BAD_VALUE"
        return file.fault(path, code, f"{key} cannot be {value}", fix)
    if "url" in path:  # an address may hold a password, and no message repeats it
        message = "this is no address such as https://api.example/v1, without user and password"
        return file.fault(path, "BAD_URL", message, "give secrets by their own settings")
    if error.validator in {"minItems", "minLength", "minProperties"}:
        return file.fault(path, "BAD_VALUE", f"{key} is empty or too short", "fill it, or leave the key out")
    fix = LIMITS.get(error.validator, "see `dsplan schema`").format(error.validator_value)
    return file.fault(path, "BAD_VALUE", f"{key} cannot be {value}", fix)


def _secret_in(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Return the path down to the secret that it leads to or into; empty if there is none."""
    names = 2 if path[:1] in {("signers",), ("parents",)} else 0  # an entry may be named as it likes
    return next((path[: end + 1] for end in range(names, len(path)) if path[end] in SECRET_KEYS), ())


def _named(path: tuple[str | int, ...]) -> str:
    """Return how a message names a part of a file."""
    if not path:
        return "the file"
    if isinstance(path[-1], int):
        return f"entry {path[-1] + 1} of {_named(path[:-1])}"
    return repr(path[-1])


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
