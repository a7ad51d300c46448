"""What one run has found out about the tree: each thing once, whoever needs it, without ever waiting in a circle.

Delegations can be circular (two zones whose servers' names lie in each other). Whoever would wait for what waits for
him gets the answer for circles instead. The work for one zone is bounded; running out of it is never remembered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import dns.name

V = TypeVar("V")
Key = tuple[str, dns.name.Name]


class TooMuchWorkError(Exception):
    """The walk for one zone needs more questions than any honest delegation; never leaves this package."""


@dataclass(slots=True)
class Budget:
    """Questions that the walk for one zone may still ask."""

    left: int


_budget: ContextVar[Budget | None] = ContextVar("budget", default=None)
_finding: ContextVar[Key | None] = ContextVar("finding", default=None)


def grant(questions: int) -> None:
    """Give this task, and those that it starts, a budget of its own."""
    _budget.set(Budget(questions))


def spend() -> None:
    """Take one question off the budget; raise TooMuchWorkError when nothing is left."""
    budget = _budget.get()
    if budget is None:
        return
    if budget.left <= 0:
        raise TooMuchWorkError
    budget.left -= 1


class Memory:
    """Findings by kind and name."""

    def __init__(self) -> None:
        self._found: dict[Key, asyncio.Future[Any]] = {}
        self._waits: dict[Key, list[Key]] = {}

    async def once(self, key: Key, find: Callable[[], Coroutine[Any, Any, V]], *, circular: V) -> V:
        """Return what `find` finds, called once for each key; `circular` to a caller that `key` itself waits for."""
        me = _finding.get()
        while True:
            known = self._found.get(key)
            if known is None:
                known = self._found[key] = asyncio.ensure_future(self._find(key, find))
            elif not known.done() and me is not None and self._leads(key, me):
                return circular
            try:
                found: V = await self._wait(me, key, known)
            except TooMuchWorkError:
                budget = _budget.get()
                if budget is not None and budget.left <= 0:
                    raise
                continue
            return found

    async def _find(self, key: Key, find: Callable[[], Coroutine[Any, Any, V]]) -> V:
        _finding.set(key)
        try:
            return await find()
        except TooMuchWorkError:
            del self._found[key]
            raise

    async def _wait(self, me: Key | None, key: Key, known: asyncio.Future[V]) -> V:
        if me is None or known.done():
            return await known
        edges = self._waits.setdefault(me, [])
        edges.append(key)
        try:
            return await known
        finally:
            edges.remove(key)

    def _leads(self, start: Key, goal: Key) -> bool:
        """Tell whether what finds `start` waits, over any number of steps, for `goal`."""
        seen, todo = {start}, [start]
        while todo:
            key = todo.pop()
            if key == goal:
                return True
            fresh = set(self._waits.get(key, ())) - seen
            seen |= fresh
            todo.extend(fresh)
        return False
