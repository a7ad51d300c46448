"""`plan --base REF`: what a proposal changes, judged without letting it choose whom dsplan talks to.

The files of a proposal are data. Who is asked, with which secrets, and where the ledger lives come from REF.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dnsplan.cli.repository import changed_files, git
from dnsplan.errors import ConfigError
from dnsplan.ledger.plumbing import Plumbing
from dnsplan.model.portfolio import Portfolio, Secret, Setting, WayIn, ZoneName
from dnsplan.portfolio import load_portfolio
from dnsplan.portfolio.digest import effective_digest

SECTIONS = ("resolution", "resolvers", "audit")
"""What comes from REF as a whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """The portfolio as it stands at a commit, and the files that differ from where this branch left it."""

    commit: str
    portfolio: Portfolio
    files: frozenset[str]

    def trusted(self, ours: Portfolio) -> Portfolio:
        """Return our portfolio with the base's resolution, resolvers and ledger."""
        base = self.portfolio
        return replace(ours, resolution=base.resolution, resolvers=base.resolvers, audit=base.audit)

    def changed_zones(self, ours: Portfolio) -> frozenset[ZoneName]:
        """Return our zones whose effective configuration is not that of the base."""
        return frozenset(
            zone
            for zone in ours.zones
            if zone not in self.portfolio.zones
            or effective_digest(ours, zone) != effective_digest(self.portfolio, zone)
        )

    def endpoints_changed(self, ours: Portfolio) -> tuple[str, ...]:
        """Return the entries that differ, as `signer NAME`, `parent NAME` or the name of a section."""
        base = self.portfolio
        sections = (name for name in SECTIONS if getattr(ours, name) != getattr(base, name))
        signers = (f"signer {name}" for name in self._changed(ours.signers, base.signers))
        parents = (f"parent {name}" for name in self._changed(ours.parents, base.parents))
        return (*sections, *signers, *parents)

    def _changed(self, ours: Mapping[str, WayIn], theirs: Mapping[str, WayIn]) -> Iterator[str]:
        for name, way in sorted(ours.items()):
            known = theirs.get(name)
            same = known is not None and (way.type, way.settings) == (known.type, known.settings)
            if not same or self._rests_on_changed_files(way.settings):
                yield name

    def _rests_on_changed_files(self, setting: Setting) -> bool:
        """Tell whether a secret or a certificate comes from a file, or a program, that the proposal changes."""
        match setting:
            case Mapping():
                return any(map(self._rests_on_changed_files, setting.values()))
            case tuple():
                return any(map(self._rests_on_changed_files, setting))
            case Secret(command=command) if command:
                return any(not file.endswith(".yaml") for file in self.files)
            case Secret(file=path) if path:
                return os.path.normpath(path) in self.files
            case str():
                return os.path.normpath(setting) in self.files
            case _:
                return False


def base_of(folder: Path, reference: str) -> Base:
    """Return what the files say at a commit; ConfigError if there is no such commit, or no portfolio there."""
    files = changed_files(folder, reference)
    commit = git(folder, "rev-parse", "--verify", "--quiet", reference + "^{commit}") or ""
    with tempfile.TemporaryDirectory() as place:
        _write_files(folder, commit, Path(place))
        try:
            portfolio = load_portfolio(Path(place))
        except ConfigError as error:
            message = str(error).replace(place, reference)
            raise ConfigError(
                f"the base {reference} cannot be used: {message}", hint="mend the files there first"
            ) from None
    return Base(commit=commit, portfolio=portfolio, files=files)


def _write_files(folder: Path, commit: str, into: Path) -> None:
    """Write the YAML files of a commit below the portfolio's folder; nothing else of it is ever read."""
    listed = git(folder, "ls-tree", "-r", "-z", commit) or ""
    entries = [tuple(entry.split("\t", 1)) for entry in listed.split("\0") if entry]
    wanted = [(meta, path) for meta, path in entries if path.endswith(".yaml") and not meta.startswith("160000")]
    for _, path in entries:
        (into / path).parent.mkdir(parents=True, exist_ok=True)
    blobs = Plumbing(folder).blobs([meta.split()[2] for meta, _ in wanted])
    for (meta, path), blob in zip(wanted, blobs, strict=True):
        if meta.startswith("120000"):
            (into / path).symlink_to(os.fsdecode(blob or b""))
        else:
            (into / path).write_bytes(blob or b"")
