"""Git's plumbing, run through GitPython: objects and references, never the work tree, the index or a hook."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dnsplan.errors import LedgerError

NOTHING = "0" * 40
"""The object id that stands for a reference that must not exist."""

_SETTINGS = tuple(
    word
    for setting in (
        "core.hooksPath=/dev/null",
        "gc.auto=0",
        "pack.compression=1",
        "core.fsync=committed,reference",  # an intent that a power cut takes back would be asked for twice
    )
    for word in ("-c", setting)
)
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_COMMITTER_NAME": "dsplan",
    "GIT_COMMITTER_EMAIL": "dsplan@localhost",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
    "MALLOC_TOP_PAD_": str(16 * 1024 * 1024),  # else glibc gives memory back and asks for it again, at every object
}


@dataclass(frozen=True, slots=True)
class Ran:
    """What a Git command left behind."""

    status: int
    out: bytes
    error: str

    @property
    def text(self) -> str:
        """Return the output as text without the final line break."""
        return self.out.decode("utf-8", "replace").rstrip("\n")


class Plumbing:
    """One repository, by the folder that Git finds it from."""

    def __init__(self, folder: Path) -> None:
        try:
            from git.cmd import Git
        except ImportError:  # GitPython looks for the program when it is imported
            raise LedgerError("the program git cannot be run", hint="install Git, or put it on the PATH") from None

        self._git = Git(str(folder))
        found = self.run(["rev-parse", "--path-format=absolute", "--git-common-dir"])
        if found.status:
            raise LedgerError(
                f"{folder} is not in a Git repository that can be used: {found.error.strip()[:300]}",
                hint="run `git init`, commit the portfolio, and try again",
            )
        self.git_dir = Path(found.text)

    def run(self, arguments: Sequence[str], *, stdin: bytes | None = None, limit: float | None = None) -> Ran:
        """Run one Git command without hooks, for at most `limit` seconds."""
        try:
            with tempfile.TemporaryFile() as stream:
                if stdin is not None:
                    stream.write(stdin)
                    stream.seek(0)
                status, out, error = self._git.execute(
                    ["git", *_SETTINGS, *arguments],
                    istream=stream,
                    with_extended_output=True,
                    with_exceptions=False,
                    stdout_as_string=False,
                    strip_newline_in_stdout=False,
                    kill_after_timeout=limit,
                    env=_ENVIRONMENT,
                )
        except OSError as fault:
            raise LedgerError(f"git {arguments[0]} cannot be run: {fault.strerror or fault}") from None
        return Ran(int(status), bytes(out), str(error))

    def must(self, arguments: Sequence[str], *, stdin: bytes | None = None) -> Ran:
        """Run one Git command; LedgerError with Git's own words if it fails."""
        ran = self.run(arguments, stdin=stdin)
        if ran.status:
            raise LedgerError(f"git {arguments[0]} failed: {ran.error.strip()[:500]}")
        return ran

    def head(self, reference: str) -> str | None:
        """Return the object that a full reference name points at; None if there is none."""
        ran = self.run(["rev-parse", "--verify", "--quiet", reference])
        return ran.text if ran.status == 0 else None

    def blobs(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the contents of `REVISION:PATH` names or blob ids in one process; None where there is none."""
        if not names:
            return []
        out = self.must(["cat-file", "--batch"], stdin="".join(f"{name}\n" for name in names).encode()).out
        result: list[bytes | None] = []
        position = 0
        for _ in names:
            end = out.index(b"\n", position)
            header = out[position:end].split(b" ")
            position = end + 1
            if header[-1] == b"missing":
                result.append(None)
                continue
            size = int(header[-1])
            result.append(out[position : position + size])
            position += size + 1
        return result

    def transaction(self, lines: Sequence[str], now: int) -> bool:
        """Change references all or none; False if one of them is not what it must be.

        Git's own `.lock` files that a killed process left behind are cleared when they are older than a few seconds.
        """
        stdin = "".join(f"{line}\n" for line in ("start", *lines, "prepare", "commit")).encode()
        for _ in range(3):
            ran = self.run(["update-ref", "--stdin"], stdin=stdin)
            if ran.status == 0:
                return True
            if "File exists" not in ran.error or not self.clear_stale_locks(now):
                break
        if "cannot lock ref" in ran.error or "File exists" in ran.error or "reference already exists" in ran.error:
            return False
        raise LedgerError(f"git update-ref failed: {ran.error.strip()[:500]}")

    def clear_stale_locks(self, now: int) -> bool:
        """Remove lock files of references that no living process can still hold; tell whether there were any."""
        stale = [
            path
            for path in (*self.git_dir.glob("refs/**/*.lock"), self.git_dir / "packed-refs.lock")
            if path.exists() and ("dsplan" in path.parts or path.name == "packed-refs.lock")
            if now - path.stat().st_mtime > 5
        ]
        for path in stale:
            path.unlink(missing_ok=True)
        return bool(stale)
