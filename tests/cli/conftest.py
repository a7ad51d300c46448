"""One loopback world for each test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dnsplan.world.loopback import World

CHILDREN = tuple(
    f"{name}.corp" for name in ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "crash", "race1", "race2")
)
TTL = 2


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    with World.start((*CHILDREN, "hand.is"), ttl=TTL) as running:
        yield running
