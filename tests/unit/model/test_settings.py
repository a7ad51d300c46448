"""Settings of ways in are read strictly, and faults name where they stand."""

from __future__ import annotations

import pytest

from dnsplan.errors import ConfigError
from dnsplan.model.portfolio import Accepts, Secret, Setting, WayIn
from dnsplan.model.settings import Settings, accepted_by_account, settings_of


def of(**values: Setting) -> Settings:
    return settings_of(WayIn(name="own", type="rfc2136", settings=values), "parents")


def test_values_of_the_right_type_are_returned() -> None:
    settings = of(text="a", number=5, words="1h30m", table={"deep": "b"}, secret=Secret(env="X"))
    assert settings.text("text") == "a"
    assert settings.text("absent", "c") == "c"
    assert settings.seconds("number") == 5
    assert settings.seconds("words") == 5400
    assert settings.seconds("absent", 7) == 7
    assert settings.secret("secret") == Secret(env="X")
    assert settings.table("table").text("deep") == "b"
    assert settings.table("absent").values == {}


@pytest.mark.parametrize(
    ("values", "read", "message"),
    [
        ({}, lambda s: s.text("zone"), r"parents\.own: zone is missing"),
        ({"zone": 1}, lambda s: s.text("zone"), "zone is not a text"),
        ({}, lambda s: s.seconds("ds_ttl"), "ds_ttl is missing"),
        ({"ds_ttl": True}, lambda s: s.seconds("ds_ttl"), "ds_ttl is not a duration"),
        ({"ds_ttl": "soon"}, lambda s: s.seconds("ds_ttl"), "'soon' is not a duration"),
        ({"api_key": "clear"}, lambda s: s.secret("api_key"), "api_key is not a reference"),
        ({"tsig": "x"}, lambda s: s.table("tsig"), "tsig is not a table"),
        ({"tsig": {}}, lambda s: s.table("tsig").text("name"), r"parents\.own\.tsig: name is missing"),
    ],
)
def test_a_fault_names_the_entry_and_the_setting(values, read, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as fault:
        read(of(**values))
    assert "clear" not in str(fault.value)


def test_an_account_overrides_what_its_suffix_accepts() -> None:
    settings = of(accepts={"max_ds": 1, "algorithms": ("ECDSAP256SHA256", 15), "digest_types": "SHA-256"})
    merged = accepted_by_account(Accepts(form="dnskey", max_ds=4, digest_types=frozenset({1})), settings)
    assert merged == Accepts(form="dnskey", max_ds=1, algorithms=frozenset({13, 15}), digest_types=frozenset({2}))
    assert accepted_by_account(merged, of()) == merged


@pytest.mark.parametrize("accepts", [{"max": 1}, {"algorithms": ("ROT13",)}, {"digest_types": (True,)}])
def test_what_no_account_can_accept_is_a_fault(accepts: Setting) -> None:
    with pytest.raises(ConfigError, match=r"parents\.own\.accepts"):
        accepted_by_account(Accepts(), of(accepts=accepts))
