"""Each thing is found once, nobody waits in a circle, and work is bounded without a trace in the memory."""

from __future__ import annotations

import asyncio

import pytest
from nameservers import name

from dnsplan.observe.memory import Memory, TooMuchWorkError, grant, spend

A, B, C = (("x", name(each)) for each in ("a.", "b.", "c."))


def test_a_thing_is_found_once_however_many_ask() -> None:
    memory, made = Memory(), []

    async def find() -> int:
        made.append(1)
        await asyncio.sleep(0)
        return 7

    async def run() -> list[int]:
        return await asyncio.gather(*(memory.once(A, find, circular=0) for _ in range(5)))

    assert asyncio.run(run()) == [7] * 5
    assert made == [1]


def test_a_circle_ends_with_the_answer_for_circles() -> None:
    memory = Memory()

    async def find_a() -> str:
        return "a" + await memory.once(B, find_b, circular="!")

    async def find_b() -> str:
        return "b" + await memory.once(C, find_c, circular="!")

    async def find_c() -> str:
        return "c" + await memory.once(A, find_a, circular="!")

    async def run() -> str:
        return await memory.once(A, find_a, circular="?")

    assert asyncio.run(run()) == "abc!"


def test_two_who_start_a_circle_at_once_do_not_block_each_other() -> None:
    memory = Memory()

    async def find_a() -> str:
        await asyncio.sleep(0)
        return "a" + await memory.once(B, find_b, circular="!")

    async def find_b() -> str:
        await asyncio.sleep(0)
        return "b" + await memory.once(A, find_a, circular="!")

    async def run() -> list[str]:
        return await asyncio.wait_for(
            asyncio.gather(memory.once(A, find_a, circular="?"), memory.once(B, find_b, circular="?")), 5
        )

    assert asyncio.run(run()) == ["ab!", "b!"]


def test_running_out_of_budget_is_not_remembered() -> None:
    memory = Memory()

    async def dear() -> int:
        for _ in range(10):
            await asyncio.sleep(0)
            spend()
        return 7

    async def ask(budget: int) -> int:
        grant(budget)
        return await memory.once(A, dear, circular=0)

    async def run() -> list[int | BaseException]:
        return await asyncio.gather(ask(3), ask(20), return_exceptions=True)

    poor, rich = asyncio.run(run())
    assert isinstance(poor, TooMuchWorkError)
    assert rich == 7


def test_without_a_budget_work_is_free() -> None:
    spend()
    with pytest.raises(TooMuchWorkError):
        asyncio.run(_broke())


async def _broke() -> None:
    grant(0)
    spend()
