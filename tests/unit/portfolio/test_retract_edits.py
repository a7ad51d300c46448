"""The edits that lead back change what they must and no other byte."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dnsplan.errors import ConfigError
from dnsplan.model.portfolio import Roll, ZoneIntent
from dnsplan.model.records import Dnskey
from dnsplan.portfolio import load_portfolio
from dnsplan.portfolio.retract import retract

KEY = Dnskey(flags=257, algorithm=13, public_key=bytes(range(64)))
OTHER = Dnskey(flags=256, algorithm=13, public_key=bytes(range(1, 65)))
PINS = f'[{{dnskey: "{KEY}", note: "key tag {KEY.key_tag}"}}]'


def write(root: Path, text: str) -> Path:
    (root / "zones").mkdir()
    (root / "dsplan.yaml").write_text(
        "schema: dsplan/v1\nportfolio: a\ndefaults: {signer: manual, parent: manual}\nsigners: {new: {type: manual}}\n"
    )
    (root / "zones/a.yaml").write_bytes(text.encode())
    return root / "zones/a.yaml"


def no_token(intent: ZoneIntent) -> ZoneIntent:
    return replace(intent, roll=Roll())


def old_token(intent: ZoneIntent) -> ZoneIntent:
    return replace(intent, roll=Roll(sep="1"))


def no_sep_token(intent: ZoneIntent) -> ZoneIntent:
    return replace(intent, roll=Roll(zsk=intent.roll.zsk))


def unsigned(intent: ZoneIntent) -> ZoneIntent:
    return replace(intent, dnssec="insecure")


def pinned(intent: ZoneIntent) -> ZoneIntent:
    return replace(intent, keys=(KEY,))


def not_compromised(intent: ZoneIntent) -> ZoneIntent:
    return replace(intent, compromised=tuple(key for key in intent.compromised if key != KEY))


def staying(intent: ZoneIntent) -> ZoneIntent:
    return replace(intent, migrate_to=None)


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        (staying, "zone: c.ch\nmigrate_to: new # why\nowner: x\n", "zone: c.ch\nowner: x\n"),
        (no_token, "# top\nzone: c.ch # own\nroll: '2' # why\nowner: x\n", "# top\nzone: c.ch # own\nowner: x\n"),
        (no_token, "zone: c.ch\r\nroll: 'b'\r\n# end\r\n", "zone: c.ch\r\n# end\r\n"),
        (no_token, "zone: c.ch\nroll: b", "zone: c.ch\n"),
        (old_token, "zone: c.ch\nroll: '2' # why\n", 'zone: c.ch\nroll: "1" # why\n'),
        (no_sep_token, "zone: c.ch\nroll: {ksk: a, zsk: b} # x\n", "zone: c.ch\nroll: {zsk: b} # x\n"),
        (no_sep_token, "zone: c.ch\nroll: {zsk: b, csk: a}\n", "zone: c.ch\nroll: {zsk: b}\n"),
        (no_sep_token, "zone: c.ch\nroll:\n  ksk: a # k\n  zsk: b # z\n", "zone: c.ch\nroll:\n  zsk: b # z\n"),
        (no_token, "zone: c.ch\nroll:\n  zsk: a # k\n# next\nowner: x\n", "zone: c.ch\n# next\nowner: x\n"),
        (no_token, "zones:\n  - {zone: c.ch, roll: b, owner: x}\n", "zones:\n  - {zone: c.ch, owner: x}\n"),
        (no_token, "zones:\n  - {roll: b, zone: c.ch}\n", "zones:\n  - {zone: c.ch}\n"),
        (
            no_token, "zones:\n  - zone: b.ch\n    roll: b\n  - roll: b\n    zone: c.ch\n",
            "zones:\n  - zone: b.ch\n    roll: b\n  - zone: c.ch\n",
        ),
        (unsigned, "zone: c.ch\ndnssec: signed   # wanted\n", "zone: c.ch\ndnssec: insecure   # wanted\n"),
        (unsigned, "zone: c.ch # own\nowner: x\n", "zone: c.ch # own\ndnssec: insecure\nowner: x\n"),
        (pinned, "zone: c.ch\nkeys: auto # ours\n", f"zone: c.ch\nkeys: {PINS} # ours\n"),
        (pinned, "zone: c.ch\nowner: 'x'\n", f"zone: c.ch\nkeys: {PINS}\nowner: 'x'\n"),
        (
            pinned, f'zone: c.ch\nkeys:\n  - dnskey: "{OTHER}" # z\n# then\nowner: x\n',
            f"zone: c.ch\nkeys:\n  {PINS} # z\n# then\nowner: x\n",
        ),
        (
            not_compromised, f'zone: c.ch\ncompromised:\n  - "{KEY}" # thief\n# then\nowner: x\n',
            "zone: c.ch\n# then\nowner: x\n",
        ),
        (
            not_compromised, f"zone: c.ch\ncompromised: [\"{KEY}\", '{OTHER}'] # two\n",
            f'zone: c.ch\ncompromised: ["{OTHER}"] # two\n',
        ),
    ],
)  # fmt: skip
def test_every_other_byte_stays(tmp_path, change, before, after) -> None:
    file = write(tmp_path, before)
    portfolio = load_portfolio(tmp_path)
    wanted = change(portfolio.zones["c.ch"])

    path, lines = retract(tmp_path, portfolio, wanted, write=False)
    assert file.read_bytes().decode() == before
    assert (path, len(lines)) == (file.resolve(), 1)
    retract(tmp_path, portfolio, wanted, write=True)

    assert file.read_bytes().decode() == after
    assert replace(load_portfolio(tmp_path).zones["c.ch"], source=wanted.source) == wanted


def test_what_says_so_already_is_left_alone(tmp_path) -> None:
    write(tmp_path, "zone: c.ch\nroll: b\n")
    portfolio = load_portfolio(tmp_path)

    assert retract(tmp_path, portfolio, portfolio.zones["c.ch"], write=True)[1] == ()


def test_a_layout_that_does_not_allow_the_edit_is_left_as_it_is(tmp_path) -> None:
    text = "zone: c.ch\nroll: &a b\nowner: *a\n"
    file = write(tmp_path, text)
    portfolio = load_portfolio(tmp_path)

    with pytest.raises(ConfigError, match=r"a\.yaml"):
        retract(tmp_path, portfolio, no_token(portfolio.zones["c.ch"]), write=True)

    assert file.read_text() == text
