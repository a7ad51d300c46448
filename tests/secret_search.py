"""After every test: no secret in use stands in what was printed, logged, written to a file or put into Git.

A pytest plugin. Whatever makes a secret says so with `watch`; a file that holds one on purpose is named to `may_hold`.
"""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

SHORTEST = 8
"""Bytes that a form of a secret has at least; shorter ones occur by chance."""


def forms(secret: str) -> frozenset[bytes]:
    """Return a secret as text, quoted, in hex and in base64 of any alignment, and what it is the base64 of."""
    raws = {secret.encode()}
    with suppress(ValueError):
        raws.add(base64.b64decode(secret, validate=True))
    found = {quote(secret, safe="").encode()}
    for raw in raws:
        found |= {raw, raw.hex().encode(), raw.hex().upper().encode(), *_base64(raw)}
    return frozenset(form for form in found if len(form) >= SHORTEST)


def _base64(raw: bytes) -> Iterator[bytes]:
    for offset in range(3):
        text = base64.b64encode(bytes(offset) + raw).rstrip(b"=")
        whole = text[(0, 2, 3)[offset] : len(text) - bool((offset + len(raw)) % 3)]
        yield from (whole, whole.translate(bytes.maketrans(b"+/", b"-_")))


@dataclass
class Search:
    """What is looked for, and what has been looked at."""

    lasting: set[bytes] = field(default_factory=set)
    passing: set[bytes] = field(default_factory=set)
    """Forms of secrets of the present test only."""
    holders: set[Path] = field(default_factory=set)
    printed: list[bytes] = field(default_factory=list)
    over: set[Path] = field(default_factory=set)
    """Folders of tests that have ended."""
    looked_at: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def find(self, base: Path) -> list[str]:
        """Return the places that hold a secret: the output, and what is new below a folder."""
        places = ["the output"] * self._holds(b"\n".join(self.printed))
        repositories = set()
        for path in self._new_files(base):
            if repository := _repository_of(path):
                repositories.add(repository)
            elif path not in self.holders and self._holds(path.read_bytes()):
                places.append(str(path))
        places += [f"an object of {path}" for path in sorted(repositories) if self._holds(_objects(path))]
        self.printed.clear()
        self.passing.clear()
        return places

    def _holds(self, text: bytes) -> bool:
        return any(form in text for form in self.lasting | self.passing)

    def _new_files(self, base: Path) -> Iterator[Path]:
        for folder, below, names in os.walk(base):
            below[:] = [name for name in below if Path(folder, name) not in self.over | self.holders]
            for path in (Path(folder, name) for name in names):
                if path.is_file() and not path.is_symlink():
                    status = path.stat()
                    state = (status.st_mtime_ns, status.st_size)
                    if self.looked_at.get(path) != state:
                        self.looked_at[path] = state
                        yield path


def _repository_of(path: Path) -> Path | None:
    """Return the Git folder in whose store of objects a file lies."""
    stores = (folder for folder in path.parents if folder.name == "objects" and (folder.parent / "HEAD").is_file())
    return next((store.parent for store in stores), None)


def _objects(repository: Path) -> bytes:
    """Return every object, reachable or not, unpacked."""
    command = ["git", f"--git-dir={repository}", "cat-file", "--batch-all-objects", "--batch", "--unordered"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        listed = process.stdout.read()
    assert process.returncode == 0
    return listed


SEARCH = Search()


def watch(*secrets: str) -> None:
    """Look for these after this test and every later one."""
    SEARCH.lasting.update(form for secret in secrets for form in forms(secret))


def watch_in_this_test(*secrets: str) -> None:
    """Look for these after this test."""
    SEARCH.passing.update(form for secret in secrets for form in forms(secret))


def may_hold(*paths: Path) -> None:
    """Let these files and folders hold secrets: a server or a signer keeps them there."""
    SEARCH.holders.update(paths)


def printed(*texts: str | bytes | None) -> None:
    """Look at this output, too; that of every process that is communicated with needs no mention."""
    SEARCH.printed.extend(text.encode() if isinstance(text, str) else text for text in texts if text)


@pytest.fixture(scope="session", autouse=True)
def _all_output_is_searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    communicate = subprocess.Popen.communicate

    def overheard(process: subprocess.Popen[Any], *arguments: Any, **named: Any) -> tuple[Any, Any]:
        outputs = communicate(process, *arguments, **named)
        printed(*outputs)
        return outputs

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "communicate", overheard)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a test fail, when it is over, of a secret that it let out."""
    report = yield
    if call.when == "teardown" and (SEARCH.lasting or SEARCH.passing):
        printed(*_told(report))
        places = SEARCH.find(item.config._tmp_path_factory.getbasetemp())  # type: ignore[attr-defined]
        if isinstance(folder := getattr(item, "funcargs", {}).get("tmp_path"), Path):
            SEARCH.over.add(folder)
        if places:
            report.outcome, report.longrepr = "failed", f"a secret is in {', '.join(places)}"
    return report


def _told(report: pytest.TestReport) -> Iterable[str]:
    """Return what the test printed, logged and noted."""
    return (*(text for _, text in report.sections), *(str(value) for _, value in report.user_properties))
