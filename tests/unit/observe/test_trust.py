"""Validation down from the trust anchor: what a DS answer proves, and who verifiably signs a child's data."""

from __future__ import annotations

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import pytest
from nameservers import NOW, Key, Zone, add_signed, key, respond
from small_tree import CHILDREN, PARENTS, ROOT, Tree, children_of, delegate, parents_of

Message = dns.message.Message


def trusts(tree: Tree, zone: str = "child.test") -> list[tuple[str, str]]:
    return [(view.trust, view.detail) for view in parents_of(tree.observe(zone)[0])]


def test_the_built_in_anchors_do_not_validate_another_root(tree: Tree) -> None:
    tree.anchors = None  # type: ignore[assignment]
    detail = "the DNSKEY RRset of . does not validate: no key matches the DS or the trust anchor"
    assert trusts(tree) == [("bogus", detail)] * 2


def test_an_anchor_may_be_a_dnskey(tree: Tree) -> None:
    tree.anchors = (key("root").record.to_text(),)
    assert trusts(tree) == [("secure", "")] * 2


def test_without_an_anchor_everything_is_insecure(tree: Tree) -> None:
    tree.anchors = ()
    assert trusts(tree) == [("insecure", "no trust anchor is configured")] * 2


def test_a_parent_without_ds_is_insecure(tree: Tree) -> None:
    tree.root.add("test.", "DS")
    assert trusts(tree) == [("insecure", "test has no DS")] * 2


def test_a_parent_whose_ds_matches_no_key_is_bogus(tree: Tree) -> None:
    tree.root.add("test.", "DS", str(key("stray").ds("test")))
    detail = "the DNSKEY RRset of test does not validate: no key matches the DS or the trust anchor"
    assert trusts(tree) == [("bogus", detail)] * 2


def test_a_parent_with_ds_of_unknown_algorithms_only_is_insecure(tree: Tree) -> None:
    tree.root.add("test.", "DS", "1 200 2 " + "00" * 32, "1 13 200 " + "00" * 32)
    assert trusts(tree) == [("insecure", "no DS of test has a supported algorithm and digest type")] * 2


def test_a_server_that_lies_about_the_ds_is_bogus_and_the_other_is_not(tree: Tree) -> None:
    liar = Zone("test.", [key("parent")], dict(tree.parent.data))
    liar.add("child.test.", "DS", str(key("mallory").ds("child.test")))
    liar.signers["DS"] = [key("mallory")]
    tree.serve(PARENTS[1], liar)
    tag = key("mallory").dnskey.key_tag
    why = f"the DS: no key of the zone has the key tag {tag} of a signature"
    assert trusts(tree) == [("secure", ""), ("bogus", why)]


def test_a_ds_with_a_changed_digest_is_bogus(tree: Tree) -> None:
    def forge(query: Message, response: Message, tcp: bool) -> list[bytes]:
        wire = bytearray(response.to_wire())
        if query.question[0].rdtype == dns.rdatatype.DS:
            digest = key("child").ds("child.test").digest
            place = wire.find(digest)
            if place > 0:
                wire[place] ^= 1
        return [bytes(wire)]

    tree.servers[PARENTS[0]].twist = forge
    tag = key("parent").dnskey.key_tag
    assert trusts(tree) == [("bogus", f"the DS: the signature of key tag {tag} does not verify"), ("secure", "")]


def test_an_unsigned_ds_below_a_secure_parent_is_bogus(tree: Tree) -> None:
    tree.parent.signers["DS"] = []
    assert trusts(tree) == [("bogus", "the DS: no signature")] * 2


@pytest.mark.parametrize(("begins", "ends", "word"), [(-9, -1, "has expired"), (1, 9, "is not valid yet")])
def test_signatures_count_only_while_they_are_valid(tree: Tree, begins: int, ends: int, word: str) -> None:
    tree.child.begins, tree.child.ends = NOW + begins, NOW + ends
    for view in children_of(tree.look()):
        assert view.keys == (key("child").dnskey,)
        assert (view.key_signers, view.zone_signers, view.signatures_end) == (frozenset(), frozenset(), None)
        assert view.detail == f"a signature of key tag {key('child').dnskey.key_tag} {word}"
        assert not view.zone_mixed


def test_an_expired_parent_is_bogus(tree: Tree) -> None:
    tree.parent.begins, tree.parent.ends = NOW - 9, NOW - 1
    detail = f"a signature of key tag {key('parent').dnskey.key_tag} has expired"
    assert trusts(tree) == [("bogus", f"the DNSKEY RRset of test does not validate: {detail}")] * 2


def test_key_signers_and_zone_signers_are_told_apart(tree: Tree) -> None:
    ksk, zsk = key("child"), key("zsk", sep=False)
    tree.child.publish(ksk, zsk)
    tree.child.keys, tree.child.signers = [zsk], {"DNSKEY": [ksk]}
    for view in children_of(tree.look()):
        assert view.key_signers == {ksk.dnskey.id}
        assert view.zone_signers == {zsk.dnskey.id}


def test_samples_signed_by_different_keys_are_mixed(tree: Tree) -> None:
    one, two = key("child"), key("zsk", sep=False)
    tree.child.publish(one, two)
    tree.child.signers = {"NS": [two]}
    for view in children_of(tree.look()):
        assert view.zone_signers == frozenset()
        assert view.zone_mixed


def test_the_key_that_signs_every_sample_counts(tree: Tree) -> None:
    one, two = key("child"), key("zsk", sep=False)
    tree.child.publish(one, two)
    tree.child.signers = {"NS": [one, two], "NSEC": [one, two]}
    for view in children_of(tree.look()):
        assert view.zone_signers == {one.dnskey.id}
        assert not view.zone_mixed


def test_a_signed_zone_that_denies_without_proof_is_mixed(tree: Tree) -> None:
    tree.child.denial = "none"
    assert all(view.zone_mixed and not view.zone_signers for view in children_of(tree.look()))


@pytest.mark.parametrize("flags", [0x0181, 0x0001])
def test_a_revoked_key_and_a_key_without_the_zone_flag_sign_nothing(tree: Tree, flags: int) -> None:
    barred = Key(key("child").private, key("child").record.replace(flags=flags))
    tree.child.keys = [barred]
    tree.child.publish(barred)
    for view in children_of(tree.look()):
        assert [each.flags for each in view.keys] == [flags]
        assert view.key_signers == view.zone_signers == frozenset()


@pytest.mark.parametrize("denial", ["nsec", "nsec3", "nsec3-opt-out"])
def test_the_absence_of_a_ds_is_proven(tree: Tree, denial: str) -> None:
    tree.parent.denial = denial
    plain = Zone("plain.test.")
    delegate(tree.parent, plain, CHILDREN)
    for address in CHILDREN:
        tree.serve(address, plain)
    tree.parent.add("a.test.", "TXT", "x").add("z.test.", "TXT", "x")
    for zone in ("plain.test", "absent.test", "absent.b.test"):
        assert trusts(tree, zone) == [("secure", "")] * 2


@pytest.mark.parametrize("denial", ["nsec", "nsec3"])
def test_an_absence_that_another_key_signs_is_bogus(tree: Tree, denial: str) -> None:
    tree.parent.denial = denial
    tree.parent.add("child.test.", "DS")
    tree.parent.signers = {"NSEC": [key("mallory")], "NSEC3": [key("mallory")]}
    assert [trust for trust, _ in trusts(tree)] == ["bogus", "bogus"]


@pytest.mark.parametrize("denial", ["nsec", "nsec3"])
def test_a_denial_that_admits_the_ds_proves_nothing(tree: Tree, denial: str) -> None:
    """The server hides the DS, yet its own NSEC has the bit of it."""
    tree.parent.denial = denial
    honest = Zone("test.", [key("parent")], dict(tree.parent.data), denial=denial)

    def hide(query: Message, response: Message, tcp: bool) -> list[bytes]:
        if query.question[0].rdtype == dns.rdatatype.DS and response.answer:
            other = dns.message.make_query("absent.test.", "DS", want_dnssec=True)
            response.answer = []
            response.authority = respond([honest], other).authority[:2]
            for at, records in honest.deny(query.question[0].name):
                add_signed(response.authority, honest, at, records)
        return [response.to_wire()]

    tree.servers[PARENTS[0]].twist = hide
    (trust, detail), other = trusts(tree)
    assert (trust, detail) == ("bogus", "the proof that there is no DS does not validate: it is about other names")
    assert other == ("secure", "")


def test_an_absence_without_any_proof_is_bogus(tree: Tree) -> None:
    tree.parent.denial = "none"
    tree.parent.add("child.test.", "DS")
    assert trusts(tree) == [("bogus", "nothing proves that there is no DS")] * 2


def test_too_many_nsec3_iterations_are_insecure(tree: Tree) -> None:
    tree.parent.denial, tree.parent.iterations = "nsec3", 151
    tree.parent.add("child.test.", "DS")
    assert trusts(tree) == [("insecure", "the proof that there is no DS has too many NSEC3 iterations")] * 2


def test_a_child_that_another_server_of_the_parent_denies_is_unproven_there_only(tree: Tree) -> None:
    """The parent of the parent is asked until one of its servers proves something."""
    liar = Zone(".", [key("root")], dict(tree.root.data))
    liar.signers["DS"] = [key("mallory")]
    tree.serve("127.1.1.0", liar)
    tree.root.add("a.root.", "A", ROOT, "127.1.1.0")
    seen = tree.observe(hints=("127.1.1.0", ROOT))[0]
    assert [view.trust for view in parents_of(seen)] == ["secure", "secure"]


def test_a_parent_whose_ds_nobody_proves_is_bogus(tree: Tree) -> None:
    tree.root.signers["DS"] = []
    why = "nothing valid is said about the DS of test: the DS: no signature"
    assert trusts(tree) == [("bogus", why)] * 2


def test_a_parent_whose_keys_nobody_serves_is_bogus(tree: Tree) -> None:
    def no_keys(query: Message, response: Message, tcp: bool) -> list[bytes]:
        if query.question[0].rdtype == dns.rdatatype.DNSKEY:
            response = dns.message.make_response(query)
            response.set_rcode(dns.rcode.SERVFAIL)
        return [response.to_wire()]

    for address in PARENTS:
        tree.servers[address].twist = no_keys
    assert trusts(tree) == [("bogus", "the DNSKEY RRset of test does not validate: SERVFAIL")] * 2
