"""What the portfolio's own Git repository says: commit, cleanliness, what changed, what is authorised."""

from __future__ import annotations

import subprocess
from pathlib import Path

from dnsplan.errors import ConfigError, RefusedError


def git(folder: Path, *arguments: str) -> str | None:
    """Return the output of a Git command; None if it fails."""
    command = ["git", "-C", str(folder), *arguments]
    ran = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603  # fixed program
    return ran.stdout.decode("utf-8", "replace").strip() if ran.returncode == 0 else None


def is_repository(folder: Path) -> bool:
    """Tell whether the folder is in a Git repository."""
    return folder.is_dir() and git(folder, "rev-parse", "--git-dir") is not None


def commit_of(folder: Path) -> str:
    """Return the commit that is checked out; empty where there is none."""
    return git(folder, "rev-parse", "--verify", "--quiet", "HEAD") or ""


def tree_of(folder: Path) -> str:
    """Return the tree of the portfolio's folder at HEAD; it changes whenever a committed file does."""
    return git(folder, "rev-parse", "--verify", "--quiet", "HEAD:./") or ""


def is_dirty(folder: Path) -> bool:
    """Tell whether files of the portfolio differ from HEAD."""
    return bool(git(folder, "status", "--porcelain", "--", "."))


def changed_files(folder: Path, reference: str) -> frozenset[str]:
    """Return the files that differ from a commit, relative to the folder; ConfigError if there is no such commit."""
    if reference.startswith("-"):
        raise ConfigError(f"{reference!r} is no commit")
    diff = git(folder, "diff", "--name-only", "--relative", reference, "--")
    if diff is None:
        raise ConfigError(f"there is no commit {reference!r} here", hint="fetch it first: git fetch --unshallow")
    untracked = git(folder, "ls-files", "--others", "--exclude-standard") or ""
    return frozenset(diff.splitlines()) | frozenset(untracked.splitlines())


def authorised_commit(folder: Path) -> str:
    """Return the commit that authorises an apply; RefusedError if the files are not what was merged.

    Merge is authorisation: the commit must be contained in the protected branch (origin/HEAD, else main).
    """
    commit = commit_of(folder)
    if not commit:
        raise RefusedError("nothing is committed yet, so that nothing is authorised", hint="commit the portfolio")
    if is_dirty(folder):
        raise RefusedError(
            "files of the portfolio differ from the commit that is checked out", hint="commit or discard the changes"
        )
    protected = git(folder, "rev-parse", "--verify", "--quiet", "origin/HEAD") or git(
        folder, "rev-parse", "--verify", "--quiet", "refs/heads/main"
    )
    if protected and git(folder, "merge-base", "--is-ancestor", commit, protected) is None:
        raise RefusedError(
            f"commit {commit[:12]} is not contained in the protected branch",
            hint="merge it first; merge is authorisation",
        )
    return commit
