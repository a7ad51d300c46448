"""References as compare-and-swap, here or at a remote; what the remote cannot say is an error, never an absence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dnsplan.errors import LedgerUnreachableError
from dnsplan.ledger.plumbing import NOTHING, Plumbing, Ran
from dnsplan.model.time import Seconds

if TYPE_CHECKING:
    from dnsplan.ports import Clock

TRIES = 10
"""How often a reference may move while it is read."""

PATIENCE: Seconds = 60
"""How long the remote may take for one answer."""


class References:
    """The branch and the lock; at the remote if it is configured, else in this repository."""

    def __init__(self, plumbing: Plumbing, remote: str, clock: Clock) -> None:
        self.plumbing = plumbing
        self._clock = clock
        configured = plumbing.run(["remote"]).text.split()
        self.remote = remote if remote in configured else None
        self.refusal = "it keeps changing under this run"
        """Why the last write was not taken, in Git's own words."""

    def read(self, reference: str) -> str | None:
        """Return what a reference points at, its object fetched; None if there is no such reference."""
        if self.remote is None:
            return self.plumbing.head(reference)
        for _ in range(TRIES):
            found = self._ask(["ls-remote", self.remote, reference]).text
            commit = next((line.split()[0] for line in found.splitlines() if line.endswith(f"\t{reference}")), None)
            if commit is None or self._has(commit):
                return commit
            fetch = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", self.remote, reference]
            if self.plumbing.run(fetch, limit=PATIENCE).status == 0 and self._has(commit):
                return commit  # else it moved meanwhile, and is read again
        raise LedgerUnreachableError(
            f"the ledger's remote {self.remote!r} names a commit for {reference} and does not give it out",
            hint="nothing was done; see whether the remote is being repaired, then try again",
        )

    def _has(self, commit: str) -> bool:
        return self.plumbing.run(["cat-file", "-e", f"{commit}^{{commit}}"]).status == 0

    def read_whole(self, reference: str) -> str | None:
        """Return what a reference points at, with its whole history even where the clone is shallow."""
        commit = self.read(reference)
        shallow = self.plumbing.git_dir / "shallow"
        if commit is None or self.remote is None or not shallow.exists():
            return commit
        roots = self.plumbing.must(["rev-list", "--max-parents=0", commit]).text.split()
        if set(roots) & set(shallow.read_text(encoding="ascii").split()):
            deepen = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--depth=2147483647"]
            self._ask([*deepen, self.remote, reference])
        return commit

    def message(self, commit: str) -> str:
        """Return a commit's message."""
        return self.plumbing.must(["log", "-1", "--format=%B", commit]).text.strip()

    def swap(self, reference: str, new: str, old: str) -> bool:
        """Set one reference if it still is `old`; NOTHING stands for none."""
        return self.swap_all(((reference, new, old),))

    def swap_all(self, changes: tuple[tuple[str, str, str], ...]) -> bool:
        """Set references (name, new, old) all or none; False if one is not what it must be."""
        if self.remote is not None:
            return self._push(changes)
        return self.plumbing.transaction([_line(*change) for change in changes], self._clock.now())

    def follow(self, reference: str, commit: str) -> None:
        """Let the local reference follow what the remote has."""
        current = self.plumbing.head(reference)
        if current != commit:
            self.plumbing.transaction([f"update {reference} {commit} {current or NOTHING}"], self._clock.now())

    def _push(self, changes: tuple[tuple[str, str, str], ...]) -> bool:
        leases = [f"--force-with-lease={name}:{'' if old == NOTHING else old}" for name, _, old in changes]
        specs = [f"{'' if new == NOTHING else new}:{name}" for name, new, _ in changes]
        push = ["push", "--quiet", "--porcelain", "--atomic", *leases, str(self.remote), *specs]
        ran = self.plumbing.run(push, limit=PATIENCE)
        if ran.status == 0:
            return True
        said = ran.error + ran.text
        if any(word in said for word in ("stale info", "[rejected]", "[remote rejected]", "atomic", "cannot lock ref")):
            self.refusal = said.strip()[:300]
            return False
        raise self._unreachable(ran)

    def _ask(self, arguments: list[str]) -> Ran:
        ran = self.plumbing.run(arguments, limit=PATIENCE)
        if ran.status:
            raise self._unreachable(ran)
        return ran

    def _unreachable(self, ran: Ran) -> LedgerUnreachableError:
        return LedgerUnreachableError(
            f"the ledger's remote {self.remote!r} does not answer: {ran.error.strip()[:300]}",
            hint="nothing was done; without the ledger the history is unknown. Check the remote and try again",
        )


def _line(reference: str, new: str, old: str) -> str:
    return f"delete {reference} {old}" if new == NOTHING else f"update {reference} {new} {old}"
