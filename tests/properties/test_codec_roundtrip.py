"""Every value of the model that is written comes back equal, and writing it again gives the same bytes."""

from __future__ import annotations

import dataclasses
import types
import typing
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dnsplan.codec import canonical, from_json, parse, to_json
from dnsplan.model.audit import Record
from dnsplan.model.history import ZoneHistory
from dnsplan.model.observation import Observation
from dnsplan.model.plan import Step, ZonePlan
from dnsplan.model.portfolio import Policy, ZoneIntent
from dnsplan.model.records import Dnskey, Ds

KEYS = st.builds(
    Dnskey,
    flags=st.integers(0, 65535),
    algorithm=st.integers(0, 255),
    public_key=st.binary(min_size=1, max_size=8),
)
DIGESTS = st.builds(
    Ds,
    key_tag=st.integers(0, 65535),
    algorithm=st.integers(0, 255),
    digest_type=st.just(2),
    digest=st.binary(min_size=32, max_size=32),
)


@cache
def values_of(kind: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911  # one line for each kind of type
    """Return a strategy for any type that the model is made of."""
    origin, args = get_origin(kind), get_args(kind)
    if kind in {Dnskey, Ds}:
        return KEYS if kind is Dnskey else DIGESTS
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{field.name: values_of(hints[field.name]) for field in dataclasses.fields(kind)})
    if origin in {Union, types.UnionType}:
        return st.one_of([values_of(arg) for arg in args])
    if origin is Literal:
        return st.sampled_from(args)
    if origin is frozenset:
        return st.frozensets(values_of(args[0]), max_size=2)
    if origin is tuple and args[1] is Ellipsis:
        return st.lists(values_of(args[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values_of, args))
    if isinstance(kind, typing.NewType):
        return values_of(kind.__supertype__)
    return {
        int: st.integers(0, 2**32 - 1),
        str: st.text(max_size=6),
        bool: st.booleans(),
        type(None): st.none(),
    }[kind]


@pytest.mark.parametrize("kind", [Observation, ZoneHistory, Record, Step, ZonePlan, Policy, ZoneIntent])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_what_is_written_comes_back(kind: type, data: st.DataObject) -> None:
    value = data.draw(values_of(kind))

    text = canonical(to_json(value))
    again = from_json(kind, parse(text, "text"))

    assert again == value
    assert canonical(to_json(again)) == text
