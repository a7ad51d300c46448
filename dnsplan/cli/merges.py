"""When a merge brought what a zone's files ask for, as the history of the branch tells."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from dnsplan.cli.repository import git
from dnsplan.model.portfolio import Portfolio, ZoneName
from dnsplan.model.time import Instant

TOKENS = r"roll|[kzc]sk[\"']?[[:space:]]*:"
"""Lines of a zone file that hold a token, whichever way YAML is written."""


class Merges:
    """The commits that the branch took up one after the other; Git is asked once, when it is first needed."""

    def __init__(self, folder: Path, portfolio: Portfolio) -> None:
        self._folder, self._portfolio = folder, portfolio

    def merged(self, zone: ZoneName, *, by_token: bool) -> Instant | None:
        """Return when the newest change of a zone's token, or of its file or policy, was merged; None if unknown."""
        intent = self._portfolio.zones[zone]
        if by_token:
            return self._of_tokens.get(intent.source.file)
        policy = self._portfolio.policy_of(intent).source
        files = (intent.source.file, policy.file if policy is not None else "")
        return max((self._of_files[file] for file in files if file in self._of_files), default=None)

    @cached_property
    def _of_tokens(self) -> Mapping[str, Instant]:
        return self._newest("--extended-regexp", f"-G{TOKENS}")

    @cached_property
    def _of_files(self) -> Mapping[str, Instant]:
        return self._newest()

    def _newest(self, *filters: str) -> Mapping[str, Instant]:
        """Return when each file was last changed by a commit or merge of the branch itself."""
        said = git(
            self._folder, "log", "--first-parent", "--diff-merges=first-parent", "--format=%x01%ct", "--name-only",
            "--no-renames", "--relative", "-z", *filters, "HEAD", "--", ".",
        )  # fmt: skip
        result: dict[str, Instant] = {}
        for commit in (said or "").split("\x01")[1:]:
            moment, *files = commit.replace("\n", "\0").split("\0")
            for file in filter(None, files):
                result.setdefault(file, int(moment))
        return result
