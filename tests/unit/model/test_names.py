"""Names that people write in many ways are one name, and what nobody should register is refused or warned of."""

from __future__ import annotations

import pytest

from dnsplan.model.names import display_name, name_warnings, parse_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("BÜCHER.Example.", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("xn--Bcher-KVA.example", "xn--bcher-kva.example"),
        ("b\u00fccher\u3002example", "xn--bcher-kva.example"),
        ("stra\u00dfe.de", "xn--strae-oqa.de"),
        ("0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa"),
        ("_dmarc.a-b.ch", "_dmarc.a-b.ch"),
        ("ch", "ch"),
    ],
)
def test_every_way_to_write_a_name_gives_the_same_a_labels(text, name) -> None:
    assert parse_name(text) == name
    assert parse_name(name) == name


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("\u00fc" * 200_000, "longer than 63"),
        ("xn--" + "a" * 200_000, "longer than 63"),
        ("\u00fc" * 62, "longer than 63|not valid|too long"),
        (".".join(["x" * 63] * 4), "longer than 253"),
        ("a\u2026b.ch", "IDNA 2008"),
        ("a\u2024b.ch", "IDNA 2008"),
        ("a\x00b.ch", "characters that no"),
        ("a'b.ch", "characters that no"),
        ("..", "empty label"),
        ("\ud800.ch", "IDNA 2008"),
        ("\u05d0a.ch", "IDNA 2008"),
    ],
)
def test_hostile_names_are_refused_with_the_reason(text, why) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        parse_name(text)

    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "text",
    [
        "佐々木.jp",
        "データ.jp",
        "ラーメン屋.jp",
        "한국漢字.kr",
        "ㄅㄆ漢.tw",
        "bücher.ch",
        "hawai\u02bbi.us",
        "пример.рф",
    ],
)
def test_scripts_that_one_language_writes_together_are_no_mixture(text) -> None:
    assert name_warnings(parse_name(text)) == ()


@pytest.mark.parametrize("text", ["p\u0430ypal.com", "\u03bfracle.com", "東京tokyo.jp"])
def test_a_mixture_of_scripts_is_a_warning(text) -> None:
    assert any("mixes scripts" in warning for warning in name_warnings(parse_name(text)))


def test_a_label_that_idna_2008_forbids_is_shown_as_it_is_registered() -> None:
    heart = "xn--i-7iq.ws"

    assert parse_name(heart) == heart
    assert display_name(heart) == heart
    assert "IDNA 2008" in name_warnings(heart)[0]
