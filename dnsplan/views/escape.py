"""Text from files and from the network, made harmless before it is shown."""

from __future__ import annotations

import unicodedata

_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def escaped(text: str, *, lines: bool = False) -> str:
    """Return the text with control, bidi, zero-width and other unseen characters as escapes; `lines` keeps breaks."""
    return "".join(
        char if (lines and char == "\n") or unicodedata.category(char) not in _UNSEEN else f"\\u{ord(char):04x}"
        for char in text
    )


def markdown_escaped(text: str) -> str:
    """Return the text so that Markdown, HTML and mentions in it stay text."""
    safe = escaped(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for char in "\\`*_[]|~#":
        safe = safe.replace(char, f"\\{char}")
    return safe.replace("@", "@\u200b")
