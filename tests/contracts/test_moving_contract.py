"""What a change of signer asks of real servers: PowerDNS as one of two signers, BIND as a parent that delegates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_bind import start_primary
from lab_dns import Server, ask, keys_of, rrset, signed_by
from lab_powerdns import PowerDnsServer, start_powerdns
from lab_process import free_port
from parent_rigs import connected as connected_parent
from signer_rigs import connected as connected_signer

from dnsplan.errors import AdapterError
from dnsplan.model.action import CreateKey, ImportKeys, SetKeys, SetNs
from dnsplan.model.plan import Serving
from dnsplan.model.portfolio import Accepts, Secret
from dnsplan.model.records import Dnskey
from dnsplan.ports import DelegatingParent, SharingSigner

ZONE = "shared.test"
FOREIGN = Dnskey(flags=256, algorithm=13, public_key=b"f" * 64)
OTHER = Dnskey(flags=256, algorithm=13, public_key=b"o" * 64)


def powerdns(server: PowerDnsServer) -> SharingSigner:
    settings = {"url": server.url, "api_key": Secret(env="KEY")}
    adapter = connected_signer("powerdns", settings, {"KEY": server.api_key})
    assert isinstance(adapter, SharingSigner)
    return adapter


@pytest.fixture(params=["yes", "no"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PowerDnsServer]:
    running = start_powerdns(
        tmp_path / "pdns", Server("127.0.0.1", free_port()), free_port(), direct_dnskey=request.param
    )
    running.add_zone(ZONE, ("127.0.0.1",), hosts={"b1": "192.0.2.7"})
    try:
        yield running
    finally:
        running.daemon.stop()


def sign(adapter: SharingSigner) -> tuple[Dnskey, Dnskey]:
    made = [
        adapter.perform(ZONE, CreateKey(role=role, algorithm=13, existing=frozenset())).created
        for role in ("ksk", "zsk")
    ]
    ksk, zsk = (key for key in made if key is not None)
    both = tuple(sorted((ksk, zsk)))
    adapter.perform(ZONE, SetKeys(published=both, sign_keys=frozenset({ksk.id}), sign_zone=frozenset({zsk.id})))
    return ksk, zsk


def imported(own: tuple[Dnskey, Dnskey], *foreign: Dnskey, gone: tuple[Dnskey, ...] = ()) -> ImportKeys:
    return ImportKeys(
        foreign=foreign, gone=gone, published=tuple(sorted((*own, *foreign))), sign_keys=frozenset({own[0].id}),
        sign_zone=frozenset({own[1].id}),
    )  # fmt: skip


@pytest.mark.parametrize("server", ["yes"], indirect=True)
def test_foreign_keys_are_published_beside_its_own_and_leave_again(server: PowerDnsServer) -> None:
    adapter = powerdns(server)
    own = sign(adapter)
    for _ in range(2):
        assert adapter.share(ZONE, imported(own, FOREIGN)).state == "accepted"
        assert keys_of(server.server, ZONE) == tuple(sorted((*own, FOREIGN)))
    assert adapter.share(ZONE, imported(own, FOREIGN)).message == "the keys are already so"
    assert signed_by(server.server, ZONE, "DNSKEY") == {own[0].key_tag}
    assert signed_by(server.server, ZONE, "SOA") == {own[1].key_tag}
    adapter.share(ZONE, imported(own, OTHER))
    adapter.share(ZONE, imported(own, gone=(FOREIGN,)))
    assert keys_of(server.server, ZONE) == tuple(sorted((*own, OTHER)))  # what nobody asked to be gone stays
    assert {key.key for key in adapter.read(ZONE) or ()} == set(own)


@pytest.mark.parametrize("server", ["no"], indirect=True)
def test_a_server_that_would_not_show_them_says_what_to_set(server: PowerDnsServer) -> None:
    adapter = powerdns(server)
    own = sign(adapter)
    with pytest.raises(AdapterError, match="does not publish keys that it does not hold") as raised:
        adapter.share(ZONE, imported(own, FOREIGN))
    assert "direct-dnskey=yes" in raised.value.hint
    assert keys_of(server.server, ZONE) == tuple(sorted(own))


@pytest.mark.parametrize("server", ["yes"], indirect=True)
def test_it_says_where_it_serves_and_changes_its_apex_ns(server: PowerDnsServer) -> None:
    adapter = powerdns(server)
    glue = ((f"ns1.{ZONE}", "127.0.0.1"),)
    assert adapter.serving(ZONE) == Serving(names=frozenset({f"ns1.{ZONE}"}), glue=glue)
    change = SetNs(names=(f"b1.{ZONE}", "b2.example"), expected=(f"ns1.{ZONE}",))
    assert adapter.share(ZONE, change).state == "accepted"
    found = rrset(server.server, f"{ZONE}.", "NS")
    assert found is not None
    assert {str(one.target) for one in found} == {f"b1.{ZONE}.", "b2.example."}
    assert found.ttl == 3
    assert adapter.share(ZONE, change).message == "the NS are already so"
    assert adapter.serving(ZONE) == Serving(
        names=frozenset({f"b1.{ZONE}", "b2.example"}), glue=((f"b1.{ZONE}", "192.0.2.7"),)
    )
    with pytest.raises(AdapterError, match="404"):
        adapter.serving("no.such.zone")


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[tuple[Server, DelegatingParent]]:
    at = Server("127.0.0.1", free_port())
    running = start_primary(tmp_path / "bind", at, "tld", {"child.tld": ("192.0.2.1", "192.0.2.2")})
    settings = {
        "server": f"127.0.0.1:{at.port}", "zone": "tld",
        "tsig": {"name": "upd", "algorithm": "hmac-sha256", "secret": Secret(env="TSIG")},
    }  # fmt: skip
    adapter = connected_parent("rfc2136", settings, {"TSIG": running.secret})
    assert isinstance(adapter, DelegatingParent)
    try:
        yield at, adapter
    finally:
        running.daemon.stop()


BEFORE = ("ns1.child.tld", "ns2.child.tld")


def delegation(at: Server) -> tuple[set[str], set[str]]:
    """Return the names and the glue that the parent refers to."""
    answer = ask(at, "child.tld.", "NS")
    names = {str(one.target).rstrip(".") for found in answer.authority if found.rdtype == 2 for one in found}
    return names, {str(one) for found in answer.additional if found.rdtype == 1 for one in found}


def test_a_delegation_changes_in_one_go_with_its_glue(parent: tuple[Server, DelegatingParent]) -> None:
    at, adapter = parent
    change = SetNs(names=("new1.child.tld",), glue=(("new1.child.tld", "192.0.2.9"),), expected=BEFORE)
    assert adapter.capabilities("child.tld", Accepts()).parent_ns
    assert adapter.delegate("child.tld", change).state == "accepted"
    assert delegation(at) == ({"new1.child.tld"}, {"192.0.2.9"})
    assert adapter.delegate("child.tld", change).message == "the parent already delegates so"
    back = SetNs(names=BEFORE, expected=("new1.child.tld",))
    assert adapter.delegate("child.tld", back).state == "accepted"
    assert delegation(at) == (set(BEFORE), {"192.0.2.1", "192.0.2.2"})


def test_a_delegation_that_changed_meanwhile_is_left_alone(parent: tuple[Server, DelegatingParent]) -> None:
    at, adapter = parent
    change = SetNs(names=("new1.child.tld",), expected=("other.example",))
    assert adapter.delegate("child.tld", change).state == "refused"
    assert delegation(at)[0] == set(BEFORE)
    with pytest.raises(AdapterError, match="does not delegate"):
        adapter.delegate("missing.tld", change)
