"""Whole sweeps: what each server says is reported as it says it, and silence is never absence."""

from __future__ import annotations

from dataclasses import replace

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from nameservers import NOW, Elsewhere, Zone, key, name
from small_tree import (
    CHILDREN,
    IMPATIENT,
    PARENTS,
    PATIENT,
    ROOT,
    Stopped,
    Tree,
    at,
    children_of,
    delegate,
    failures,
    parents_of,
)

from dnsplan.model.observation import ChildAnswer, Denial, ParentAnswer, Unreachable
from dnsplan.model.plan import Serving
from dnsplan.model.portfolio import ObserveSettings, Resolution
from dnsplan.observe import Observer, look
from dnsplan.observe.routes import Routes
from dnsplan.ports import Sight

Message = dns.message.Message


def with_rcode(code: dns.rcode.Rcode) -> object:
    def twist(query: Message, response: Message, tcp: bool) -> list[bytes]:
        bare = dns.message.make_response(query)
        bare.set_rcode(code)
        return [bare.to_wire()]

    return twist


def test_a_secure_child_is_seen_on_every_server_with_its_keys_signers_and_times(tree: Tree) -> None:
    seen = tree.look()
    assert (seen.zone, seen.at, seen.parent_zone, seen.problem) == ("child.test", NOW + 1, "test", "")
    assert [view.address for view in seen.parent] == list(PARENTS)
    assert [view.address for view in seen.child] == list(CHILDREN)
    for parent in parents_of(seen):
        assert parent.ds == (key("child").ds("child.test"),)
        assert (parent.trust, parent.detail, parent.ttl, parent.ns_ttl) == ("secure", "", 300, 300)
        assert parent.ns == {"ns1.child.test", "ns2.child.test"}
    for child in children_of(seen):
        assert child.keys == (key("child").dnskey,)
        assert child.key_signers == child.zone_signers == {key("child").dnskey.id}
        assert (child.key_ttl, child.zone_ttl, child.negative_ttl, child.serial) == (300, 300, 60, 7)
        assert (child.signatures_end, child.zone_mixed, child.detail) == (NOW + 86400, False, "")
        assert child.ns == {"ns1.child.test", "ns2.child.test"}


def test_the_names_of_all_servers_are_noted_with_their_addresses(tree: Tree) -> None:
    hosts = {(host.side, host.name): set(host.addresses) for host in tree.look().hosts}

    assert {side for side, _ in hosts} == {"parent", "child"}
    assert set().union(*(its for (side, _), its in hosts.items() if side == "parent")) == set(PARENTS)
    assert {name for side, name in hosts if side == "child"} == {"ns1.child.test", "ns2.child.test"}
    assert set().union(*(its for (side, _), its in hosts.items() if side == "child")) == set(CHILDREN)


@pytest.mark.parametrize(
    ("way", "denial"),
    [
        ("nsec", Denial(nsec3=False)),
        ("nsec3", Denial(nsec3=True, iterations=7)),
        ("nsec3-opt-out", Denial(nsec3=True, iterations=7, opt_out=True)),
    ],
)
def test_the_way_of_denial_and_the_validity_of_signatures_are_seen(tree: Tree, way: str, denial: Denial) -> None:
    tree.child.denial, tree.child.iterations = way, 7
    for child in children_of(tree.look()):
        assert child.denial == denial
        assert child.signatures_validity > 86400


def test_a_denial_whose_signature_does_not_verify_is_unknown(tree: Tree) -> None:
    def stale(query: Message, response: Message, tcp: bool) -> list[bytes]:
        del query, tcp
        for records in response.authority:
            for rdata in list(records):
                if records.rdtype == dns.rdatatype.RRSIG and rdata.type_covered == dns.rdatatype.NSEC:
                    records.remove(rdata)
                    records.add(rdata.replace(signature=b"x" * 64))
        return [response.to_wire()]

    tree.servers[CHILDREN[0]].twist = stale
    assert [child.denial for child in children_of(tree.look())] == [None, Denial(nsec3=False)]


def test_an_unsigned_child_has_no_keys_and_its_missing_ds_is_proven(tree: Tree) -> None:
    plain = Zone("plain.test.")
    delegate(tree.parent, plain, CHILDREN)
    for address in CHILDREN:
        tree.serve(address, plain)
    seen = tree.observe("plain.test")[0]
    assert all((view.ds, view.trust, view.ttl) == ((), "secure", 60) for view in parents_of(seen))
    for child in children_of(seen):
        assert (child.keys, child.key_signers, child.zone_signers) == ((), frozenset(), frozenset())
        assert (child.zone_mixed, child.signatures_end, child.key_ttl, child.detail) == (False, None, 60, "")


def test_cds_and_cdnskey_are_seen(tree: Tree) -> None:
    tree.child.add("child.test.", "CDS", "0 0 0 00").add("child.test.", "CDNSKEY", key("new").record.to_text())
    child = children_of(tree.look())[0]
    assert [str(each) for each in child.cds] == ["0 0 0 00"]
    assert child.cdnskey == (key("new").dnskey,)


def test_ttls_are_the_largest_of_served_and_original(tree: Tree) -> None:
    tree.child.original_ttl = tree.parent.original_ttl = 7200
    seen = tree.look()
    assert {view.ttl for view in parents_of(seen)} == {7200}
    assert {(view.key_ttl, view.zone_ttl) for view in children_of(seen)} == {(7200, 7200)}


def test_a_lagging_parent_server_is_seen_to_lag(tree: Tree) -> None:
    late = Zone("test.", [key("parent")], dict(tree.parent.data))
    late.add("child.test.", "DS", str(key("old").ds("child.test")))
    tree.serve(PARENTS[1], late)
    new, old = parents_of(tree.look())
    assert new.ds == (key("child").ds("child.test"),)
    assert old.ds == (key("old").ds("child.test"),)
    assert new.trust == old.trust == "secure"


def test_a_parent_server_that_knows_nothing_of_a_new_delegation_hides_no_server(tree: Tree) -> None:
    late = Zone("test.", [key("parent")], dict(tree.parent.data)).add("child.test.", "NS").add("child.test.", "DS")
    tree.serve(PARENTS[0], late)
    seen = tree.look()
    assert [view.ns for view in parents_of(seen)] == [frozenset(), {"ns1.child.test", "ns2.child.test"}]
    assert [view.address for view in children_of(seen)] == list(CHILDREN)


def test_a_lagging_child_server_is_seen_to_lag(tree: Tree) -> None:
    late = Zone("child.test.", [key("child")], dict(tree.child.data))
    tree.child.keys = [key("child"), key("new")]
    tree.child.publish(*tree.child.keys)
    tree.serve(CHILDREN[1], late)
    new, old = children_of(tree.look())
    assert (len(new.keys), len(new.key_signers), len(new.zone_signers)) == (2, 2, 2)
    assert (len(old.keys), len(old.key_signers), len(old.zone_signers)) == (1, 1, 1)


def test_a_silent_server_is_a_timeout_and_not_an_absence(tree: Tree) -> None:
    tree.settings = IMPATIENT
    tree.servers[CHILDREN[0]].twist = lambda query, response, tcp: []
    tree.servers[PARENTS[1]].twist = lambda query, response, tcp: []
    seen = tree.look()
    assert failures(seen.child) == {CHILDREN[0]: "timeout"}
    assert failures(seen.parent) == {PARENTS[1]: "timeout"}
    assert isinstance(at(seen.child, CHILDREN[1]), ChildAnswer)


def test_refused_servfail_and_lame_servers_are_named_as_such(tree: Tree) -> None:
    tree.serve(CHILDREN[0])
    tree.servers[CHILDREN[1]].twist = with_rcode(dns.rcode.SERVFAIL)
    tree.servers[PARENTS[1]].twist = with_rcode(dns.rcode.NOTAUTH)
    seen = tree.look()
    assert failures(seen.child) == {CHILDREN[0]: "refused", CHILDREN[1]: "servfail"}
    assert failures(seen.parent) == {PARENTS[1]: "lame"}


def test_an_answer_without_aa_is_lame(tree: Tree) -> None:
    def without_aa(query: Message, response: Message, tcp: bool) -> list[bytes]:
        response.flags &= ~dns.flags.AA
        return [response.to_wire()]

    tree.servers[CHILDREN[0]].twist = without_aa
    tree.servers[PARENTS[0]].twist = without_aa
    seen = tree.look()
    assert failures(seen.child) == {CHILDREN[0]: "lame"}
    assert failures(seen.parent) == {PARENTS[0]: "lame"}


def test_an_upward_referral_is_lame(tree: Tree) -> None:
    def upward(query: Message, response: Message, tcp: bool) -> list[bytes]:
        bare = dns.message.make_response(query)
        bare.authority.append(dns.rrset.from_text(".", 300, "IN", "NS", "a.root."))
        return [bare.to_wire()]

    tree.servers[CHILDREN[1]].twist = upward
    tree.servers[PARENTS[0]].twist = upward
    seen = tree.look()
    assert failures(seen.child) == {CHILDREN[1]: "lame"}
    assert failures(seen.parent) == {PARENTS[0]: "lame"}


def test_no_ds_without_the_parents_soa_is_lame_and_not_an_absence(tree: Tree) -> None:
    def mute(query: Message, response: Message, tcp: bool) -> list[bytes]:
        if response.flags & dns.flags.AA:
            response.answer, response.authority = [], []
        return [response.to_wire()]

    tree.servers[PARENTS[0]].twist = mute
    tree.servers[CHILDREN[0]].twist = mute
    seen = tree.look()
    assert failures(seen.parent) == {PARENTS[0]: "lame"}
    assert failures(seen.child) == {CHILDREN[0]: "lame"}


def test_a_server_that_denies_cds_by_an_error_is_not_taken_to_have_none(tree: Tree) -> None:
    def no_cds(query: Message, response: Message, tcp: bool) -> list[bytes]:
        if query.question[0].rdtype == dns.rdatatype.CDS:
            response = dns.message.make_response(query)
            response.set_rcode(dns.rcode.NOTIMP)
        return [response.to_wire()]

    tree.servers[CHILDREN[0]].twist = no_cds
    assert failures(tree.look().child) == {CHILDREN[0]: "lame"}


def test_a_truncated_answer_is_asked_for_again_over_tcp(tree: Tree) -> None:
    def cut(query: Message, response: Message, tcp: bool) -> list[bytes]:
        if not tcp:
            response.flags |= dns.flags.TC
            response.answer, response.authority, response.additional = [], [], []
        return [response.to_wire()]

    tree.servers[CHILDREN[0]].twist = cut
    seen = tree.look()
    assert children_of(seen)[0] == ChildAnswer(
        **{field: getattr(seen.child[1], field) for field in ChildAnswer.__slots__} | {"address": CHILDREN[0]}
    )
    assert ("child.test.", "DNSKEY", True) in tree.servers[CHILDREN[0]].asked


def test_a_truncated_answer_without_tcp_is_no_answer(tree: Tree) -> None:
    tree.settings = IMPATIENT

    def cut(query: Message, response: Message, tcp: bool) -> list[bytes]:
        response.flags |= dns.flags.TC
        return [] if tcp else [response.to_wire()]

    tree.servers[CHILDREN[0]].twist = cut
    assert failures(tree.look().child) == {CHILDREN[0]: "truncated"}


def test_spoofed_answers_are_ignored_and_the_real_one_is_taken(tree: Tree) -> None:
    def spoofed(query: Message, response: Message, tcp: bool) -> list[bytes | Elsewhere]:
        lie = dns.message.make_response(query)
        lie.set_rcode(dns.rcode.REFUSED)
        wire = lie.to_wire()
        other = dns.message.make_response(dns.message.make_query("other.test.", query.question[0].rdtype))
        other.id = query.id
        opcode = bytes([wire[2] | 0x20]) + wire[3:]
        question_only = bytes([wire[2] & 0x7F]) + wire[3:]
        wrong_id = (query.id ^ 1).to_bytes(2, "big") + wire[2:]
        head = wire[:2]
        return [
            wrong_id,
            other.to_wire(),
            head + opcode,
            head + question_only,
            b"",
            Elsewhere(wire),
            response.to_wire(),
        ]

    for server in tree.servers.values():
        server.twist = spoofed
    seen = tree.look()
    assert {view.trust for view in parents_of(seen)} == {"secure"}
    assert len(children_of(seen)) == 2


def test_garbage_is_malformed(tree: Tree) -> None:
    def garbage(query: Message, response: Message, tcp: bool) -> list[bytes]:
        return [response.to_wire()[: 12 + len(query.question[0].name.to_wire()) + 4] + b"\xff" * 20]

    tree.servers[CHILDREN[0]].twist = garbage
    assert failures(tree.look().child) == {CHILDREN[0]: "malformed"}


def test_servers_that_departed_are_asked_and_marked(tree: Tree) -> None:
    tree.serve("127.1.3.9", tree.child)
    tree.serve("127.1.2.9", tree.parent)
    sight = Sight(
        zone="child.test",
        extra_child=frozenset({"127.1.3.9", CHILDREN[0], "gone.example"}),
        extra_parent=frozenset({"127.1.2.9", PARENTS[0]}),
    )
    seen = tree.observe(sight)[0]
    assert seen.extra == {"127.1.3.9", "127.1.2.9", "gone.example"}
    assert isinstance(at(seen.child, "127.1.3.9"), ChildAnswer)
    assert isinstance(at(seen.parent, "127.1.2.9"), ParentAnswer)
    assert failures(seen.child) == {"gone.example": "no-address"}


def test_a_known_key_that_no_server_publishes_signs_the_data_and_no_dnskey_rrset(tree: Tree) -> None:
    tree.child.keys = [key("child"), key("new", sep=False)]
    new = key("new", sep=False).dnskey
    plain, knowing = tree.observe(Sight(zone="child.test"), Sight(zone="child.test", keys=frozenset({new})))
    for seen, extra in ((plain, set()), (knowing, {new.id})):
        for child in children_of(seen):
            assert child.keys == (key("child").dnskey,)
            assert child.key_signers == {key("child").dnskey.id}
            assert child.zone_signers == {key("child").dnskey.id} | extra


def test_glue_and_authoritative_addresses_are_both_asked(tree: Tree) -> None:
    tree.child.add("ns1.child.test.", "A", "127.1.3.3")
    tree.serve("127.1.3.3", tree.child)
    assert [view.address for view in children_of(tree.look())] == [*CHILDREN, "127.1.3.3"]


def test_servers_that_only_the_child_names_are_asked(tree: Tree) -> None:
    tree.child.add("child.test.", "NS", "ns1.child.test.", "ns3.child.test.").add("ns3.child.test.", "A", "127.1.3.4")
    tree.serve("127.1.3.4", tree.child)
    assert [view.address for view in children_of(tree.look())] == [*CHILDREN, "127.1.3.4"]


def test_servers_that_only_the_parent_zone_itself_names_are_asked(tree: Tree) -> None:
    tree.parent.add("test.", "NS", "a.nic.test.", "c.nic.test.").add("c.nic.test.", "A", "127.1.2.3")
    tree.serve("127.1.2.3", tree.parent)
    assert [view.address for view in parents_of(tree.look())] == [*PARENTS, "127.1.2.3"]


def test_a_server_name_without_an_address_is_named(tree: Tree) -> None:
    tree.parent.add("child.test.", "NS", "ns1.child.test.", "ns2.child.test.", "nowhere.test.")
    assert failures(tree.look().child) == {"nowhere.test": "no-address"}


def test_names_of_servers_in_another_zone_are_resolved(tree: Tree) -> None:
    provider = Zone("provider.test.", [key("provider")])
    delegate(tree.parent, provider, ["127.1.4.1"])
    provider.add("dns.provider.test.", "A", CHILDREN[0])
    tree.serve("127.1.4.1", provider)
    for zone in (tree.parent, tree.child):
        zone.add("child.test.", "NS", "dns.provider.test.")
    assert [view.address for view in children_of(tree.look())] == [CHILDREN[0]]


def test_circular_delegations_end_with_a_reason(tree: Tree) -> None:
    tree.parent.add("child.test.", "NS", "ns.other.test.").add("other.test.", "NS", "ns.child.test.")
    seen = tree.observe("child.test", "other.test")
    assert [failures(each.child) for each in seen] == [
        {"ns.other.test": "no-address"},
        {"ns.child.test": "no-address"},
    ]
    assert {each.problem for each in seen} == {"no server of the zone has an address in sight"}


def test_glue_outside_the_parents_zone_is_not_believed(tree: Tree) -> None:
    def poison(query: Message, response: Message, tcp: bool) -> list[bytes]:
        if response.authority and not response.flags & dns.flags.AA:
            response.authority[0] = dns.rrset.from_text("child.test.", 300, "IN", "NS", "ns.victim.example.")
            response.additional.append(dns.rrset.from_text("ns.victim.example.", 300, "IN", "A", "127.1.9.9"))
        return [response.to_wire()]

    for address in PARENTS:
        tree.servers[address].twist = poison
    assert failures(tree.look().child) == {"ns.victim.example": "no-address"}


def test_a_referral_to_another_name_is_not_followed(tree: Tree) -> None:
    def elsewhere(query: Message, response: Message, tcp: bool) -> list[bytes]:
        if response.authority and not response.flags & dns.flags.AA:
            response.authority[0].name = name("other.test.")
        return [response.to_wire()]

    for address in PARENTS:
        tree.servers[address].twist = elsewhere
    seen = tree.look()
    assert set(failures(seen.parent).values()) == {"lame"}
    assert seen.problem == "no server of test answers"


def test_a_zone_that_is_not_delegated_is_a_problem_with_the_parents_answers(tree: Tree) -> None:
    seen = tree.observe("absent.test")[0]
    assert seen.problem == "test does not delegate it"
    assert [(view.ds, view.trust, view.ns) for view in parents_of(seen)] == [((), "secure", frozenset())] * 2
    assert seen.child == ()


def test_a_silent_parent_is_a_problem_without_a_parent_zone(tree: Tree) -> None:
    tree.settings = IMPATIENT
    tree.servers[ROOT].twist = lambda query, response, tcp: []
    seen = tree.look()
    assert seen.parent_zone is None
    assert seen.problem == f"no server of . answers: {ROOT} (timeout)"
    assert (seen.parent, seen.child) == ((), ())


def test_silent_parent_servers_are_each_named(tree: Tree) -> None:
    tree.settings = IMPATIENT
    for address in PARENTS:
        tree.servers[address].twist = lambda query, response, tcp: []
    seen = tree.look()
    assert failures(seen.parent) == dict.fromkeys(PARENTS, "timeout")
    assert seen.problem == "no server of test answers"


def test_one_server_for_parent_and_child_is_asked_for_both(tree: Tree) -> None:
    delegate(tree.parent, tree.child, PARENTS)
    for address in PARENTS:
        tree.serve(address, tree.parent, tree.child)
    seen = tree.look()
    assert [(view.ds != (), view.trust) for view in parents_of(seen)] == [(True, "secure")] * 2
    assert [view.address for view in children_of(seen)] == list(PARENTS)


def test_a_zone_below_another_zone_on_the_same_server_has_that_one_as_parent(tree: Tree) -> None:
    below = Zone("deep.child.test.", [key("deep")])
    delegate(tree.child, below, CHILDREN)
    tree.child.add("deep.child.test.", "DS", str(key("deep").ds("deep.child.test")))
    for address in CHILDREN:
        tree.serve(address, tree.child, below)
    seen = tree.observe("deep.child.test")[0]
    assert seen.parent_zone == "child.test"
    assert [view.trust for view in parents_of(seen)] == ["secure", "secure"]
    assert len(children_of(seen)) == 2


def test_a_zone_two_labels_below_its_parent_is_found(tree: Tree) -> None:
    below = Zone("a.b.test.", [key("deep")])
    delegate(tree.parent, below, CHILDREN)
    for address in CHILDREN:
        tree.serve(address, below)
    seen = tree.observe("a.b.test")[0]
    assert seen.parent_zone == "test"
    assert [(view.ds, view.trust) for view in parents_of(seen)] == [((), "secure")] * 2


def test_an_address_family_without_a_route_is_noticed_once_and_is_no_failure(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    for zone in (tree.parent, tree.child):
        zone.add("ns1.child.test.", "AAAA", "2001:db8::1")
    routed = Routes._is_in_sight
    monkeypatch.setattr(Routes, "_is_in_sight", lambda self, address: "." in address and routed(self, address))
    seen = tree.look()
    assert seen.families_missing == {6}
    assert [view.address for view in children_of(seen)] == list(CHILDREN)


def test_a_family_that_is_switched_off_is_missing_and_a_server_with_that_family_alone_has_no_address(
    tree: Tree,
) -> None:
    for zone in (tree.parent, tree.child):
        zone.add("ns2.child.test.", "A").add("ns2.child.test.", "AAAA", "::1")
    tree.settings = replace(PATIENT, families=frozenset({4}))
    seen = tree.look()
    assert seen.families_missing == {6}
    assert failures(seen.child) == {"ns2.child.test": "no-address"}


def test_a_server_is_asked_over_ipv6(tree: Tree) -> None:
    for zone in (tree.parent, tree.child):
        zone.add("ns2.child.test.", "A").add("ns2.child.test.", "AAAA", "::1")
    tree.serve("::1", tree.child)
    del tree.servers[CHILDREN[1]]
    assert [view.address for view in children_of(tree.look())] == [CHILDREN[0], "::1"]


def test_what_is_above_and_beside_the_zones_is_asked_once_for_a_run(tree: Tree) -> None:
    zones = []
    for number in range(20):
        zone = Zone(f"z{number}.test.", [key("child")])
        zone.add(zone.origin, "NS", "ns1.child.test.", "ns2.child.test.")
        tree.parent.add(zone.origin, "NS", "ns1.child.test.", "ns2.child.test.")
        zones.append(zone)
    for address in CHILDREN:
        tree.serve(address, tree.child, *zones)
    seen = tree.observe(*(zone.origin.rstrip(".") for zone in zones))
    assert [each.zone for each in seen] == [zone.origin.rstrip(".") for zone in zones]
    assert all(len(children_of(each)) == 2 for each in seen)
    assert len(tree.servers[ROOT].asked) <= 10
    about_servers = [asked for asked in tree.servers[CHILDREN[0]].asked if asked[0].startswith("ns")]
    assert len(about_servers) <= 6


def test_the_order_of_servers_and_hints_does_not_matter(tree: Tree) -> None:
    tree.serve("127.1.1.2", tree.root)
    first = tree.observe(hints=[ROOT, "127.1.1.2"])
    tree.parent.add("child.test.", "NS", "ns2.child.test.", "ns1.child.test.")
    tree.servers = dict(reversed(tree.servers.items()))
    assert tree.observe(hints=["127.1.1.2", ROOT]) == first


def test_no_zone_means_no_packet() -> None:
    observer = Observer(Resolution(root_hints=(ROOT,)), ObserveSettings(), Stopped())
    assert (observer.observe([]), observer.queries_sent) == ([], 0)


def test_without_any_hint_the_problem_says_so(tree: Tree) -> None:
    assert tree.observe(hints=())[0].problem == "no server of . answers: none has an address in sight"


def test_a_dead_provider_costs_its_timeouts_once_and_not_for_each_zone(tree: Tree) -> None:
    names = []
    for number in range(40):
        tree.parent.add(f"z{number}.test.", "NS", "ns1.child.test.")
        names.append(f"z{number}.test")
    tree.servers[CHILDREN[0]].twist = lambda query, response, tcp: []
    tree.settings = replace(IMPATIENT, concurrency=20)
    seen = tree.observe(*names)
    assert all(failures(each.child).get(CHILDREN[0]) == "timeout" for each in seen)
    assert len(tree.servers[CHILDREN[0]].asked) < 100
    assert isinstance(seen[0].child[0], Unreachable)


def test_a_name_that_cannot_be_asked_for_is_a_problem(tree: Tree) -> None:
    assert tree.observe(f"{'x' * 64}.test")[0].problem.startswith("the name cannot be asked for: ")


def test_a_delegation_that_costs_too_much_is_given_up_and_others_are_not(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.parent.add("dear.test.", "NS", *(f"ns.z{number}.test." for number in range(60)))
    monkeypatch.setattr(look, "WALK_BUDGET", 60)
    dear, child = tree.observe("dear.test", "child.test")
    assert dear.problem == "finding its servers takes more than 60 questions"
    assert len(children_of(child)) == 2


def test_a_zone_with_too_many_servers_is_a_problem(tree: Tree) -> None:
    tree.parent.add("child.test.", "NS", *(f"ns{number}.child.test." for number in range(65)))
    seen = tree.look()
    assert (seen.problem, seen.child) == ("it has more than 64 servers", ())
    assert len(parents_of(seen)) == 2


def test_an_answer_without_soa_is_lame(tree: Tree) -> None:
    def no_soa(query: Message, response: Message, tcp: bool) -> list[bytes]:
        if query.question[0].rdtype == dns.rdatatype.SOA:
            response.answer = []
        return [response.to_wire()]

    tree.servers[CHILDREN[0]].twist = no_soa
    seen = tree.look()
    assert at(seen.child, CHILDREN[0]) == Unreachable(
        address=CHILDREN[0], reason="lame", detail="it serves no SOA for the zone"
    )


def test_servers_of_another_signer_are_asked_though_nobody_delegates_to_them(tree: Tree) -> None:
    there = Zone("child.test.", [key("there")])
    for address in ("127.0.9.1", "127.0.9.2"):
        tree.serve(address, there)
    there.add("child.test.", "NS", "b1.child.test.", "b.nic.test.")
    there.add("b1.child.test.", "A", "127.0.9.1")
    tree.parent.add("b1.nic.test.", "A", "127.0.9.2")
    serving = Serving(
        names=frozenset({"b1.child.test", "b1.nic.test", "nowhere.test"}), glue=(("b1.child.test", "127.0.9.1"),)
    )
    (seen,) = tree.observe(Sight(zone="child.test", beside=serving))
    assert [view.address for view in seen.child] == list(CHILDREN)
    assert failures(seen.beside) == {"nowhere.test": "no-address"}
    assert {view.address for view in seen.beside} == seen.beside_at == {"127.0.9.1", "127.0.9.2", "nowhere.test"}
    answers = [view for view in seen.beside if isinstance(view, ChildAnswer)]
    assert {view.keys for view in answers} == {(key("there").dnskey,)}


def test_a_server_of_another_signer_that_is_delegated_to_is_asked_once(tree: Tree) -> None:
    serving = Serving(names=frozenset({"ns1.child.test"}), glue=(("ns1.child.test", CHILDREN[0]),))
    (seen,) = tree.observe(Sight(zone="child.test", beside=serving))
    assert (seen.beside, seen.beside_at) == ((), frozenset({CHILDREN[0]}))
    assert [view.address for view in seen.child] == list(CHILDREN)
