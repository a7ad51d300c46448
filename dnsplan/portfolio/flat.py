"""The plain shape of most zone files, read without a YAML parser: one `key: value` a line, values of one line.

It must never read anything otherwise than the parser would; what it does not know for sure it leaves to the parser.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dnsplan.portfolio.yamlfile import YamlFile

_PLAIN = r"[^\W\d_][\w./-]*"
_QUOTED = r'"[^"\\]*"'
_ITEM = rf"(?:{_PLAIN}|{_QUOTED})"
_LINE = re.compile(rf"([a-z_]+): +(?:({_ITEM})|\[ *({_ITEM}(?: *, *{_ITEM})*) *\])(?: +#.*| *)")
_IDLE = re.compile(r" *(?:#.*)?")
_EACH = re.compile(_ITEM)
_NO_TEXT = frozenset({"true", "false", "null"})
"""Words that mean something else than themselves in YAML 1.2, in lower case."""


def read_flat(text: str, result: YamlFile) -> bool:
    """Fill `result` and return True, or leave it alone and return False where the text has any other shape."""
    value: dict[str, object] = {}
    keys: dict[tuple[str | int, ...], tuple[int, int]] = {}
    values: dict[tuple[str | int, ...], tuple[int, int]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.isprintable():
            return False
        match = _LINE.fullmatch(line)
        if match is None:
            if _IDLE.fullmatch(line):
                continue
            return False
        key = match[1]
        if key in value or key in _NO_TEXT:
            return False
        values.setdefault((), (number, 1))
        keys[key,] = (number, 1)
        group = 2 if match[2] is not None else 3
        found = list(_EACH.finditer(line, match.start(group), match.end(group)))
        items = [item[0][1:-1] if item[0][0] == '"' else item[0] for item in found]
        if any(item[0].lower() in _NO_TEXT for item in found):
            return False
        if group == 2:
            value[key], values[key,] = items[0], (number, found[0].start() + 1)
            continue
        value[key], values[key,] = items, (number, line.index("[", len(key)) + 1)
        values.update({(key, index): (number, item.start() + 1) for index, item in enumerate(found)})
    if not value:
        return False
    result.value, result.keys, result.values = value, keys, values
    return True
