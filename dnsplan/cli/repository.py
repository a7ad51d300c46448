"""What the portfolio's own Git repository says: which commit, which tree, what changed since another commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

from dnsplan.errors import ConfigError


def git(folder: Path, *arguments: str) -> str | None:
    """Return the output of a Git command; None if it fails. ConfigError without Git."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        ran = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603  # fixed program
    except FileNotFoundError:
        raise ConfigError("the program git is not installed", hint="install it: apt-get install git") from None
    return ran.stdout.decode("utf-8", "surrogateescape").strip() if ran.returncode == 0 else None


def is_repository(folder: Path) -> bool:
    """Tell whether the folder is in a Git repository."""
    return folder.is_dir() and git(folder, "rev-parse", "--git-dir") is not None


def commit_of(folder: Path) -> str:
    """Return the commit that is checked out; empty where there is none."""
    return git(folder, "rev-parse", "--verify", "--quiet", "HEAD") or ""


def tree_of(folder: Path) -> str:
    """Return the tree of the portfolio's folder at HEAD; it changes whenever a committed file does."""
    return git(folder, "rev-parse", "--verify", "--quiet", "HEAD:./") or ""


def changed_files(folder: Path, reference: str) -> frozenset[str]:
    """Return the files that differ from where this branch left `reference`, relative to the folder.

    ConfigError if there is no such commit.
    """
    commit = (
        None if reference.startswith("-") else git(folder, "rev-parse", "--verify", "--quiet", reference + "^{commit}")
    )
    if commit is None:
        raise ConfigError(f"there is no commit {reference!r} here", hint="fetch it first: git fetch --unshallow")
    base = git(folder, "merge-base", commit, "HEAD") or commit
    diff = git(folder, "diff", "--name-only", "--relative", "--no-renames", "-z", base, "--") or ""
    untracked = git(folder, "ls-files", "--others", "-z") or ""
    return frozenset(filter(None, (*diff.split("\0"), *untracked.split("\0"))))
