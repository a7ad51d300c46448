"""Read a whole portfolio: every file, every rule, all faults, and the portfolio if there is none."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dnsplan.errors import ConfigError, UsageError
from dnsplan.model.portfolio import Portfolio
from dnsplan.portfolio.build import build
from dnsplan.portfolio.faults import Fault
from dnsplan.portfolio.rules import dsplan_rules, policy_rules, portfolio_rules, zone_rules
from dnsplan.portfolio.schema import breaches
from dnsplan.portfolio.surroundings import ledger_faults
from dnsplan.portfolio.yamlfile import YamlFile, read_yaml, yaml_files

MAIN = "dsplan.yaml"
HIDING = frozenset({"UNKNOWN_KEY", "WRONG_TYPE", "DUPLICATE_KEY"})
"""Faults of dsplan.yaml behind which entries and defaults may be hidden."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """The portfolio if no fault is an error, and every fault."""

    portfolio: Portfolio | None
    faults: tuple[Fault, ...]


@dataclass(slots=True)
class Files:
    """The files of a portfolio as read; `partial` names the kinds whose folder could not be read in full."""

    main: YamlFile
    zones: list[YamlFile]
    policies: list[YamlFile]
    parents: list[YamlFile]
    faults: list[Fault]
    partial: set[str] = field(default_factory=set)
    digest: str = ""


def load(root: Path, *, paths: Sequence[Path] = ()) -> Loaded:
    """Return the portfolio at `root` and its faults; with `paths`, only the faults of these files and folders.

    ConfigError if there is no dsplan.yaml at all, UsageError if one of the paths does not exist.
    """
    for path in paths:
        if not path.exists():
            raise UsageError(f"there is no {path}", hint="paths count from the portfolio's folder")
    files = _files(root)
    every = _faults(files)
    portfolio = _built(files, every)
    if portfolio is not None:
        every.extend(ledger_faults(root, files.main, portfolio.audit))
    shown = [fault for fault in every if not paths or _is_below(root, fault.file, paths)]
    return Loaded(portfolio=portfolio if not _errors(every) else None, faults=tuple(sorted(set(shown))))


def load_portfolio(root: Path) -> Portfolio:
    """Return the portfolio; ConfigError counts the faults and shows the first.

    The repository around it is not looked at: what uses the ledger refuses a wrong branch or remote itself.
    """
    files = _files(root)
    faults = sorted(set(_faults(files)))
    portfolio = _built(files, faults)
    if portfolio is None:
        errors = _errors(faults)
        first = "\n".join(f"  {f.file}:{f.line}:{f.column}: {f.code} {f.message}" for f in errors[:5])
        more = f"\n  and {len(errors) - 5} more" if len(errors) > 5 else ""
        message = f"the portfolio has {len(errors)} fault{'s' if len(errors) != 1 else ''}:\n{first}{more}"
        raise ConfigError(message, hint="`dsplan validate` shows all of them and how to mend each")
    return portfolio


def _files(root: Path) -> Files:
    if not (root / MAIN).is_file():
        raise ConfigError(f"there is no {MAIN} in {root}", hint="change into the portfolio's folder, or use -C DIR")
    return _read(root.resolve())


def _errors(faults: Sequence[Fault]) -> list[Fault]:
    return [fault for fault in faults if fault.severity == "error"]


def _built(files: Files, faults: Sequence[Fault]) -> Portfolio | None:
    if _errors(faults):
        return None
    entries = [entry for file in files.zones for entry in zone_entries(file)]
    return build(files.main, entries, files.policies, files.parents, files.digest)


def zone_entries(file: YamlFile) -> list[tuple[YamlFile, tuple[str | int, ...], dict[str, Any]]]:
    """Return the zones of a file with their paths in it."""
    value = file.value
    if isinstance(value, dict) and isinstance(value.get("zones"), list):
        return [(file, ("zones", i), entry) for i, entry in enumerate(value["zones"]) if isinstance(entry, dict)]
    return [(file, (), value)] if isinstance(value, dict) else []


def _read(root: Path) -> Files:
    inside = (root / MAIN).resolve().is_relative_to(root)
    main = read_yaml(root / MAIN, MAIN) if inside else YamlFile(MAIN, faults=[_outside(MAIN)])
    files = Files(main, [], [], [], [])
    settings = main.value if isinstance(main.value, dict) else {}
    digest = hashlib.sha256()
    for kind, default, into in (
        ("zones", "zones/", files.zones),
        ("policies", "policies/", files.policies),
        ("parents_dir", "parents/", files.parents),
    ):
        name = settings.get(kind, default)
        if isinstance(name, str):
            into.extend(_folder(root, name, kind, kind in settings, files))
    for file in (main, *files.zones, *files.policies, *files.parents):
        digest.update(os.fsencode(file.file) + b"\0" + file.digest)
    files.digest = f"sha256:{digest.hexdigest()}"
    return files


def _folder(root: Path, name: str, kind: str, named: bool, files: Files) -> list[YamlFile]:  # noqa: FBT001  # private
    try:
        folder = (root / name).resolve()
        folder.is_dir()
    except (OSError, ValueError):
        folder = root / MAIN / "unusable"
    if not folder.is_relative_to(root):
        fault = files.main.fault(
            (kind,), "OUTSIDE_REPOSITORY", f"{name!r} lies outside the repository", "move it inside"
        )
        files.faults.append(fault)
        files.partial.add(kind)
        return []
    if not folder.is_dir():
        if named:
            files.partial.add(kind)
            files.faults.append(files.main.fault((kind,), "FOLDER_MISSING", f"there is no folder {name!r}", "make it"))
        return []
    try:
        paths = list(yaml_files(folder))
    except OSError as error:
        shown, message = str(Path(error.filename).relative_to(root)), f"the folder cannot be read: {error.strerror}"
        files.faults.append(Fault(file=shown, line=0, column=0, code="FILE_UNREADABLE", message=message))
        files.partial.add(kind)
        return []
    return _files_at(paths, kind, root, files)


def _files_at(paths: Sequence[Path], kind: str, root: Path, files: Files) -> list[YamlFile]:
    result = []
    for path in paths:
        shown = str(path.relative_to(root))
        fault = _unfit(path, shown, root)
        if fault is None:
            result.append(read_yaml(path, shown))
        else:
            files.faults.append(fault)
            files.partial.add(kind)
    return result


def _unfit(path: Path, shown: str, root: Path) -> Fault | None:
    """Return why a path is not read at all: it leads out, or it is no file."""
    if not _resolved(path).is_relative_to(root):
        return _outside(shown)
    if not path.exists():
        why, fix = "is a link that leads nowhere", "correct or delete it"
    elif path.is_dir():
        why, fix = "is a link to a folder, which is not followed", "move the folder here"
    elif not path.is_file():
        why, fix = "is no regular file", "delete it"
    else:
        return None
    return Fault(file=shown, line=0, column=0, code="FILE_UNREADABLE", message=why, fix=fix)


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a circle of links
        return path


def _outside(shown: str) -> Fault:
    message = "is a link that leads out of the repository"
    return Fault(file=shown, line=0, column=0, code="OUTSIDE_REPOSITORY", message=message, fix="copy the file")


def _unsure(files: Files, found: Sequence[Fault]) -> frozenset[str]:
    """Return the kinds of names that a fault may hide; looking them up would report that fault a second time."""
    kinds = set()
    if "policies" in files.partial or not all(_has_name(file) for file in files.policies):
        kinds.add("policy")
    if any(fault.file == MAIN and fault.code in HIDING for fault in found):
        kinds |= {"signer", "parent"}
    return frozenset(kinds)


def _has_name(policy: YamlFile) -> bool:
    return isinstance(policy.value, dict) and isinstance(policy.value.get("policy"), str)


def _faults(files: Files) -> list[Fault]:
    """Return the faults of every file, then those between files that are whole themselves."""
    found = list(files.faults)
    groups = (("dsplan", [files.main]), ("zone", files.zones), ("policy", files.policies), ("parent", files.parents))
    bad: set[str] = set()
    for name, group in groups:
        for file in group:
            own = list(file.faults)
            if file.value is not None and not any(fault.severity == "error" for fault in own):
                own.extend(breaches(file, name))
            if any(fault.severity == "error" for fault in own):
                bad.add(file.file)
            found.extend(own)
    usable = {name: [file for file in group if file.file not in bad] for name, group in groups}
    entries = [entry for file in files.zones if isinstance(file.value, dict) for entry in zone_entries(file)]
    for main in usable["dsplan"]:
        found.extend(dsplan_rules(main))
    for policy in usable["policy"]:
        found.extend(policy_rules(policy))
    for file, path, entry in entries:
        if file.file not in bad:
            found.extend(zone_rules(file, path, entry))
    known = {name: [file for file in group if isinstance(file.value, dict)] for name, group in groups if name != "zone"}
    found.extend(portfolio_rules(known, entries, bad, _unsure(files, found)))
    return found


def _is_below(root: Path, file: str, paths: Sequence[Path]) -> bool:
    path = (root / file).resolve()
    return any(path == given.resolve() or path.is_relative_to(given.resolve()) for given in paths)
