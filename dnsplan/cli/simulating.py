"""`dsplan simulate`: the engine in described worlds, one by one or as a stream."""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dnsplan.cli.options import Options
from dnsplan.errors import ConfigError, ExitCode, UsageError

if TYPE_CHECKING:
    from concurrent.futures import Future

PORTION = 16
"""Worlds that a process gets at once."""


def simulate(
    context: typer.Context,
    world: Annotated[Path | None, typer.Argument(metavar="WORLD.json", help="A described world.")] = None,
    batch: Annotated[
        Path | None, typer.Option(metavar="FILE.jsonl", help="One world a line; one result a line, in the same order.")
    ] = None,
) -> int:
    """Run the engine in a described world and print what was served when.

    Planner, kernel, executor and ledger are those of `apply`; only the world is simulated. The forms are `dsplan schema
    world` and `dsplan schema simulation`. Formats: text, json.
    """
    options: Options = context.obj
    if (world is None) == (batch is None):
        raise UsageError("give one world, or --batch with a file of worlds", hint="dsplan simulate WORLD.json")
    if batch is not None:
        options.one_of("text", "json")
        return _batch(batch)
    return _single(world or Path(), options.one_of("text", "json"))


def _single(path: Path, chosen: str) -> int:
    from dnsplan.forecast.simulate import simulate as run
    from dnsplan.forecast.worlds import read_world

    described = read_world(_text(path))
    result = run(described)
    if chosen == "json":
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        from dnsplan.views.simulation_text import render_simulation

        sys.stdout.write(render_simulation(result))
    return int(ExitCode.OK)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text", hint="a world is a JSON document") from None


def _batch(path: Path) -> int:
    ran = failed = 0
    with path.open("rb") as lines:
        for text, good in _results(line for line in lines if line.strip()):
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
            ran, failed = ran + good, failed + (not good)
    if not failed:
        return int(ExitCode.OK)
    return int(ExitCode.PARTIAL if ran else ExitCode.ERROR)


def _results(lines: Iterator[bytes]) -> Iterator[tuple[str, bool]]:
    """Yield a result for each line, in order; no more lines are held than the processes can be given."""
    first = list(islice(lines, PORTION))
    workers = len(os.sched_getaffinity(0))
    if len(first) < PORTION or workers == 1:
        for line in (*first, *lines):
            yield _one(line)
        return
    from concurrent.futures import ProcessPoolExecutor  # heavy, and `--help` needs none of it

    with ProcessPoolExecutor(workers) as pool:
        waiting: deque[Future[list[tuple[str, bool]]]] = deque()
        for portion in _portions(first, lines):
            waiting.append(pool.submit(_many, portion))
            if len(waiting) > 2 * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _portions(first: list[bytes], lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    portion = first
    while portion:
        yield portion
        portion = list(islice(lines, PORTION))


def _many(lines: Iterable[bytes]) -> list[tuple[str, bool]]:
    return [_one(line) for line in lines]


def _one(line: bytes) -> tuple[str, bool]:
    """Return the result of one world as JSON, and whether it ran."""
    from dnsplan.forecast.simulate import simulate as run
    from dnsplan.forecast.worlds import WorldError, read_world

    identity: Any = None
    try:
        described = read_world(line.decode("utf-8"))
        identity = described.get("id")
        return json.dumps(run(described)), True
    except WorldError as error:
        problem, identity = {"code": error.code, "message": str(error)}, error.identity
    except UnicodeDecodeError:
        problem = {"code": "BAD_JSON", "message": "not UTF-8 text"}
    except Exception as error:  # noqa: BLE001  # one world's trouble is not the others'
        problem = {"code": "INTERNAL", "message": f"a fault of dsplan: {type(error).__name__}"}
    return json.dumps({"id": identity, "error": problem}), False
