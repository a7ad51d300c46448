"""What a run may rest on: files as they were merged, and a ledger that is kept where it belongs.

Merge is authorisation. What cannot be established is refused; nothing here changes anything.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from dnsplan.cli.repository import commit_of, git, is_repository
from dnsplan.errors import LedgerError, RefusedError
from dnsplan.model.portfolio import Audit

PROTECTED = ("refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/heads/main")
MAIN = "dsplan.yaml"
FOLDERS = {"zones": "zones/", "policies": "policies/", "parents_dir": "parents/"}


def authorised_commit(folder: Path) -> str:
    """Return the commit that authorises an apply; RefusedError if the files are not what was merged.

    The commit must be contained in the protected branch: that of `origin/HEAD`, else `main`.
    """
    if not is_repository(folder):
        raise LedgerError("this folder is not in a Git repository: there is no ledger", hint="run `git init`")
    commit = commit_of(folder)
    if not commit:
        raise RefusedError("nothing is committed yet, so that nothing is authorised", hint="commit the portfolio")
    changed = changed_here(folder)
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise RefusedError(
            f"files of the portfolio differ from the commit that is checked out: {', '.join(changed[:3])}{more}",
            hint="commit or discard the changes",
        )
    protected = next(filter(None, (git(folder, "rev-parse", "--verify", "--quiet", name) for name in PROTECTED)), None)
    if protected is None and "origin" in (git(folder, "remote") or "").split():
        raise RefusedError(
            "the protected branch of origin is not known here, so that nothing is authorised",
            hint="run `git remote set-head origin --auto`, or fetch main",
        )
    if protected is not None and git(folder, "merge-base", "--is-ancestor", commit, protected) is None:
        raise RefusedError(
            f"commit {commit[:12]} is not contained in the protected branch",
            hint="merge it first; merge is authorisation",
        )
    return commit


def changed_here(folder: Path) -> tuple[str, ...]:
    """Return the files of the portfolio that differ from the commit that is checked out, unknown ones included."""
    there = [MAIN, *(place for place in places(folder).values() if (folder / place).is_dir())]
    status = git(
        folder, "--literal-pathspecs", "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all",
        "--ignored=traditional", "--", *there, *_gone(folder),
    )  # fmt: skip
    if status is None:
        raise RefusedError("Git cannot say whether the files are what was committed", hint="run `git status`")
    return tuple(sorted(entry[3:] for entry in status.split("\0") if entry.endswith(".yaml")))


def check_ledger(folder: Path, audit: Audit) -> None:
    """Refuse a ledger on the configuration's own branch, on no branch at all, or at a remote that is not configured."""
    if audit.branch.startswith("-") or git(folder, "check-ref-format", f"refs/heads/{audit.branch}") is None:
        raise RefusedError(f"audit.branch {audit.branch!r} is no name of a branch", hint="see dsplan.yaml")
    own = {git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")}
    own.add((git(folder, "symbolic-ref", "--quiet", "--short", PROTECTED[0]) or "").removeprefix("origin/"))
    if audit.branch in own:
        raise RefusedError(
            f"audit.branch {audit.branch!r} is the branch of the configuration", hint="give the ledger its own branch"
        )
    remotes = (git(folder, "remote") or "").split()
    if audit.remote not in remotes and (audit.remote != Audit().remote or "/" in audit.remote):
        raise RefusedError(
            f"audit.remote {audit.remote!r} is not the name of a configured remote", hint="`git remote` lists them"
        )


def places(folder: Path) -> dict[str, str]:
    """Return where zones, policies and parents are, as dsplan.yaml says."""
    from dnsplan.portfolio.yamlfile import read_yaml

    settings = read_yaml(folder / MAIN, MAIN).value
    named = settings if isinstance(settings, dict) else {}
    return {kind: str(named.get(kind, default)) for kind, default in FOLDERS.items()}


def _gone(folder: Path) -> list[str]:
    """Return the folders that Git knows and that are not there any more: every file in them was deleted."""
    missing = [place for place in places(folder).values() if not (folder / place).is_dir()]
    return [place for place in missing if git(folder, "ls-files", "--", PurePosixPath(place).as_posix())]
