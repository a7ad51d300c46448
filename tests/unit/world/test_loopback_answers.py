"""The loopback world answers as name servers do; dnspython alone judges it here."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.tsigkeyring
import dns.update
import httpx
import pytest

from dnsplan.world.loopback import World
from dnsplan.world.loopback.probe import Probe, Watch

CORP, SECOND_CORP, CHILD, SECOND_CHILD = "127.0.53.11", "127.0.53.12", "127.0.53.31", "127.0.53.32"


@pytest.fixture
def world() -> Iterator[World]:
    with World.start(ttl=1) as running:
        yield running


@pytest.fixture
def api(world: World) -> Iterator[httpx.Client]:
    url = f"{world.pdns_url}/api/v1/servers/localhost/zones/acme.corp."
    with httpx.Client(base_url=url, headers={"X-API-Key": world.api_key}) as client:
        yield client


def ask(world: World, address: str, name: str, rdtype: str, *, payload: int = 1232) -> dns.message.Message:
    query = dns.message.make_query(name, rdtype, want_dnssec=True, payload=payload, flags=0)
    return dns.query.udp(query, address, 2, world.port)


def create_key(api: httpx.Client, keytype: str) -> dict[str, object]:
    body = {"keytype": keytype, "algorithm": 13, "active": True, "published": True}
    return api.post("/cryptokeys", json=body).raise_for_status().json()


def rrset(section: list[dns.rrset.RRset], rdtype: str) -> dns.rrset.RRset:
    return next(found for found in section if found.rdtype == dns.rdatatype.from_text(rdtype))


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline


def probe(world: World) -> Probe:
    return Probe(world.root_hints, world.port, world.trust_anchor)


def test_an_unsigned_child_is_referred_to_with_glue_and_a_valid_proof_that_it_has_no_ds(world: World) -> None:
    response = ask(world, CORP, "www.acme.corp", "A")

    assert not response.flags & dns.flags.AA
    assert {rdata.address for found in response.additional for rdata in found} == {CHILD, SECOND_CHILD}
    keys = rrset(ask(world, CORP, "corp", "DNSKEY").answer, "DNSKEY")
    nsec, rrsig = rrset(response.authority, "NSEC"), rrset(response.authority, "RRSIG")
    dns.dnssec.validate(nsec, rrsig, {keys.name: keys.to_rdataset()})
    assert probe(world).look_up("acme.corp") == ("insecure", "acme.corp. is proven to have no DS")


def test_a_child_with_keys_and_a_ds_is_secure(world: World, api: httpx.Client) -> None:
    ksk = create_key(api, "ksk")
    create_key(api, "zsk")
    world.clerk_set_ds("acme.corp", ksk["ds"][:1])

    assert probe(world).look_up("acme.corp") == ("secure", "")
    signed_by = {rdata.key_tag for rdata in rrset(ask(world, CHILD, "acme.corp", "DNSKEY").answer, "RRSIG")}
    assert signed_by == {int(ksk["ds"][0].split()[0])}
    data_signed_by = {rdata.key_tag for rdata in rrset(ask(world, CHILD, "acme.corp", "SOA").answer, "RRSIG")}
    assert signed_by.isdisjoint(data_signed_by)


def test_a_ds_without_keys_is_bogus_and_a_watch_that_saw_the_zone_secure_says_so(
    world: World, api: httpx.Client
) -> None:
    key = create_key(api, "csk")
    world.clerk_set_ds("acme.corp", key["ds"][:1])
    watch = Watch(probe(world), ["acme.corp"], interval=0)
    watch.start()
    until(lambda: watch.figures().verdicts["acme.corp"]["secure"] > 0)
    api.delete(f"/cryptokeys/{key['id']}").raise_for_status()
    until(lambda: not watch.figures().clean)

    assert "acme.corp: bogus" in watch.stop().falls[0]


def test_names_that_do_not_exist_are_denied_with_a_valid_signature(world: World, api: httpx.Client) -> None:
    create_key(api, "csk")

    response = ask(world, CHILD, "nope.acme.corp", "A")

    keys = rrset(ask(world, CHILD, "acme.corp", "DNSKEY").answer, "DNSKEY")
    for found in (found for found in response.authority if found.rdtype != dns.rdatatype.RRSIG):
        rrsig = next(sig for sig in response.authority if sig.name == found.name and sig.covers == found.rdtype)
        dns.dnssec.validate(found, rrsig, {keys.name: keys.to_rdataset()})


def test_an_answer_above_the_requested_size_is_truncated_and_whole_over_tcp(world: World, api: httpx.Client) -> None:
    for _ in range(6):
        create_key(api, "ksk")

    assert ask(world, CHILD, "acme.corp", "DNSKEY", payload=512).flags & dns.flags.TC
    query = dns.message.make_query("acme.corp", "DNSKEY", want_dnssec=True, flags=0)
    assert len(rrset(dns.query.tcp(query, CHILD, 2, world.port).answer, "DNSKEY")) == 6


def test_a_lagging_server_shows_the_old_zone_and_a_silent_one_nothing(world: World) -> None:
    world.set_lag(SECOND_CORP, 60)
    world.set_silent(CHILD, True)

    world.clerk_set_ds("acme.corp", ["1 13 2 " + "00" * 32])

    assert ask(world, CORP, "acme.corp", "DS").answer
    assert not ask(world, SECOND_CORP, "acme.corp", "DS").answer
    query = dns.message.make_query("acme.corp", "SOA")
    with pytest.raises(dns.exception.Timeout):
        dns.query.udp(query, CHILD, 0.1, world.port)
    assert world.query_log_count(CHILD) == 1


@pytest.mark.parametrize(
    ("prerequisite", "expected"),
    [("absent", dns.rcode.YXRRSET), ("same", dns.rcode.NOERROR), ("other", dns.rcode.NXRRSET)],
)
def test_an_update_goes_through_only_if_its_prerequisite_holds(
    world: World, prerequisite: str, expected: dns.rcode.Rcode
) -> None:
    old, new = "1 13 2 " + "00" * 32, "2 13 2 " + "11" * 32
    world.clerk_set_ds("acme.corp", [old])
    update = signed_update(world)
    match prerequisite:
        case "absent":
            update.absent("acme", "DS")
        case "same":
            update.present("acme", "DS", old)
        case _:
            update.present("acme", "DS", new)
    update.replace("acme", 3, "DS", new)

    response = dns.query.tcp(update, CORP, 2, world.port)

    assert response.rcode() == expected
    served = rrset(ask(world, CORP, "acme.corp", "DS").answer, "DS")[0].key_tag
    assert served == (2 if expected == dns.rcode.NOERROR else 1)


def test_an_update_without_the_right_key_changes_nothing(world: World) -> None:
    unsigned = dns.update.UpdateMessage("corp")
    unsigned.add("acme", 3, "DS", "1 13 2 " + "00" * 32)
    forged = dns.update.UpdateMessage("corp")
    forged.add("acme", 3, "DS", "1 13 2 " + "00" * 32)
    forged.use_tsig(dns.tsigkeyring.from_text({world.tsig.name: "AAAA"}), algorithm=world.tsig.algorithm)

    assert dns.query.tcp(unsigned, CORP, 2, world.port).rcode() == dns.rcode.REFUSED
    with pytest.raises(dns.tsig.PeerBadSignature):
        dns.query.tcp(forged, CORP, 2, world.port)
    forged.use_tsig(dns.tsigkeyring.from_text({"stranger": "AAAA"}), algorithm=world.tsig.algorithm)
    with pytest.raises(dns.tsig.PeerBadKey):
        dns.query.tcp(forged, CORP, 2, world.port)
    assert not ask(world, CORP, "acme.corp", "DS").answer


def test_an_update_of_anything_but_the_ds_of_a_delegation_is_refused(world: World) -> None:
    update = signed_update(world)
    update.add("acme", 3, "TXT", "no")

    assert dns.query.tcp(update, CORP, 2, world.port).rcode() == dns.rcode.REFUSED


def test_garbage_is_survived(world: World) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for wire in (b"", b"x", bytes(11), bytes(12), bytes(range(1, 200)), b"\xff" * 64):
            sender.sendto(wire, (CHILD, world.port))

    assert ask(world, CHILD, "acme.corp", "SOA").rcode() == dns.rcode.NOERROR


def test_the_api_refuses_a_wrong_key_and_an_unknown_zone(world: World, api: httpx.Client) -> None:
    assert api.get("/cryptokeys", headers={"X-API-Key": "wrong"}).status_code == 401
    assert api.get("/../nope.corp./cryptokeys").status_code == 404
    assert api.get("/cryptokeys/7").status_code == 404


def signed_update(world: World) -> dns.update.UpdateMessage:
    update = dns.update.UpdateMessage("corp")
    update.use_tsig(dns.tsigkeyring.from_text({world.tsig.name: world.tsig.secret}), algorithm=world.tsig.algorithm)
    return update
