"""A typed codec for the model's values, derived once for each type from its fields.

Dataclasses become objects, unions of dataclasses carry their class in `kind`, sets are sorted, instants are RFC 3339,
keys and DS are their presentation form. Unknown fields are ignored; anything else that does not fit is an error.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from itertools import repeat
from typing import Any, Literal, Union, get_args, get_origin

from dnsplan.codec.canonical import Json, canonical
from dnsplan.errors import ConfigError
from dnsplan.model.records import Dnskey, Ds, parse_dnskey, parse_ds
from dnsplan.model.time import format_instant, parse_instant

Reader = Callable[[Any], Any]
Writer = Callable[[Any], Json]

LARGEST_NUMBER = 2**53
"""What every reader of JSON can hold exactly."""


class _Misfit(Exception):  # noqa: N818  # it never leaves this module
    """Something does not fit; every level that it passes adds where, so that what fits pays nothing for it."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected
        self.path = ""


def to_json(value: Any, *, tagged: bool = False) -> Json:
    """Return a model value as JSON; `tagged` adds the `kind` that a reader of a union needs."""
    kind: Any = type(value)
    result = _codec_of(kind, "")[0](value)
    if tagged and isinstance(result, dict):
        result = {"kind": type(value).__name__, **result}
    return result


def from_json(kind: Any, data: Any, what: str = "document") -> Any:
    """Return the value of type `kind` (a dataclass or a union of them); ConfigError says where it does not fit."""
    try:
        return _codec_of(kind, "")[1](data)
    except _Misfit as fault:
        raise ConfigError(
            f"{what}{fault.path} is not {fault.expected}", hint="the file was changed by hand or cut off; make it anew"
        ) from None
    except RecursionError:
        raise ConfigError(f"{what} is nested too deeply") from None


@cache
def _codec_of(kind: Any, annotation: str) -> tuple[Writer, Reader]:  # noqa: PLR0911  # one line for each kind of type
    """Return how a type is written and read; `annotation` is its source text, which tells instants from numbers."""
    origin = get_origin(kind)
    if kind in {Ds, Dnskey}:
        return str, _text(lru_cache(4096)(parse_ds if kind is Ds else parse_dnskey))  # every server shows the same
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind)
    if origin in {Union, types.UnionType}:
        return _union(kind, annotation)
    if origin is Literal:
        return (lambda value: value), _literal(get_args(kind))
    if origin is tuple:
        return _tuple(get_args(kind), annotation)
    if origin is frozenset:
        return _frozenset(get_args(kind)[0])
    if isinstance(kind, typing.NewType):
        return _codec_of(kind.__supertype__, "")
    if kind is int and annotation.startswith("Instant"):
        return format_instant, _text(parse_instant)
    if kind in {int, str, bool}:
        return (lambda value: value), _exact(kind)
    message = f"no codec for {kind!r}"
    raise TypeError(message)


def _exact(kind: type) -> Reader:
    def read(data: Any) -> Any:
        if type(data) is not kind:
            raise _Misfit({int: "a whole number", str: "text", bool: "true or false"}[kind])
        if isinstance(data, int) and abs(data) > LARGEST_NUMBER:
            raise _Misfit(f"a number up to {LARGEST_NUMBER}")
        return data

    return read


def _text(parser: Callable[[str], Any]) -> Reader:
    def read(data: Any) -> Any:
        if not isinstance(data, str) or len(data) > 100_000:
            raise _Misfit("text")
        try:
            return parser(data)
        except (ValueError, OverflowError) as error:
            raise _Misfit(f"what it should be: {error}") from None

    return read


def _literal(choices: tuple[Any, ...]) -> Reader:
    def read(data: Any) -> Any:
        if not isinstance(data, str) or data not in choices:
            raise _Misfit(f"one of {', '.join(map(str, choices))}")
        return data

    return read


def _tuple(args: tuple[Any, ...], annotation: str) -> tuple[Writer, Reader]:
    if len(args) == 2 and args[1] is Ellipsis:
        write, read_one = _codec_of(args[0], annotation.removeprefix("tuple["))

        def read(data: Any) -> Any:
            if not isinstance(data, list):
                raise _Misfit("a list")
            return tuple(_each(repeat(read_one), data))

        return (lambda value: [write(item) for item in value]), read
    codecs = [_codec_of(arg, "") for arg in args]

    def read_fixed(data: Any) -> Any:
        if not isinstance(data, list) or len(data) != len(codecs):
            raise _Misfit(f"a list of {len(codecs)}")
        return tuple(_each([codec[1] for codec in codecs], data))

    return (lambda value: [codec[0](item) for codec, item in zip(codecs, value, strict=True)]), read_fixed


def _each(readers: Iterable[Reader], data: list[Any]) -> list[Any]:
    """Read each item of a list with the reader of its place."""
    items: list[Any] = []
    try:
        for reader, item in zip(readers, data, strict=False):
            items.append(reader(item))  # how far it came is the index of what does not fit
    except _Misfit as fault:
        fault.path = f"[{len(items)}]{fault.path}"
        raise
    return items


def _frozenset(arg: Any) -> tuple[Writer, Reader]:
    write, read_one = _codec_of(arg, "")

    def read(data: Any) -> Any:
        if not isinstance(data, list):
            raise _Misfit("a list")
        return frozenset(_each(repeat(read_one), data))

    return (lambda value: sorted((write(item) for item in value), key=canonical)), read


def _union(kind: Any, annotation: str) -> tuple[Writer, Reader]:
    members = [member for member in get_args(kind) if member is not type(None)]
    optional = len(members) < len(get_args(kind))
    if len(members) == 1 or all(get_origin(member) is Literal for member in members):
        choices = members[0] if len(members) == 1 else Literal[tuple(c for m in members for c in get_args(m))]
        write, read_one = _codec_of(choices, annotation)

        def read(data: Any) -> Any:
            return None if data is None and optional else read_one(data)

        return (lambda value: None if value is None else write(value)), read
    lists = [member for member in members if get_origin(member) is tuple]
    words = [member for member in members if get_origin(member) is Literal]
    if len(lists) == len(words) == 1 and len(members) == 2:
        return _word_or_list(_codec_of(words[0], ""), _codec_of(lists[0], ""))
    return _tagged(members, optional=optional)


def _word_or_list(word: tuple[Writer, Reader], many: tuple[Writer, Reader]) -> tuple[Writer, Reader]:
    def write(value: Any) -> Json:
        return (many if isinstance(value, tuple) else word)[0](value)

    def read(data: Any) -> Any:
        return (many if isinstance(data, list) else word)[1](data)

    return write, read


def _tagged(members: list[Any], *, optional: bool) -> tuple[Writer, Reader]:
    by_name: Mapping[str, Any] = {member.__name__: member for member in members}

    def write(value: Any) -> Json:
        return None if value is None else to_json(value, tagged=True)

    def read(data: Any) -> Any:
        if data is None and optional:
            return None
        if not isinstance(data, dict) or not isinstance(data.get("kind"), str) or data["kind"] not in by_name:
            raise _Misfit(f"one of {', '.join(by_name)}")
        return _codec_of(by_name[data["kind"]], "")[1](data)

    return write, read


def _dataclass(kind: type) -> tuple[Writer, Reader]:
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)
    codecs = {field.name: _codec_of(hints[field.name], str(field.type)) for field in fields}
    readers = [(name, codec[1]) for name, codec in codecs.items()]
    required = {
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }

    def write(value: Any) -> Json:
        return {name: codec[0](getattr(value, name)) for name, codec in codecs.items()}

    def read(data: Any) -> Any:
        if not isinstance(data, dict):
            raise _Misfit("an object")
        if not required <= data.keys():
            raise _Misfit(f"complete: {', '.join(sorted(required - data.keys()))} is missing")
        values: dict[str, Any] = {}
        name = ""
        try:
            for name, reader in readers:
                if name in data:
                    values[name] = reader(data[name])
        except _Misfit as fault:
            fault.path = f".{name}{fault.path}"
            raise
        return kind(**values)

    return write, read
