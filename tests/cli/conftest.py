"""One loopback world for each test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from secret_search import watch

from dnsplan.world.loopback import World

CHILDREN = (
    *(f"{letter}.corp" for letter in "abcdefghijklmn"),
    "crash.corp",
    "race1.corp",
    "race2.corp",
    "undo1.corp",
    "undo2.corp",
)
TTL = 2


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    with World.start((*CHILDREN, "hand.is"), ttl=TTL) as running:
        watch(running.api_key, running.tsig.secret)
        yield running
