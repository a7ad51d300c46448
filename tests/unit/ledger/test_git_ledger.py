from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ledger_builders import AUDIT, T0, SetClock, git, history, ledger, record, repository, written

from dnsplan.errors import LedgerError, LedgerUnreachableError, LockedError, RefusedError
from dnsplan.ledger import Broken, GitLedger, Verified, verify
from dnsplan.model.portfolio import Audit
from dnsplan.model.time import format_instant


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    book = written(repository(tmp_path / "with space"))

    assert book.known() == {"z0.example", "z1.example", "z2.example"}
    assert book.read(["z1.example", "other.example"]) == {"z1.example": history("z1.example")}
    newest = book.newest()
    assert newest is not None
    assert newest[0].id == "r2"
    assert newest[0].steps[0].outcome == "performed"
    assert [r.id for r in book.log(2)] == ["r2", "r1"]


def test_an_empty_repository_has_no_ledger(tmp_path: Path) -> None:
    book = ledger(repository(tmp_path / "r"))

    assert (book.head(), book.newest(), book.known(), book.planned(), book.log(5)) == (
        None,
        None,
        frozenset(),
        "",
        (),
    )
    assert isinstance(verify(tmp_path / "r", AUDIT), Broken)


def test_outside_git_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="not in a Git repository"):
        GitLedger(tmp_path, AUDIT, SetClock())


def test_work_tree_index_branch_and_hooks_are_left_alone(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r")
    (folder / "half.txt").write_text("staged")
    git(folder, "add", "half.txt")
    for hook in ("pre-commit", "post-commit", "reference-transaction", "pre-push"):
        path = folder / ".git" / "hooks" / hook
        path.write_text(f"#!/bin/sh\ntouch '{tmp_path}/hooked'\n")
        path.chmod(0o755)
    before = git(folder, "status", "--porcelain=v2", "--branch")

    written(folder)

    assert git(folder, "status", "--porcelain=v2", "--branch") == before
    assert not (tmp_path / "hooked").exists()


def test_a_commit_is_on_the_disk_before_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git does not flush loose objects unless told: after a power cut an intent would be gone, its call would not."""
    folder = repository(tmp_path / "r")
    book = ledger(folder)
    book.acquire("apply", 0)
    store = folder / ".git" / "objects"
    before = set(store.glob("??/*"))
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(tmp_path / "trace"))

    book.commit(record("r0"), [history("a.example")], subject="x")

    events = [json.loads(line) for line in (tmp_path / "trace").read_text().splitlines()]
    flushed = sum(int(event["value"]) for event in events if event.get("key") == "fsync/hardware-flush")
    written_files = len(set(store.glob("??/*")) - before) + len(list(store.glob("pack/*.pack")))
    assert written_files
    assert flushed > written_files, "the objects, and the reference that shows them"


def test_the_due_index_follows_the_histories(tmp_path: Path) -> None:
    book = ledger(repository(tmp_path / "r"))
    book.acquire("apply", 0)
    book.commit(None, [history("a.example", next_at=T0 + 10), history("b.example", next_at=T0 + 90_000)], subject="x")

    assert book.due(T0) == frozenset()
    assert book.due(T0 + 10) == {"a.example"}
    assert book.due(T0 + 100_000) == {"a.example", "b.example"}
    book.commit(None, [history("a.example"), history("b.example", next_at=T0 + 10)], subject="y", planned="c1")
    assert book.due(T0 + 100_000) == {"b.example"}
    assert book.planned() == "c1"


def test_nothing_is_written_without_the_lock(tmp_path: Path) -> None:
    book = ledger(repository(tmp_path / "r"))

    with pytest.raises(LockedError):
        book.commit(None, [history("a.example")], subject="x")
    with pytest.raises(LockedError):
        book.lease_left(T0)


@pytest.mark.parametrize("shared", [False, True])
def test_a_lock_is_exclusive_lapses_and_fences(tmp_path: Path, shared: bool) -> None:
    remote = tmp_path / "remote.git" if shared else None
    first, clock = repository(tmp_path / "one", remote), SetClock()
    second = repository(tmp_path / "two", remote) if shared else first
    one, two = ledger(first, clock), ledger(second, clock)
    one.acquire("apply", 0)

    with pytest.raises(LockedError, match="locked by test for apply"):
        two.acquire("apply", 5)
    clock.at += 61
    two.acquire("apply", 0)

    with pytest.raises(LockedError, match="taken"):
        one.commit(None, [history("a.example")], subject="late")
    one.release()
    assert two.lock_info() is not None
    two.commit(None, [history("b.example")], subject="x")
    two.release()
    assert two.lock_info() is None
    assert two.known() == {"b.example"}


def test_a_lease_is_renewed_when_less_than_half_is_left(tmp_path: Path) -> None:
    clock = SetClock()
    book = ledger(repository(tmp_path / "r"), clock)
    book.acquire("apply", 0)

    assert book.lease_left(T0 + 20) == 40
    assert book.lease_left(T0 + 40) == 60
    other = ledger(tmp_path / "r", clock)
    assert other.break_lock()
    with pytest.raises(LockedError, match="taken"):
        book.lease_left(T0 + 80)
    assert not other.break_lock()


def test_two_clones_share_a_ledger_through_their_remote(tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    one, two = ledger(repository(tmp_path / "one", remote)), ledger(repository(tmp_path / "two", remote))
    one.sync()
    one.acquire("apply", 0)
    one.commit(record("r1"), [history("a.example")], subject="x")
    one.release()

    two.acquire("apply", 0)
    two.commit(record("r2"), [history("b.example")], subject="y")
    two.release()
    one.sync()

    assert one.known() == {"a.example", "b.example"}
    assert isinstance(verify(tmp_path / "one", AUDIT), Verified)
    fresh = tmp_path / "fresh"
    git(tmp_path, "clone", "-q", "--no-local", str(remote), str(fresh))
    assert isinstance(verify(fresh, AUDIT), Verified)


def test_a_clone_whose_own_branch_cannot_follow_still_writes_after_what_the_remote_has(tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    one, two = ledger(repository(tmp_path / "one", remote)), ledger(repository(tmp_path / "two", remote))
    one.acquire("apply", 0)
    one.commit(record("r1"), [history("a.example")], subject="x")
    one.release()
    two.acquire("apply", 0)
    two.commit(record("r2"), [history("b.example")], subject="y")
    two.release()
    held = tmp_path / "one" / ".git" / "refs" / "heads" / "dsplan" / "audit.lock"
    held.touch()
    os.utime(held, (T0, T0))

    one.acquire("apply", 0)
    one.commit(record("r3"), [history("c.example")], subject="z")
    one.commit(record("r3", outcome="performed"), [], subject="z")
    one.release()
    two.sync()

    assert [kept.id for kept in two.log(5)] == ["r3", "r2", "r1"]
    assert two.known() == {"a.example", "b.example", "c.example"}


def test_a_dead_remote_is_not_an_empty_one(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r", tmp_path / "remote.git")
    written(folder)
    (tmp_path / "remote.git").rename(tmp_path / "gone.git")

    with pytest.raises(LedgerUnreachableError):
        ledger(folder).sync()


def test_a_ledger_that_vanished_from_the_remote_is_not_begun_anew_unasked(tmp_path: Path) -> None:
    folder, remote = repository(tmp_path / "r", tmp_path / "remote.git"), tmp_path / "remote.git"
    written(folder)
    git(remote, "update-ref", "-d", "refs/heads/dsplan/audit")

    with pytest.raises(RefusedError, match="none any more"):
        ledger(folder).sync()
    GitLedger(folder, AUDIT, SetClock(), allow_new=True).sync()


def test_a_remote_that_was_rewound_is_refused(tmp_path: Path) -> None:
    folder, remote = repository(tmp_path / "r", tmp_path / "remote.git"), tmp_path / "remote.git"
    book = written(folder)
    git(remote, "update-ref", "refs/heads/dsplan/audit", git(remote, "rev-parse", f"{book.head()}~1"))

    with pytest.raises(LedgerError, match="does not continue"):
        ledger(folder).sync()


def test_lock_files_of_a_killed_git_are_cleared(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r")
    stale = folder / ".git" / "refs" / "heads" / "dsplan" / "audit.lock"
    stale.parent.mkdir(parents=True)
    stale.touch()
    os.utime(stale, (T0 - 60, T0 - 60))

    assert written(folder, 1).known() == {"z0.example"}


def test_a_hundred_intents_are_one_commit_and_a_large_tree_stays_fast(tmp_path: Path) -> None:
    book = ledger(repository(tmp_path / "r"))
    book.acquire("apply", 0)
    book.commit(None, [history(f"z{n}.example", next_at=T0 + n * 60) for n in range(10_000)], subject="many")
    count = int(git(tmp_path / "r", "rev-list", "--count", "dsplan/audit"))
    start = time.perf_counter()
    for round_ in range(5):
        book.commit(record(f"r{round_}"), [history(f"z{n}.example", next_at=T0) for n in range(100)], subject="x")
    each = (time.perf_counter() - start) / 5
    start = time.perf_counter()
    due = book.due(T0 - 1)
    asked = time.perf_counter() - start

    sys.stdout.write(f"100 histories in a 10,000-file tree: {each * 1000:.0f} ms; due: {asked * 1000:.0f} ms\n")
    assert int(git(tmp_path / "r", "rev-list", "--count", "dsplan/audit")) == count + 5
    assert due == frozenset()
    assert each < 1.0
    assert asked < 0.5


def test_racing_runs_lose_no_record(tmp_path: Path) -> None:
    """Two clones append in turns and at once; RACE_ROUNDS=50 for the long run."""
    remote, rounds = tmp_path / "remote.git", int(os.environ.get("RACE_ROUNDS", "10"))
    folders = [repository(tmp_path / name, remote) for name in ("one", "two")]

    def run(number: int) -> None:
        clock = SetClock()
        book = ledger(folders[number], clock)
        for round_ in range(rounds):
            while True:
                try:
                    book.acquire("apply", 0)
                    break
                except LockedError:
                    time.sleep(0.02)
            book.commit(record(f"{number}-{round_}"), [history(f"z{number}.example")], subject="x")
            book.release()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, range(2)))
    last = ledger(folders[0])
    last.sync()

    assert len(last.log(1000)) == 2 * rounds
    assert isinstance(verify(folders[0], AUDIT), Verified)


def test_a_kill_in_the_middle_of_a_write_leaves_a_whole_branch(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r")
    written(folder)
    script = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\nfrom ledger_builders import *\n"
        f"clock = SetClock({T0} + 1000)\nbook = ledger(Path(sys.argv[1]), clock)\nbook.acquire('apply', 0)\n"
        "print('go', flush=True)\n"
        "for n in range(1000):\n    book.commit(record(f'k{n}', at=clock.at), [history('k.example')], subject='x')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(folder), str(Path(__file__).parent)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.15)
    process.kill()
    process.wait()
    process.stdout.close()

    book = ledger(folder, SetClock(T0 + 5000))
    book.acquire("apply", 0)
    book.commit(record("after", at=T0 + 5000), [history("k.example")], subject="x")

    assert isinstance(verify(folder, AUDIT), Verified)
    assert format_instant(T0)


def test_a_shallow_clone_reads_writes_and_verifies_the_whole_ledger(tmp_path: Path) -> None:
    remote, shallow = tmp_path / "remote.git", tmp_path / "shallow"
    written(repository(tmp_path / "one", remote))
    git(tmp_path, "clone", "-q", "--no-single-branch", "--depth=1", f"file://{remote}", str(shallow))
    found = verify(shallow, AUDIT)
    assert isinstance(found, Broken)
    assert "only the end" in found.what

    book = ledger(shallow)
    book.acquire("apply", 0)
    book.commit(record("later"), [history("z1.example")], subject="x")
    book.release()

    assert verify(shallow, AUDIT) == Verified(head=book.head() or "", commits=7, records=4)


def test_a_zone_with_a_slash_in_its_name_is_a_file_like_any_other(tmp_path: Path) -> None:
    book = ledger(repository(tmp_path / "r"))
    book.acquire("apply", 0)
    zones = {"0/25.2.0.192.in-addr.arpa", "100%.example", "%2f.example", "a b.example"}

    book.commit(None, [history(zone) for zone in sorted(zones)], subject="x")

    assert book.known() == zones
    assert set(book.read(zones)) == zones


def test_a_ledger_kept_here_goes_on_at_a_new_remote_when_that_is_allowed(tmp_path: Path) -> None:
    folder, remote = repository(tmp_path / "r"), tmp_path / "remote.git"
    written(folder)
    git(folder, "init", "-q", "--bare", str(remote))
    git(folder, "remote", "add", "origin", str(remote))
    with pytest.raises(RefusedError, match="new_ledger"):
        ledger(folder).acquire("apply", 0)

    book = GitLedger(folder, AUDIT, SetClock(), allow_new=True)
    book.acquire("apply", 0)
    head = book.commit(record("later"), [], subject="x")
    book.commit(record("later", outcome="performed"), [], subject="x")

    assert git(remote, "rev-parse", "dsplan/audit~1") == head


def test_a_remote_that_refuses_the_push_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    folder, remote = repository(tmp_path / "r", tmp_path / "remote.git"), tmp_path / "remote.git"
    written(folder, 1)
    book = ledger(folder)
    book.acquire("apply", 0)
    hook = remote / "hooks" / "update"
    hook.write_text('#!/bin/sh\ncase "$1" in refs/heads/*) echo protected branch >&2; exit 1;; esac\n')
    hook.chmod(0o755)

    with pytest.raises(LedgerError, match="could not be written"):
        book.commit(record("later"), [], subject="x")
    hook.unlink()
    book.commit(record("later"), [], subject="x")

    assert verify(folder, AUDIT) == Verified(head=book.head() or "", commits=3, records=2)


def test_a_remote_that_dies_before_a_write_loses_nothing(tmp_path: Path) -> None:
    folder, remote = repository(tmp_path / "r", tmp_path / "remote.git"), tmp_path / "remote.git"
    book = ledger(folder)
    book.acquire("apply", 0)
    remote.rename(tmp_path / "gone.git")
    with pytest.raises(LedgerUnreachableError, match="does not answer"):
        book.commit(record("r"), [], subject="x")
    (tmp_path / "gone.git").rename(remote)

    book.commit(record("r"), [], subject="x")

    assert verify(folder, AUDIT) == Verified(head=book.head() or "", commits=1, records=1)


def test_a_lock_that_cannot_be_read_is_not_stolen(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r")
    git(folder, "update-ref", "refs/dsplan/lock", "main")

    with pytest.raises(LockedError, match="cannot read"):
        ledger(folder).acquire("apply", 100)


def test_a_failed_acquisition_leaves_no_lock(tmp_path: Path) -> None:
    folder, remote = repository(tmp_path / "r", tmp_path / "remote.git"), tmp_path / "remote.git"
    written(folder)
    git(remote, "update-ref", "-d", "refs/heads/dsplan/audit")

    with pytest.raises(RefusedError):
        ledger(folder).acquire("apply", 0)

    assert ledger(folder).lock_info() is None


def test_a_record_is_found_by_its_id_and_its_commit_carries_trailers(tmp_path: Path) -> None:
    book = written(repository(tmp_path / "r"))

    shown = book.show("r1")

    assert shown is not None
    assert shown.steps[0].outcome == "performed"
    assert book.show("none") is None
    assert f"Config: {'c' * 40}" in git(tmp_path / "r", "log", "-1", "--format=%B", "dsplan/audit")


def test_signing_that_is_asked_for_is_not_silently_left_out(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"audit\.sign"):
        GitLedger(repository(tmp_path / "r"), Audit(sign=True), SetClock())
