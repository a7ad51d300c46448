"""The search for secrets after every test finds what it must."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from secret_search import Search, forms

SECRET = base64.b64encode(b"planted, not sown").decode()
RAW = b"planted, not sown"


@pytest.fixture
def search() -> Search:
    return Search(lasting=set(forms(SECRET)))


def git(*arguments: str | Path, stdin: bytes = b"") -> str:
    ran = subprocess.run(["git", *map(str, arguments)], input=stdin, capture_output=True, check=True)
    return ran.stdout.decode().strip()


@pytest.mark.parametrize(
    "text",
    [
        SECRET.encode(),
        RAW,
        RAW.hex().encode(),
        SECRET.encode().hex().upper().encode(),
        base64.b64encode(b"user:" + SECRET.encode()),
        base64.urlsafe_b64encode(b"u:" + RAW + b"\xff\xfe"),
        SECRET.replace("=", "%3D").encode(),
    ],
)
def test_a_secret_is_found_in_any_form_in_output_and_in_files(search: Search, tmp_path: Path, text: bytes) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/file").write_bytes(b"before " + text + b" after")
    search.printed.append(b"before " + text + b" after")

    assert search.find(tmp_path) == ["the output", str(tmp_path / "deep/file")]
    assert search.find(tmp_path) == []  # nothing new


def test_a_file_that_holds_it_on_purpose_and_harmless_text_are_passed_over(search: Search, tmp_path: Path) -> None:
    (tmp_path / "holder").write_text(SECRET)
    (tmp_path / "harmless").write_text(SECRET[:-6])
    search.holders.add(tmp_path / "holder")

    assert search.find(tmp_path) == []
    search.holders.clear()
    (tmp_path / "holder").write_text(SECRET + "\n")
    assert search.find(tmp_path) == [str(tmp_path / "holder")]


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_a_secret_is_found_in_an_object_that_no_commit_reaches(
    search: Search, tmp_path: Path, *, bare: bool, packed: bool
) -> None:
    repository = tmp_path / "with space"
    git("init", "-q", *(["--bare"] if bare else []), repository)
    store = repository if bare else repository / ".git"
    assert search.find(tmp_path) == []

    found = git(f"--git-dir={store}", "hash-object", "-w", "--stdin", stdin=SECRET.encode())
    if packed:
        git(f"--git-dir={store}", "pack-objects", "-q", store / "objects/pack/pack", stdin=found.encode())
        git(f"--git-dir={store}", "prune-packed", "-q")

    assert search.find(tmp_path) == [f"an object of {store}"]


def test_a_test_that_lets_a_secret_out_fails_and_says_where(tmp_path: Path) -> None:
    (tmp_path / "test_leaky.py").write_text(
        "import logging, subprocess\nfrom secret_search import watch, may_hold\n"
        f"watch('{'x'.join('leaky')}')\n"
        f"LEAK = '{'x'.join('leaky')}'\n"
        "def test_prints(): print(LEAK)\n"
        "def test_logs(): logging.warning(LEAK)\n"
        "def test_runs(): subprocess.run(['echo', LEAK], capture_output=True)\n"
        "def test_writes(tmp_path): (tmp_path / 'leak').write_text(LEAK)\n"
        "def test_notes(record_property): record_property('figures', LEAK)\n"
        "def test_keeps(tmp_path): (tmp_path / 'kept').write_text(LEAK), may_hold(tmp_path / 'kept')\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rN",
        "-p",
        "secret_search",
        "-p",
        "no:cacheprovider",
        "--tb=line",
    ]
    ran = subprocess.run(
        [*command, f"--basetemp={tmp_path / 'temporary'}", f"--rootdir={tmp_path}", str(tmp_path / "test_leaky.py")],
        capture_output=True, check=False, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip

    assert "6 passed, 5 errors" in ran.stdout, ran.stdout
    assert ran.stdout.count("a secret is in the output") == 4
    assert ran.stdout.count("test_writes0/leak") == 1
