"""A fault is told once, where it is; and no value of a file ends in anything but a fault."""

from __future__ import annotations

import pytest

from dnsplan.portfolio import load
from dnsplan.portfolio.formats import endpoint, moment

MAIN = "schema: dsplan/v1\nportfolio: acme\ndefaults: {signer: manual, parent: manual}\n"
SIGNED = "zone: a.ch\ndnssec: signed\n"


def faults(root, **files):
    for name, text in {"dsplan.yaml": MAIN, "zones/a.yaml": "zone: a.ch\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [(fault.code, fault.file) for fault in load(root).faults]


@pytest.mark.parametrize(
    ("code", "file", "text", "zone"),
    [
        ("YAML_SYNTAX", "policies/s.yaml", "policy: [\n", "zone: a.ch\npolicy: s\n"),
        ("WRONG_TYPE", "policies/s.yaml", "policy: 5\n", "zone: a.ch\npolicy: s\n"),
        ("BAD_VALUE", "policies/s.yaml", "policy: s\nscheme: x\n", "zone: a.ch\npolicy: s\n"),
        ("YAML_SYNTAX", "dsplan.yaml", "portfolio: [\n", SIGNED),
        ("WRONG_TYPE", "dsplan.yaml", "schema: dsplan/v1\nportfolio: x\ndefaults: 5\n", SIGNED),
        ("WRONG_TYPE", "dsplan.yaml", MAIN + "signers: 5\n", "zone: a.ch\nsigner: pdns\n"),
        ("UNKNOWN_KEY", "dsplan.yaml", MAIN + "signrs: {pdns: {type: manual}}\n", "zone: a.ch\nsigner: pdns\n"),
        ("DUPLICATE_KEY", "dsplan.yaml", MAIN + "parents: {}\nparents: {x: {type: manual}}\n", SIGNED + "parent: x\n"),
        ("OUTSIDE_REPOSITORY", "dsplan.yaml", MAIN + "policies: ../x\n", "zone: a.ch\npolicy: s\n"),
        ("FOLDER_MISSING", "dsplan.yaml", MAIN + "policies: x\n", "zone: a.ch\npolicy: s\n"),
    ],
)
def test_a_fault_in_one_file_is_not_told_again_in_another(tmp_path, code, file, text, zone) -> None:
    assert faults(tmp_path, **{file: text, "zones/a.yaml": zone}) == [(code, file)]


def test_a_fault_that_hides_no_name_leaves_the_others_visible(tmp_path) -> None:
    files = {"dsplan.yaml": MAIN + "audit: {branch: --force}\n", "zones/a.yaml": "zone: a.ch\nsigner: pdns\n"}

    assert faults(tmp_path, **files) == [("BAD_BRANCH", "dsplan.yaml"), ("UNKNOWN_SIGNER", "zones/a.yaml")]


def test_every_missing_key_is_named(tmp_path) -> None:
    assert faults(tmp_path, **{"dsplan.yaml": "zones: zones/\n"}) == [("MISSING_KEY", "dsplan.yaml")] * 2


@pytest.mark.parametrize(
    ("code", "file", "text"),
    [
        ("FILE_EMPTY", "dsplan.yaml", "~\n"),
        ("FILE_EMPTY", "zones/a.yaml", "null\n"),
        ("FOLDER_MISSING", "dsplan.yaml", MAIN + 'zones: "a\\0b"\n'),
        ("FOLDER_MISSING", "dsplan.yaml", MAIN + f"zones: {'a' * 5000}\n"),
        ("YAML_SYNTAX", "zones/a.yaml", 'zone: "\\UFFFFFFFF"\n'),
        ("BAD_DURATION", "policies/s.yaml", f"policy: s\nds: {{ttl_max: {'9' * 30}y}}\n"),
        ("BAD_TIME", "policies/s.yaml", 'policy: s\nwindows: {freeze: [{from: 2027-01-01, to: "9999-12-31"}]}\n'),
        ("BAD_VALUE", "parents/ch.yaml", "suffix: ch\nalgorithms: [ED25518]\n"),
        ("BAD_VALUE", "parents/ch.yaml", "suffix: ch\nalgorithms: [13, 256]\n"),
        ("BAD_RESOLVER", "dsplan.yaml", MAIN + 'resolvers: [{name: x, address: "127.0.0.1:abc"}]\n'),
        ("BAD_RESOLVER", "dsplan.yaml", MAIN + 'resolvers: [{name: x, address: "[::1]:99999"}]\n'),
        ("BAD_RESOLVER", "dsplan.yaml", MAIN + 'resolvers: [{name: x, address: "[::1]x"}]\n'),
    ],
)
def test_an_odd_value_is_one_fault(tmp_path, code, file, text) -> None:
    assert faults(tmp_path, **{file: text}) == [(code, file)]


def test_a_link_in_place_of_dsplan_yaml_does_not_leave_the_repository(tmp_path) -> None:
    (tmp_path / "outside.yaml").write_text(MAIN)
    (tmp_path / "root").mkdir()
    (tmp_path / "root/dsplan.yaml").symlink_to(tmp_path / "outside.yaml")

    assert [fault.code for fault in load(tmp_path / "root").faults] == ["OUTSIDE_REPOSITORY"]


def test_a_date_needs_no_quotes(tmp_path) -> None:
    policy = "policy: s\nwindows: {freeze: [{from: 2026-12-18, to: 2027-01-04}]}\n"

    assert faults(tmp_path, **{"policies/s.yaml": policy}) == []
    assert moment("2027-01-04", inclusive=True) == moment("2027-01-05T00:00:00Z")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9.9.9.9", ("9.9.9.9", 853)),
        ("127.0.0.1:5300", ("127.0.0.1", 5300)),
        ("::1", ("::1", 853)),
        ("[::1]", ("::1", 853)),
        ("[::1]:5300", ("::1", 5300)),
    ],
)
def test_an_endpoint_is_an_address_with_or_without_a_port(text, expected) -> None:
    assert endpoint(text, 853) == expected
