"""What the ledger's settings say, held against the Git repository around the portfolio; silent where there is none."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from dnsplan.model.portfolio import Audit
from dnsplan.portfolio.faults import Fault, nearest
from dnsplan.portfolio.yamlfile import YamlFile

TIMEOUT = 10
PROTECTED = "refs/remotes/origin/HEAD"


def ledger_faults(root: Path, main: YamlFile, audit: Audit) -> Iterator[Fault]:
    """Yield faults of `audit` that only the repository shows; nothing is fetched or changed."""
    own = {_git(root, "symbolic-ref", "--quiet", "--short", "HEAD")}
    own.add(_git(root, "symbolic-ref", "--quiet", "--short", PROTECTED).removeprefix("origin/"))
    if audit.branch in own:
        message = f"audit.branch {audit.branch!r} is the branch of the configuration itself"
        yield main.fault(("audit", "branch"), "BAD_BRANCH", message, "give the ledger its own branch")
    remotes = _git(root, "remote").split()
    if _git(root, "rev-parse", "--git-dir") and audit.remote not in {*remotes, Audit().remote}:
        message = f"audit.remote {audit.remote!r} is not the name of a configured remote"
        fix = nearest(audit.remote, remotes) or "`git remote` lists them"
        yield main.fault(("audit", "remote"), "UNKNOWN_REMOTE", message, fix)


def _git(root: Path, *command: str) -> str:
    """Return what Git says; empty where there is no repository, or no Git."""
    try:
        ran = subprocess.run(  # noqa: S603  # a fixed program with fixed arguments
            ("git", "-C", str(root), *command),  # noqa: S607  # the user's own Git
            capture_output=True, timeout=TIMEOUT, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout.decode("utf-8", "replace").strip() if ran.returncode == 0 else ""
