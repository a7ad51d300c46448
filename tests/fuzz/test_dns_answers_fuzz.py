"""Hostile and mutated DNS answers: whatever servers send, a sweep ends with a value and never with an exception.

A few seconds by default; FUZZ_SECONDS sets how long in all, FUZZ_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import dns.message
import dns.name
import dns.rdatatype

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "observe"))

from nameservers import NOW, Server, Zone, key, respond
from small_tree import IMPATIENT, Tree, delegate, make_tree

from dnsplan.codec.observation import dump_observations, load_observations
from dnsplan.observe.chain import Believed, ds_answer
from dnsplan.observe.child import QUESTIONS, judge_child
from dnsplan.observe.denial import TooManyIterationsError, denies
from dnsplan.observe.transport import Answer, Failed
from dnsplan.observe.walk import referral
from dnsplan.observe.wire import parse

SECONDS = float(os.environ.get("FUZZ_SECONDS", "3"))
SEED = int(os.environ.get("FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
CHILD, PARENT = dns.name.from_text("child.test."), dns.name.from_text("test.")
KINDS = [b"\x00\x01", b"\x00\x02", b"\x00\x06", b"\x00\x1c", b"\x00\x2b", b"\x00\x2e", b"\x00\x2f", b"\x00\x30"]
KINDS += [b"\x00\x32", b"\x00\x3b", b"\x00\x3c", b"\x00\x05", b"\x00\x27", b"\x00\xfa", b"\x00\x29"]


def mutate(wire: bytes, chance: random.Random) -> bytes:
    """Return a wire message with a few changes past its id."""
    data = bytearray(wire)
    for _ in range(chance.choice([0, 1, 1, 2, 4, 16])):
        place = chance.randrange(2, len(data)) if len(data) > 2 else 0
        match chance.randrange(8):
            case 0:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                data[place : place + 2] = chance.choice(KINDS)
            case 2:
                data[place : place + 4] = chance.choice([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0"])
            case 3:
                del data[place : place + chance.randrange(1, 40)]
            case 4:
                data[place:place] = chance.randbytes(chance.randrange(1, 40))
            case 5:
                data[place : place + 2] = bytes([0xC0 | chance.randrange(4), chance.randrange(256)])
            case 6:
                other = chance.randrange(2, len(data)) if len(data) > 2 else 0
                data[place:place] = data[other : other + chance.randrange(1, 60)]
            case _:
                data[place : place + 1] = bytes([data[place] ^ 1 << chance.randrange(8)]) if place < len(data) else b""
    return bytes(data)


def wires(zones: list[Zone], questions: list[tuple[dns.name.Name, int]]) -> list[bytes]:
    queries = [dns.message.make_query(name, rdtype, want_dnssec=True, id=0) for name, rdtype in questions]
    return [respond(zones, query).to_wire() for query in queries]


def questions_below(zone: dns.name.Name) -> list[tuple[dns.name.Name, int]]:
    absent = dns.name.from_text("absent", zone)
    return [(absent if rdtype == dns.rdatatype.A else zone, rdtype) for rdtype in QUESTIONS]


def zones_of_all_kinds() -> list[Tree]:
    trees = []
    for denial in ("nsec", "nsec3", "nsec3-opt-out"):
        tree = make_tree()
        tree.parent.denial = tree.child.denial = denial
        tree.child.add("child.test.", "CDS", "0 0 0 00", str(key("child").ds("child.test")))
        tree.child.add("child.test.", "CDNSKEY", key("child").record.to_text())
        delegate(tree.parent, Zone("plain.test."), ["127.1.3.1"])
        trees.append(tree)
    return trees


def until(end: float, step: Callable[[random.Random], None], seed: int) -> int:
    """Repeat a step until the time is over; the message of a failure holds the seed of its step."""
    rounds = 0
    while time.monotonic() < end:
        try:
            step(random.Random(seed + rounds))
        except Exception as error:
            raise AssertionError(f"FUZZ_SEED={seed + rounds}: {error!r}") from error
        rounds += 1
    return rounds


def taken(wire: bytes) -> Answer:
    return parse(wire) or Failed("malformed")


def test_judging_mutated_answers_never_raises() -> None:
    children = [wires([tree.child], questions_below(CHILD)) for tree in zones_of_all_kinds()]
    absent = [dns.name.from_text(each) for each in ("child.test.", "plain.test.", "absent.b.test.")]
    parents = [
        (name, wire)
        for tree in zones_of_all_kinds()
        for name in absent
        for wire in wires([tree.parent], [(name, dns.rdatatype.DS), (name, dns.rdatatype.NS)])
    ]
    believed = Believed("secure", (key("parent").dnskey,))

    def step(chance: random.Random) -> None:
        answers = [taken(mutate(wire, chance)) for wire in chance.choice(children)]
        judge_child("127.0.0.1", CHILD, answers, NOW)
        name, wire = chance.choice(parents)
        answer = taken(mutate(wire, chance))
        ds_answer(answer, name, PARENT, believed, NOW)
        referral(answer, name, PARENT)
        if not isinstance(answer, Failed):
            with suppress(TooManyIterationsError):  # as if the forged records had been signed
                denies([each for each in answer.authority if each.rdtype in {47, 50}], name, PARENT)

    assert until(time.monotonic() + SECONDS / 2, step, SEED) > 50


def test_sweeping_servers_that_send_mutated_answers_always_gives_an_observation() -> None:
    def step(chance: random.Random) -> None:
        tree = chance.choice(zones_of_all_kinds())
        tree.settings = IMPATIENT

        def twist(query: dns.message.Message, response: dns.message.Message, tcp: bool) -> list[bytes]:
            wire = response.to_wire()
            asked = 12 + len(query.question[0].name.to_wire()) + 4
            return [wire[:asked] + mutate(b"\0\0" + wire[asked:], chance)[2:]]

        hostile: list[Server] = chance.sample(list(tree.servers.values()), chance.randrange(1, 4))
        for server in hostile:
            server.twist = twist
        seen = tree.observe("child.test", "plain.test", "absent.b.test")
        assert [each.zone for each in seen] == ["child.test", "plain.test", "absent.b.test"]
        assert load_observations(dump_observations(seen)) == tuple(seen)

    assert until(time.monotonic() + SECONDS / 2, step, SEED) > 0
