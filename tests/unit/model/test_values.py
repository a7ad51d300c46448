"""Names, times, keys and DS: from text and back, and what is refused."""

from __future__ import annotations

import pytest

from dnsplan.model.names import display_name, name_warnings, parse_name
from dnsplan.model.plan import Gate, GateTerm
from dnsplan.model.portfolio import Policy, Portfolio, Resolution, ZoneIntent
from dnsplan.model.records import (
    Dnskey,
    dnskey_from_rdata,
    ds_from_rdata,
    make_ds,
    name_to_wire,
    parse_dnskey,
    parse_ds,
)
from dnsplan.model.secret import SecretText
from dnsplan.model.time import format_duration, format_instant, parse_duration, parse_instant

# RFC 6605 section 6.1: the key, its tag and its DS at example.net
KEY = "257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA=="
DS = "55648 13 2 B4C8C1FE2E7477127B27115656AD6256F424625BF5C1E2770CE6D6E37DF61D17"


def test_a_key_gives_the_tag_and_ds_of_the_standard() -> None:
    key = parse_dnskey(KEY)

    assert key.key_tag == 55648
    assert make_ds("example.net", key, 2) == parse_ds(DS)
    assert str(key) == KEY
    assert str(parse_ds(DS)) == DS
    assert key.is_sep
    assert dnskey_from_rdata(key.rdata) == key
    assert ds_from_rdata(parse_ds(DS).rdata) == parse_ds(DS)
    assert len(key.id) == 32


def test_a_revoked_key_is_no_sep_key() -> None:
    assert not Dnskey(flags=257 | 0x80, algorithm=13, public_key=b"x").is_sep


@pytest.mark.parametrize(
    "text", ["257 3 13", "257 2 13 AAAA", "257 3 13 !", "70000 3 13 AAAA", "257 3 x AAAA", "257 3 13 =", '257 3 13 ""']
)
def test_a_bad_key_is_refused(text) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_dnskey(text)


@pytest.mark.parametrize("text", ["1 13 2", "1 13 2 zz", "1 13 2 ABCD", "99999 13 2 AB"])
def test_a_bad_ds_is_refused(text) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_ds(text)


def test_a_ds_of_an_unknown_digest_type_is_kept_as_it_is() -> None:
    assert str(parse_ds("1 13 9 AB")) == "1 13 9 AB"


def test_short_rdata_is_refused() -> None:
    with pytest.raises(ValueError, match="not a DNSKEY"):
        dnskey_from_rdata(b"\x01\x01\x02\x0d")
    with pytest.raises(ValueError, match="not a DS"):
        ds_from_rdata(b"\x01")


def test_names_have_a_canonical_wire_form() -> None:
    assert name_to_wire("Example.CH.") == b"\x07example\x02ch\x00"
    assert name_to_wire("") == b"\x00"


@pytest.mark.parametrize(
    ("text", "seconds", "back"),
    [("90s", 90, "1m30s"), ("15m", 900, "15m"), ("1h30m", 5400, "1h30m"), ("1w", 604800, "1w"), ("1y", 31536000, "1y")],
)
def test_durations(text, seconds, back) -> None:
    assert parse_duration(text) == seconds
    assert format_duration(seconds) == back


@pytest.mark.parametrize("text", ["", "1", "1 day", "-1s", "1.5h", "9" * 50 + "s"])
def test_a_bad_duration_is_refused(text) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_no_duration_is_zero_seconds_and_odd_years_are_weeks() -> None:
    assert format_duration(0) == "0s"
    assert format_duration(31536000 + 1) == "52w1d1s"


def test_instants() -> None:
    assert format_instant(parse_instant("2026-11-24T01:00:00+01:00")) == "2026-11-24T00:00:00Z"
    assert format_instant(parse_instant("0099-01-01T00:00:00Z")) == "0099-01-01T00:00:00Z"
    assert format_instant(2**62) == "9999-12-31T23:59:59Z", "a TTL or margin without bound still has a text"
    with pytest.raises(ValueError, match="time zone"):
        parse_instant("2026-11-24T00:00:00")


@pytest.mark.parametrize(
    ("text", "name"),
    [("Example.CH.", "example.ch"), ("bücher.ch", "xn--bcher-kva.ch"), ("faß.de", "xn--fa-hia.de"), ("_x.ch", "_x.ch")],
)
def test_names_are_a_labels_in_lower_case(text, name) -> None:
    assert parse_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a..b",
        "a b",
        "x" * 64,
        ".".join(["x" * 60] * 5),
        "xn--\u00fc.ch",
        "xn--99999999999.ch",
        "☃.ch",
        "a\u202eb.ch",
    ],
)
def test_a_bad_name_is_refused(text) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_name(text)


def test_names_are_shown_as_u_label_with_the_a_label() -> None:
    assert display_name("xn--bcher-kva.ch") == "bücher.ch (xn--bcher-kva.ch)"
    assert display_name("example.ch") == "example.ch"
    assert display_name("xn--i-7iq.ch") == "xn--i-7iq.ch"


def test_forbidden_and_mixed_labels_are_warnings() -> None:
    assert name_warnings("example.xn--bcher-kva") == ()
    assert len(name_warnings("xn--i-7iq.ch")) == 1
    mixed = "xn--" + "p\u0430yp\u0430l".encode("punycode").decode()
    assert any("mixes scripts: CYRILLIC, LATIN" in warning for warning in name_warnings(mixed))
    assert name_warnings("xn--" + "\u65e5\u672c\u3054".encode("punycode").decode()) == ()


def test_a_gate_opens_with_its_last_term_and_never_while_one_is_unknown() -> None:
    assert Gate().at == 0
    assert Gate(terms=(GateTerm(reason="a", at=3), GateTerm(reason="b", at=5))).at == 5
    assert Gate(terms=(GateTerm(reason="a", at=3), GateTerm(reason="b", at=None))).at is None


def test_a_portfolio_knows_the_policy_of_a_zone() -> None:
    policy = Policy(name="p")
    portfolio = Portfolio(
        name="x",
        zones={},
        policies={"p": policy},
        signers={},
        parents={},
        accepts={},
        resolution=Resolution(root_hints=()),
    )

    assert portfolio.policy_of(ZoneIntent(zone="a.ch", policy="p")) is policy


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = SecretText("hunter2")

    assert secret.reveal() == "hunter2"
    assert repr(secret) == "(secret)"
    with pytest.raises(TypeError):
        secret.__reduce__()
