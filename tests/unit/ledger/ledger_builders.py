"""A clock that a test sets, and repositories with and without a common remote."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from dnsplan.ledger import GitLedger
from dnsplan.model.audit import AuthorisedBy, Record, StepRecord
from dnsplan.model.history import ZoneHistory
from dnsplan.model.portfolio import Audit

T0 = 1_800_000_000
AUDIT = Audit()


class SetClock:
    """Time moves only when a test or a wait moves it."""

    def __init__(self, now: int = T0) -> None:
        self.at = now

    def now(self) -> int:
        return self.at

    def sleep_until(self, instant: int) -> None:
        self.at = max(self.at, instant)


def git(folder: Path, *arguments: str, stdin: bytes | None = None) -> str:
    names = {f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    command = ["git", "-C", str(folder), *arguments]
    return (
        subprocess.run(command, input=stdin, capture_output=True, check=True, env={**os.environ, **names})
        .stdout.decode()
        .strip()
    )


def repository(folder: Path, remote: Path | None = None) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "dsplan.yaml").write_text("schema: dsplan/v1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "portfolio")
    if remote is not None:
        if not remote.exists():
            git(folder, "init", "-q", "--bare", str(remote))
        git(folder, "remote", "add", "origin", str(remote))
        git(folder, "push", "-q", "--force", "origin", "main")
    return folder


def ledger(folder: Path, clock: SetClock | None = None) -> GitLedger:
    return GitLedger(folder, AUDIT, clock or SetClock(), actor="test")


def record(name: str, *, at: int = T0, outcome: str | None = None) -> Record:
    step = StepRecord(
        zone="a.example", id="s1", op="ds.set", intent_at=at, before=(), target="{}", proof="{}", outcome=outcome
    )
    return Record(
        id=name, previous=None, commit="c" * 40, tool_version="1", actor="test", run_url="",
        authorised_by=AuthorisedBy(), steps=(step,), at=at,
    )  # fmt: skip


def history(zone: str, *, next_at: int | None = None) -> ZoneHistory:
    return ZoneHistory(zone=zone, next_at=next_at)


def written(folder: Path, count: int = 3, prefix: str = "r") -> GitLedger:
    """Return a ledger with some records, each with its outcome."""
    book = ledger(folder)
    book.acquire("apply", 0)
    for number in range(count):
        book.commit(record(f"{prefix}{number}"), [history(f"z{number}.example")], subject="apply: intent")
        book.commit(record(f"{prefix}{number}", outcome="performed"), [], subject="apply: outcome")
    book.release()
    return book
