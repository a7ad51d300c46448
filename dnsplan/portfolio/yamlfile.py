"""One YAML 1.2 file to plain values with positions, with every construct refused that configuration does not need.

Bounded in size, depth, nodes and aliases, so that no file costs more than its length.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dnsplan.portfolio.faults import Fault
from dnsplan.portfolio.flat import read_flat

LARGEST = 4 * 1024 * 1024
DEEPEST = 32
MOST_NODES = 400_000
MOST_ALIASES = 100
_DIRECTIVE = re.compile(r"\ufeff?(?:[ \t]*(?:#[^\n]*)?\r?\n)*%")
_SURROGATE = re.compile("[\ud800-\udfff]")
PLAIN_TAGS = {
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "seq", "map", "timestamp")
}

Path_ = tuple[str | int, ...]


@dataclass(slots=True)
class YamlFile:
    """The value of a file, and where each part of it stands (by path; keys by their own path with a marker)."""

    file: str
    value: Any = None
    values: dict[Path_, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Path_, tuple[int, int]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    digest: bytes = b""

    def fault(self, path: Path_, code: str, message: str, fix: str = "", *, key: bool = False) -> Fault:
        """Return a fault at a part of the file; at its nearest ancestor that has a position."""
        line, column = self.position(path, key=key)
        return Fault(file=self.file, line=line, column=column, code=code, message=message, fix=fix)

    def warning(self, path: Path_, code: str, message: str, fix: str = "") -> Fault:
        """Return a warning at a part of the file."""
        return replace(self.fault(path, code, message, fix), severity="warning")

    def position(self, path: Path_, *, key: bool = False) -> tuple[int, int]:
        """Return line and column (from 1) of a value or a key."""
        for end in range(len(path), -1, -1):
            where = (self.keys if key else self.values).get(path[:end]) or self.values.get(path[:end])
            if where:
                return where
        return (0, 0)


class _RefusedError(Exception):
    def __init__(self, mark: Any, code: str, message: str, fix: str) -> None:
        super().__init__(message)
        self.mark, self.code, self.fix = mark, code, fix


def read_yaml(path: Path, shown: str) -> YamlFile:
    """Return the file's value and positions; its faults instead if it cannot be read."""
    result = YamlFile(shown)
    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST + 1)
    except OSError as error:
        result.faults.append(result.fault((), "FILE_UNREADABLE", f"cannot be read: {error.strerror}"))
        return result
    result.digest = hashlib.sha256(raw).digest()
    return parse_yaml(raw, result)


def parse_yaml(raw: bytes, result: YamlFile) -> YamlFile:
    """Fill `result` with the value of YAML bytes, or with the fault that stops it."""
    if len(raw) > LARGEST:
        result.faults.append(result.fault((), "FILE_TOO_LARGE", f"is larger than {LARGEST} bytes", "split it"))
        return result
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        result.faults.append(result.fault((), "NOT_UTF8", f"is not UTF-8 (byte {error.start})", "save it as UTF-8"))
        return result
    if read_flat(text, result):
        return result
    try:
        node = _compose(text)
        result.value = None if node is None else _Reader(result).read(node, (), 0)
        if result.value is None:
            result.values.clear()
            result.faults.append(result.fault((), "FILE_EMPTY", "holds nothing", "fill it or delete it"))
    except _RefusedError as refused:
        line, column = (refused.mark.line + 1, refused.mark.column + 1) if refused.mark else (1, 1)
        result.faults.append(
            Fault(file=result.file, line=line, column=column, code=refused.code, message=str(refused), fix=refused.fix)
        )
    return result


def _compose(text: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if _DIRECTIVE.match(text):  # `%YAML 1.1` would make a truth value of `no`
        raise _RefusedError(None, "YAML_DIRECTIVE", "directives (%YAML, %TAG) are not used", "remove them")
    if _deepest(text) > DEEPEST * 4:
        raise _RefusedError(None, "YAML_TOO_DEEP", f"is nested deeper than {DEEPEST} levels", "flatten it")
    try:
        yaml = YAML(typ="safe", pure=True, plug_ins=[])  # looking for plug-ins costs more than a small file
        yaml.composer.warn_double_anchors = False  # YAML allows it, and a warning is no fault
        return yaml.compose(text)
    except MarkedYAMLError as error:
        problem = " ".join(filter(None, (error.context, error.problem)))
        if "single document" in problem:
            mark, fix = error.problem_mark, "write one document in each file"
            raise _RefusedError(mark, "YAML_MANY_DOCUMENTS", "holds more than one document", fix) from None
        if "undefined alias" in problem:
            raise _RefusedError(error.problem_mark, "YAML_SYNTAX", problem, "define the anchor first") from None
        raise _RefusedError(
            error.problem_mark or error.context_mark, "YAML_SYNTAX", problem or "is no YAML", ""
        ) from None
    except RecursionError:
        raise _RefusedError(None, "YAML_TOO_DEEP", f"is nested deeper than {DEEPEST} levels", "flatten it") from None
    except (YAMLError, ValueError, ArithmeticError, LookupError, AttributeError, TypeError, AssertionError) as error:
        raise _RefusedError(None, "YAML_SYNTAX", f"is no YAML: {str(error)[:200]}", "") from None


def _deepest(text: str) -> int:
    """Return an upper bound of the nesting by flow brackets; the parser itself would recurse."""
    depth = deepest = 0
    for char in text:
        if char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth = max(0, depth - 1)
    return deepest


class _Reader:
    """Nodes to values, counting as it goes."""

    def __init__(self, result: YamlFile) -> None:
        self._result = result
        self._nodes = 0
        self._aliases = 0
        self._anchored: set[int] = set()

    def read(self, node: Any, path: Path_, depth: int) -> Any:
        """Return the value of a node, its positions noted."""
        self._nodes += 1
        if depth > DEEPEST:
            raise _RefusedError(
                node.start_mark, "YAML_TOO_DEEP", f"is nested deeper than {DEEPEST} levels", "flatten it"
            )
        if self._nodes > MOST_NODES:
            raise _RefusedError(node.start_mark, "YAML_BOMB", "expands to too many values", "write it without aliases")
        if node.anchor:
            self._aliases += id(node) in self._anchored
            self._anchored.add(id(node))
            if self._aliases > MOST_ALIASES:
                raise _RefusedError(node.start_mark, "YAML_BOMB", "uses too many aliases", "write it without aliases")
        tag = str(node.tag)
        if tag not in PLAIN_TAGS:
            if tag.endswith(":merge"):
                raise _RefusedError(node.start_mark, "YAML_MERGE", "merge keys (<<) are not used", "write the keys out")
            raise _RefusedError(node.start_mark, "YAML_TAG", f"the tag {tag[:60]} is not used", "remove the tag")
        self._result.values[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        kind = tag.rsplit(":", 1)[1]
        if kind == "map":
            return self._mapping(node, path, depth)
        if kind == "seq":
            return [self.read(item, (*path, index), depth + 1) for index, item in enumerate(node.value)]
        return _scalar(kind, node)

    def _mapping(self, node: Any, path: Path_, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            here = (*path, key)
            where = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if key in result:
                fault = Fault(
                    file=self._result.file, line=where[0], column=where[1], code="DUPLICATE_KEY",
                    message=f"the key {key!r} stands twice", fix="keep one of them",
                )  # fmt: skip
                self._result.faults.append(fault)
                continue
            self._result.keys[here] = where
            result[key] = self.read(value_node, here, depth + 1)
        return result

    def _key(self, node: Any) -> str:
        tag = str(node.tag)
        if tag.endswith(":merge"):
            raise _RefusedError(node.start_mark, "YAML_MERGE", "merge keys (<<) are not used", "write the keys out")
        if tag not in PLAIN_TAGS or not isinstance(node.value, str):
            raise _RefusedError(node.start_mark, "YAML_KEY", "a key is plain text here", "")
        return str(_scalar("str", node))


def _scalar(kind: str, node: Any) -> Any:
    text = node.value
    if not text.isascii() and _SURROGATE.search(text):
        raise _RefusedError(node.start_mark, "YAML_SYNTAX", "holds half of a character (a lone surrogate)", "remove it")
    if kind == "int":
        return _integer(text)
    if kind == "bool":
        return str(text).lower() == "true"
    if kind == "null":
        return None
    # Dates are text in YAML 1.2. Floats stay text too: no setting is one, and a digest such as 49e5 must stay one.
    return text


def _integer(text: str) -> int | str:
    try:
        return int(text.replace("_", ""), 0) if not text.lstrip("+-").startswith("0") or len(text) < 3 else int(text, 0)
    except ValueError:
        return text


def yaml_files(folder: Path) -> Iterator[Path]:
    """Yield what is named `*.yaml` below a folder, and links to folders, in a fixed order; no link is followed."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield from yaml_files(Path(entry.path))
        elif entry.name.endswith(".yaml") or entry.is_dir():
            yield Path(entry.path)
