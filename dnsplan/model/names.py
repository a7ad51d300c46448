"""Names of zones: A-labels inside, U-labels for people (IDNA 2008, UTS 46 non-transitional)."""

from __future__ import annotations

import re
import unicodedata

from dnsplan.model.portfolio import ZoneName

_LDH = re.compile(r"[a-z0-9_/]([a-z0-9_/-]*[a-z0-9_/])?")
_WRITTEN_WITH_HAN = {
    "BOPOMOFO", "HANGUL", "HIRAGANA", "IDEOGRAPHIC", "KATAKANA", "KATAKANA-HIRAGANA",
}  # fmt: skip
"""First words of the names of letters that one language mixes with CJK ideographs."""


def parse_name(text: str) -> ZoneName:
    """Return the A-label form in lower case without the final dot; ValueError says what is wrong with it."""
    name = text.strip() if text.isascii() else text
    name = name.removesuffix(".")
    if not name:
        raise ValueError("the name is empty")
    labels = [_label(label) for label in re.split("[.\u3002\uff0e\uff61]", name)]
    if len(".".join(labels)) > 253:
        raise ValueError("the name is longer than 253 characters")
    return ".".join(labels)


def _label(label: str) -> str:
    if not label:
        raise ValueError("the name has an empty label")
    if len(label) > 253:  # before any conversion, whose cost grows faster than the label; none shortens it that much
        raise ValueError(f"the label {label[:20]!r}… is longer than 63 characters")
    if not label.isascii():
        label = _to_a_label(label)
    label = label.lower()
    if len(label) > 63:
        raise ValueError(f"the label {label[:20]}… is longer than 63 characters")
    if not _LDH.fullmatch(label):
        raise ValueError(f"the label {label!r} holds characters that no host or zone name has")
    if label.startswith("xn--"):
        _decoded(label)
    return label


def _to_a_label(label: str) -> str:
    import idna

    try:
        return idna.encode(label, uts46=True, transitional=False).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise ValueError(f"a label is not valid under IDNA 2008: {error}") from None


def _decoded(label: str) -> str:
    try:
        return label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        raise ValueError(f"{label!r} is no valid A-label: it does not decode") from None


def name_warnings(name: ZoneName) -> tuple[str, ...]:
    """Return what a person should know of a valid name: labels that IDNA 2008 forbids, and labels of mixed scripts."""
    warnings = []
    for label in name.split("."):
        if not label.startswith("xn--"):
            continue
        import idna

        try:
            idna.decode(label)
        except (idna.IDNAError, UnicodeError):
            warnings.append(f"the label {label} is not valid under IDNA 2008; it may work all the same")
        scripts = {_script(char) for char in _decoded(label)} - {""}
        if len(scripts) > 1:
            warnings.append(f"the label {label} mixes scripts: {', '.join(sorted(scripts))}")
    return tuple(warnings)


def _script(char: str) -> str:
    """Return the script as the first word of the character's name; empty for what belongs to every script."""
    if not unicodedata.category(char).startswith("L"):
        return ""
    word = unicodedata.name(char, "UNKNOWN").split(" ")[0]
    if word == "MODIFIER":
        return ""
    return "CJK" if word in _WRITTEN_WITH_HAN else word


def display_name(name: ZoneName) -> str:
    """Return `bücher.example (xn--bcher-kva.example)`, or only the A-label where both are the same."""
    if "xn--" not in name:
        return name
    import idna

    labels = []
    for label in name.split("."):
        try:
            labels.append(idna.decode(label) if label.startswith("xn--") else label)
        except (idna.IDNAError, UnicodeError):
            labels.append(label)
    unicode_name = ".".join(labels)
    return name if unicode_name == name else f"{unicode_name} ({name})"
