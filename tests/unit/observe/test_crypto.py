"""Signatures: hostile keys verify nothing and raise nothing, and piles of them cost little."""

from __future__ import annotations

import base64

import dns.name
import dns.rdata
import dns.rrset
import pytest
from nameservers import NOW, Zone, key, name

from dnsplan.model.records import Dnskey
from dnsplan.observe import crypto
from dnsplan.observe.crypto import MOST_COLLISIONS, MOST_SIGNATURES, signed_by

ZONE = name("child.test.")
SOA = Zone("child.test.", [key("child")]).data[ZONE, "SOA"]
RECORDS = dns.rrset.from_rdata_list(ZONE, 300, list(SOA))


def forged(signer: Dnskey, *signatures: bytes) -> dns.rrset.RRset:
    """Return RRSIGs that claim to be of a key."""
    head = f"SOA {signer.algorithm} 2 300 {NOW + 9} {NOW - 9} {signer.key_tag} child.test."
    texts = [f"{head} {base64.b64encode(each).decode()}" for each in signatures]
    return dns.rrset.from_text_list(ZONE, 300, "IN", "RRSIG", texts)


@pytest.mark.parametrize("algorithm", [0, 1, 3, 5, 7, 8, 10, 12, 13, 14, 15, 16, 17, 23, 252, 253, 254, 255])
@pytest.mark.parametrize(
    "public", [b"", b"\0", b"\1", b"\0\0\0", b"\1\0\0", b"\xff" * 32, b"\xff" * 64, b"\3\1\0\1" + b"\0" * 128]
)
def test_malformed_keys_of_any_algorithm_verify_nothing(algorithm: int, public: bytes) -> None:
    hostile = Dnskey(flags=257, algorithm=algorithm, public_key=public)
    seen = signed_by(RECORDS, forged(hostile, b"\0" * 64), ZONE, (hostile,), NOW)
    assert seen.keys == frozenset()
    assert seen.problem == f"the signature of key tag {hostile.key_tag} does not verify"


def test_colliding_key_tags_and_piles_of_signatures_cost_a_bounded_number_of_tries() -> None:
    """Keys whose words are swapped have one key tag (KeyTrap)."""
    words = [bytes([0, number]) for number in range(32)]
    keys = tuple(
        Dnskey(flags=257, algorithm=13, public_key=b"".join([*words[turn:], *words[:turn]])) for turn in range(32)
    )
    assert len({each.key_tag for each in keys}) == 1
    before = len(crypto._results)
    pile = forged(keys[0], *(bytes([number]) * 64 for number in range(100)))
    seen = signed_by(RECORDS, pile, ZONE, keys, NOW)
    assert seen.problem == f"more than {MOST_SIGNATURES} signatures"
    assert len(crypto._results) - before == MOST_SIGNATURES * MOST_COLLISIONS


def test_signatures_of_unknown_keys_do_not_crowd_out_a_good_one() -> None:
    zone = Zone("child.test.", [key("child")])
    good = zone.sign(ZONE, SOA)
    assert good is not None
    pile = forged(key("stray").dnskey, *(bytes([number]) * 64 for number in range(50)))
    for rdata in good:
        pile.add(rdata)
    assert signed_by(RECORDS, pile, ZONE, (key("child").dnskey,), NOW).keys == {key("child").dnskey.id}


def test_a_signature_in_the_name_of_another_zone_does_not_count() -> None:
    other = Zone("test.", [key("child")])
    rrsigs = other.sign(ZONE, SOA)
    seen = signed_by(RECORDS, rrsigs, ZONE, (key("child").dnskey,), NOW)
    assert (seen.keys, seen.original_ttl, seen.problem) == (frozenset(), 0, "a signature names another zone")


def test_a_synthesised_record_is_not_the_zones_own() -> None:
    wild = Zone("child.test.", [key("child")])
    rrsigs = wild.sign(name("*.test."), SOA)
    assert rrsigs is not None
    rrsigs.name = ZONE
    seen = signed_by(RECORDS, rrsigs, ZONE, (key("child").dnskey,), NOW)
    assert (seen.keys, seen.problem) == (frozenset(), "a signature has the wrong number of labels")
