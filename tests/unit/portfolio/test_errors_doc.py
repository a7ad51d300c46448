"""docs/errors.md lists every code of a fault, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_code_is_documented_and_every_documented_code_exists() -> None:
    source = "".join(path.read_text() for path in (ROOT / "dnsplan/portfolio").glob("*.py"))
    codes = set(re.findall(r'"([A-Z][A-Z0-9]+_[A-Z0-9_]+)"', source))
    codes |= {f"UNKNOWN_{kind}" for kind in ("POLICY", "SIGNER", "PARENT")}
    documented = set(re.findall(r"^\| `([A-Z0-9_]+)` \|", (ROOT / "docs/errors.md").read_text(), re.MULTILINE))

    assert documented == codes
