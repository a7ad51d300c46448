"""Whoever changes, drops or swaps a record is found, and where."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledger_builders import AUDIT, git, repository, written

from dnsplan.ledger import Broken, Verified, verify
from dnsplan.ledger.files import Draft, commit_files
from dnsplan.ledger.plumbing import Plumbing

BRANCH = "refs/heads/dsplan/audit"


def tampered(folder: Path, files: dict[str, str | None]) -> None:
    plumbing = Plumbing(folder)
    head = plumbing.head(BRANCH)
    (commit,) = commit_files(plumbing, [Draft(parent=head, files=files, message="apply: nothing to see")], 1)
    git(folder, "update-ref", BRANCH, commit)


def paths(folder: Path) -> list[str]:
    return git(folder, "ls-tree", "-r", "--name-only", BRANCH, "applies/").split()


def text(folder: Path, path: str) -> str:
    return git(folder, "show", f"{BRANCH}:{path}") + "\n"


def test_an_untouched_branch_holds(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r")
    book = written(folder)

    assert verify(folder, AUDIT, book.head()) == Verified(head=book.head() or "", commits=6, records=3)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_changed_byte_is_found(tmp_path: Path, index: int) -> None:
    folder = repository(tmp_path / "r")
    written(folder)
    path = paths(folder)[index]

    tampered(folder, {path: text(folder, path).replace('"actor":"test"', '"actor":"best"')})

    found = verify(folder, AUDIT)
    assert isinstance(found, Broken)
    assert found.path == path
    assert found.commit == git(folder, "rev-parse", BRANCH)


def test_a_dropped_record_is_found(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r")
    written(folder)

    tampered(folder, {paths(folder)[1]: None})

    found = verify(folder, AUDIT)
    assert isinstance(found, Broken)
    assert found.what == "a record was removed"


def test_swapped_records_are_found(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r")
    written(folder)
    first, second, _ = paths(folder)

    tampered(folder, {first: text(folder, second), second: text(folder, first)})

    assert isinstance(verify(folder, AUDIT), Broken)


def test_a_broken_chain_a_foreign_file_and_broken_json_are_found(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r")
    written(folder)
    head = git(folder, "rev-parse", BRANCH)
    last = text(folder, paths(folder)[-1])

    for files in ({"applies/2027/01/01/x.json": last}, {"notes.txt": "hello"}, {"applies/2027/01/01/y.json": "{"}):
        tampered(folder, files)
        assert isinstance(verify(folder, AUDIT), Broken)
        git(folder, "update-ref", BRANCH, head)
    tampered(folder, {"zones/00/x.json": "{"})
    assert isinstance(verify(folder, AUDIT), Broken)


def test_a_merge_is_found(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r")
    written(folder)
    tree = git(folder, "rev-parse", f"{BRANCH}^{{tree}}")
    merge = git(folder, "commit-tree", tree, "-p", BRANCH, "-p", f"{BRANCH}~1", "-m", "merge")
    git(folder, "update-ref", BRANCH, merge)

    found = verify(folder, AUDIT)

    assert isinstance(found, Broken)
    assert found.what == "the branch is not linear"


def test_a_cut_or_rewritten_branch_betrays_itself_by_the_anchor(tmp_path: Path) -> None:
    folder, other = repository(tmp_path / "r"), repository(tmp_path / "other")
    anchor = written(folder).head()
    git(folder, "update-ref", BRANCH, git(folder, "rev-parse", f"{BRANCH}~2"))

    cut = verify(folder, AUDIT, anchor)
    written(other, 4, "forged")
    git(folder, "fetch", "-q", str(other), f"+{BRANCH}:{BRANCH}")
    rewritten = verify(folder, AUDIT, anchor)

    assert isinstance(verify(folder, AUDIT), Verified)
    assert isinstance(cut, Broken)
    assert isinstance(rewritten, Broken)
    assert "rewritten or cut" in rewritten.what


def test_a_space_or_an_unknown_field_in_the_newest_record_is_found(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r")
    written(folder)
    path = paths(folder)[-1]
    whole = text(folder, path)

    for changed in (whole.replace(",", ", ", 1), whole.replace('"steps"', '"steqs":1,"steps"')):
        head = git(folder, "rev-parse", BRANCH)
        tampered(folder, {path: changed})
        found = verify(folder, AUDIT)
        git(folder, "update-ref", BRANCH, head)
        assert isinstance(found, Broken)
        assert found.path == path
