"""Parents are made by type, without contacting anything, and bad settings are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from dnsplan.errors import ConfigError, SecretError
from dnsplan.model.action import SetDs
from dnsplan.model.portfolio import Accepts, Secret, Setting, WayIn
from dnsplan.model.secret import SecretText
from dnsplan.parents import Surroundings, connect_parent
from dnsplan.parents.rfc2136 import UpdatedParent
from dnsplan.ports import Parent

TSIG: dict[str, Setting] = {"name": "upd", "algorithm": "hmac-sha256", "secret": Secret(env="TSIG")}


def connect(kind: str, *, secret: str = "c2VjcmV0", **settings: Setting) -> Parent:
    surroundings = Surroundings(resolve=lambda _: SecretText(secret), root=Path())
    return connect_parent(WayIn(name="own", type=kind, settings=settings), surroundings)


def updated(server: str, **settings: Setting) -> UpdatedParent:
    parent = connect("rfc2136", server=server, **{"zone": "tld", "tsig": TSIG, **settings})
    assert isinstance(parent, UpdatedParent)
    return parent


def test_an_unknown_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no adapter for type 'fax'") as fault:
        connect("fax")
    assert fault.value.hint == "available types: cds, manual, rfc2136"


@pytest.mark.parametrize(
    ("server", "endpoint"),
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:5300", ("192.0.2.1", 5300)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("[2001:db8::1]:5300", ("2001:db8::1", 5300)),
        ("ns.example:53", ("ns.example", 53)),
    ],
)
def test_a_server_is_an_address_with_or_without_a_port(server: str, endpoint: tuple[str, int]) -> None:
    parent = updated(server)
    assert (parent.host, parent.port) == endpoint


@pytest.mark.parametrize("server", ["192.0.2.1:dns", "192.0.2.1:0", "192.0.2.1:65536"])
def test_a_server_with_a_bad_port_is_a_fault(server: str) -> None:
    with pytest.raises(ConfigError, match="no address with a port"):
        updated(server)


@pytest.mark.parametrize(
    ("zone", "ascii_zone"), [("Corp.example.", "Corp.example"), ("bücher.example", "xn--bcher-kva.example")]
)
def test_the_parent_zone_may_be_written_as_a_person_writes_it(zone: str, ascii_zone: str) -> None:
    assert updated("192.0.2.1", zone=zone).parent_zone == ascii_zone


def test_a_parent_zone_that_is_no_name_is_a_fault() -> None:
    with pytest.raises(ConfigError, match="is no domain name"):
        updated("192.0.2.1", zone="a..b")


def test_an_algorithm_that_signs_nothing_is_a_fault() -> None:
    with pytest.raises(ConfigError, match="no TSIG algorithm"):
        updated("192.0.2.1", tsig={**TSIG, "algorithm": "rot13"})


def test_a_secret_that_is_no_base64_is_a_fault_that_does_not_show_it() -> None:
    parent = connect("rfc2136", server="192.0.2.1", zone="tld", tsig=TSIG, secret="not base64!")
    assert isinstance(parent, UpdatedParent)
    with pytest.raises(SecretError, match="not valid base64") as fault:
        parent._key()
    assert "not base64!" not in f"{fault.value} {fault.value.hint}"


@pytest.mark.parametrize(
    ("own", "there", "ttl"), [(None, None, 86400), (None, 300, 300), (None, 999999, 86400), (60, 300, 60)]
)
def test_a_new_ds_gets_the_configured_ttl_or_the_lower_of_policy_and_present(
    own: int | None, there: int | None, ttl: int
) -> None:
    parent = updated("192.0.2.1", **({} if own is None else {"ds_ttl": own}))
    assert parent._new_ttl("a.tld", there) == ttl


def test_a_guarded_write_is_promised_where_the_server_checks() -> None:
    capabilities = updated("192.0.2.1").capabilities("a.tld", Accepts(max_ds=3))
    assert capabilities.guarded_write
    assert capabilities.accepts.max_ds == 3


def test_a_person_is_named_by_contact_else_by_portal_else_by_entry() -> None:
    for settings, contact in (
        ({"contact": "desk", "portal": "https://nic.example"}, "desk"),
        ({"portal": "https://nic.example"}, "https://nic.example"),
        ({}, "own"),
    ):
        parent = connect("manual", **settings)
        assert parent.capabilities("a.tld", Accepts()).contact == contact
        assert contact in parent.perform("a.tld", SetDs(ds=())).message
        assert parent.read("a.tld") is None
