"""A roll token changes one line of a zone file and no other byte."""

from __future__ import annotations

import pytest

from dnsplan.errors import ConfigError
from dnsplan.portfolio import load_portfolio
from dnsplan.portfolio.edit import set_roll


def write(root, text):
    (root / "zones").mkdir()
    (root / "dsplan.yaml").write_text("schema: dsplan/v1\nportfolio: a\n")
    (root / "zones/a.yaml").write_bytes(text.encode())
    return root / "zones/a.yaml"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "---\n# top\nzone:   c.ch # own\ntags:\n    - a\n    - 'b'\n",
            "---\n# top\nzone:   c.ch # own\nroll: \"2\"\ntags:\n    - a\n    - 'b'\n",
        ),
        ("zone: c.ch\nroll: 'old'  # why\nowner: x\n", 'zone: c.ch\nroll: "2"  # why\nowner: x\n'),
        ("zone: c.ch\r\nowner: x\r\n", 'zone: c.ch\r\nroll: "2"\r\nowner: x\r\n'),
        ("owner: x\nzone: c.ch", 'owner: x\nzone: c.ch\nroll: "2"\n'),
        (
            "zones:\n  - {zone: C.ch.,   tags: [a]}   # one\n",
            'zones:\n  - {zone: C.ch., roll: "2",   tags: [a]}   # one\n',
        ),
        (
            "zones:\n  - zone: b.ch\n\n  -   zone: c.ch\n",
            'zones:\n  - zone: b.ch\n\n  -   zone: c.ch\n      roll: "2"\n',
        ),
        ("zone: c.ch\nroll: {zsk: a}\n", 'zone: c.ch\nroll: {zsk: a, ksk: "2"}\n'),
        ("zone: c.ch\nroll: {}\n", 'zone: c.ch\nroll: {ksk: "2"}\n'),
        ("zone: c.ch\nroll:\n  csk: a # x\n", 'zone: c.ch\nroll:\n  csk: "2" # x\n'),
        ("zone: c.ch\nroll:\n  zsk: a\n", 'zone: c.ch\nroll:\n  zsk: a\n  ksk: "2"\n'),
    ],
)
def test_one_line_changes(tmp_path, before, after) -> None:
    file = write(tmp_path, before)

    assert set_roll(tmp_path, load_portfolio(tmp_path), "c.ch", "2") == file.resolve()

    assert file.read_bytes().decode() == after
    assert load_portfolio(tmp_path).zones["c.ch"].roll.sep == "2"


def test_a_layout_that_does_not_allow_the_edit_is_left_as_it_is(tmp_path) -> None:
    text = "zone: >-\n  c.ch\nroll: >-\n  old\nowner: x\n"
    file = write(tmp_path, text)

    with pytest.raises(ConfigError, match=r"a\.yaml"):
        set_roll(tmp_path, load_portfolio(tmp_path), "c.ch", "2")

    assert file.read_text() == text
