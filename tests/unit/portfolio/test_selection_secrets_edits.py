from __future__ import annotations

from dataclasses import replace

import pytest

from dnsplan.errors import SecretError, UsageError
from dnsplan.model.portfolio import Secret
from dnsplan.model.secret import SecretText
from dnsplan.portfolio import load_portfolio
from dnsplan.portfolio.digest import effective_digest
from dnsplan.portfolio.edit import set_roll
from dnsplan.portfolio.secrets import resolve
from dnsplan.portfolio.select import Selector, select

MAIN = "schema: dsplan/v1\nportfolio: acme\ndefaults: {signer: manual, parent: manual}\n"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "zones").mkdir()
    (tmp_path / "dsplan.yaml").write_text(MAIN)
    (tmp_path / "zones/a.yaml").write_text(
        '# the brand\nzone: bücher.ch   # keep me\nowner: emea\ntags: [brand]\nroll: "1"\n'
    )
    (tmp_path / "zones/b.yaml").write_text(
        "zones:\n  - {zone: b.co.za, owner: apac}\n  - zone: c.co.za\n    owner: emea\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (Selector(), ("b.co.za", "c.co.za", "xn--bcher-kva.ch")),
        (Selector(zones=("bücher.ch",)), ("xn--bcher-kva.ch",)),
        (Selector(zones=("*.co.za",), exclude=("c.*",)), ("b.co.za",)),
        (Selector(owners=("emea",), parents=("co.za",)), ("c.co.za",)),
        (Selector(parents=("za",)), ("b.co.za", "c.co.za")),
        (Selector(zones=("bücher.*",)), ("xn--bcher-kva.ch",)),
        (Selector(parents=(".ZA",), exclude=("*.nowhere",)), ("b.co.za", "c.co.za")),
        (Selector(tags=("brand",)), ("xn--bcher-kva.ch",)),
        (
            Selector(signers=("manual",), policies=("default",), parents=("manual",)),
            ("b.co.za", "c.co.za", "xn--bcher-kva.ch"),
        ),
    ],
)
def test_a_selector_chooses_zones(root, selector, expected) -> None:
    assert select(load_portfolio(root), selector) == expected


@pytest.mark.parametrize(
    "selector",
    [
        Selector(zones=("nope.ch",)),
        Selector(tags=("x",)),
        Selector(tags=("brand", "brnad")),
        Selector(exclude=("b.co.za", "typo.co.za")),
        Selector(owners=("emea",), exclude=("*",)),
        Selector(zones=("a b",)),
        Selector(zones=("*.\u2603",)),
    ],
)
def test_a_selector_that_matches_nothing_is_an_error(root, selector) -> None:
    with pytest.raises(UsageError):
        select(load_portfolio(root), selector)


def test_set_roll_keeps_comments_and_order(root) -> None:
    portfolio = load_portfolio(root)

    set_roll(root, portfolio, "xn--bcher-kva.ch", "2")
    set_roll(root, portfolio, "c.co.za", "x")

    text = (root / "zones/a.yaml").read_text()
    assert text.startswith("# the brand\nzone: bücher.ch   # keep me\nowner: emea\n")
    assert 'roll: "2"' in text
    assert load_portfolio(root).zones["c.co.za"].roll.sep == "x"


def test_set_roll_of_a_mapping_keeps_the_other_token(root) -> None:
    (root / "zones/a.yaml").write_text("zone: bücher.ch\nroll: {ksk: a, zsk: b}\n")

    set_roll(root, load_portfolio(root), "xn--bcher-kva.ch", "c")

    roll = load_portfolio(root).zones["xn--bcher-kva.ch"].roll
    assert (roll.sep, roll.zsk) == ("c", "b")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("zone: b.ch\n", 'zone: b.ch\nroll: {zsk: "n"}\n'),
        ("zone: b.ch\nroll: 2026-11  # why\n", 'zone: b.ch\nroll: {ksk: 2026-11, zsk: "n"}  # why\n'),
        ("zone: b.ch\nroll: {csk: a}\n", 'zone: b.ch\nroll: {csk: a, zsk: "n"}\n'),
        ("zone: b.ch\nroll:\n  zsk: a\n", 'zone: b.ch\nroll:\n  zsk: "n"\n'),
        ("zones: [{zone: b.ch}]\n", 'zones: [{zone: b.ch, roll: {zsk: "n"}}]\n'),
    ],
)
def test_a_token_for_the_zsk_leaves_that_of_the_ksk(root, before, after) -> None:
    (root / "zones/a.yaml").write_text(before)
    old = load_portfolio(root).zones["b.ch"].roll

    set_roll(root, load_portfolio(root), "b.ch", "n", role="zsk")

    assert (root / "zones/a.yaml").read_text() == after
    assert load_portfolio(root).zones["b.ch"].roll == replace(old, zsk="n")


def test_the_effective_configuration_knows_every_signer_of_a_zone(root) -> None:
    (root / "dsplan.yaml").write_text(
        (root / "dsplan.yaml").read_text() + "signers: {a: {type: manual}, b: {type: manual, contact: me}}\n"
    )
    (root / "zones/b.yaml").write_text("zone: c.co.za\nsigners: [a, b]\n")
    before = effective_digest(load_portfolio(root), "c.co.za")

    (root / "dsplan.yaml").write_text((root / "dsplan.yaml").read_text().replace("contact: me", "contact: you"))

    assert effective_digest(load_portfolio(root), "c.co.za") != before


def test_the_effective_configuration_forgets_owners_and_remembers_the_policy(root) -> None:
    before = effective_digest(load_portfolio(root), "c.co.za")
    text = (root / "zones/b.yaml").read_text()

    (root / "zones/b.yaml").write_text(text.replace("emea", "latam"))
    other_owner = effective_digest(load_portfolio(root), "c.co.za")
    (root / "policies").mkdir()
    (root / "policies/p.yaml").write_text("policy: p\nds: {ttl_max: 2h}\n")
    (root / "zones/b.yaml").write_text(text + "    policy: p\n")

    assert other_owner == before
    assert effective_digest(load_portfolio(root), "c.co.za") != before


def test_secrets_are_resolved_and_never_printed(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("KEY", "hunter2\n")
    (tmp_path / "key").write_text("hunter3\n")

    found = [
        resolve(Secret(env="KEY"), tmp_path),
        resolve(Secret(file="key"), tmp_path),
        resolve(Secret(command=("printf", "hunter4\\n")), tmp_path),
    ]

    assert [secret.reveal() for secret in found] == ["hunter2", "hunter3", "hunter4"]
    assert "hunter" not in f"{found} {found[0]!s} {found[0]!r}"


def test_a_secret_cannot_be_serialised() -> None:
    import pickle

    with pytest.raises(TypeError):
        pickle.dumps(SecretText("hunter2"))


@pytest.mark.parametrize(
    ("secret", "named"),
    [
        (Secret(env="NOT_SET"), "NOT_SET"),
        (Secret(file="missing"), "missing"),
        (Secret(file="binary"), "binary"),
        (Secret(env="NOTHING"), "NOTHING is empty"),
        (Secret(env="BYTES"), "BYTES holds what is not text"),
        (Secret(file="/dev/null"), "/dev/null is empty"),
        (Secret(command=("printf", "\\n", "hunter2")), "printf is empty"),
        (Secret(command=("sh", "-c", "echo hunter2; exit 3")), "status 3"),
        (Secret(command=("no-such-program",)), "no-such-program"),
        (Secret(command=("printf", "\\377")), "printf"),
        (Secret(command=()), "empty"),
    ],
)
def test_a_secret_that_cannot_be_had_is_named_and_not_told(tmp_path, monkeypatch, secret, named) -> None:
    monkeypatch.setenv("NOTHING", "")
    monkeypatch.setenv("BYTES", "\udcff")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")

    with pytest.raises(SecretError, match=named) as caught:
        resolve(secret, tmp_path)

    assert "hunter2" not in str(caught.value) + caught.value.hint
