"""Queries on the wire: the window, the pace for each server, unpredictable ports, and what is accepted."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from nameservers import Farm, Server, Zone, name
from small_tree import PATIENT

from dnsplan.model.portfolio import ObserveSettings
from dnsplan.observe.transport import Answer, Failed, Transport
from dnsplan.observe.wire import SOA, A, matches, query, question

ONE, TWO = "127.1.8.1", "127.1.8.2"


def ask_all(settings: ObserveSettings, farm: Farm, *questions: tuple[str, str]) -> list[Answer]:
    async def run() -> list[Answer]:
        transport = Transport(settings, farm.port)
        await transport.open()
        try:
            return await asyncio.gather(*(transport.ask(address, name(owner), SOA) for address, owner in questions))
        finally:
            transport.close()

    return asyncio.run(run())


def farm() -> Farm:
    return Farm({address: Server([Zone("test.")]) for address in (ONE, TWO)})


def test_a_window_of_one_still_answers_everything() -> None:
    with farm() as running:
        answers = ask_all(replace(PATIENT, concurrency=1), running, *[(ONE, "test."), (TWO, "test.")] * 10)
    assert not any(isinstance(each, Failed) for each in answers)


def test_a_server_is_asked_no_faster_than_its_rate_and_others_need_not_wait() -> None:
    with farm() as running:
        started = time.monotonic()
        ask_all(replace(PATIENT, rate_per_server=20), running, *[(ONE, "test.")] * 26)
        paced = time.monotonic() - started
    assert paced > 0.25
    assert len(running.servers[ONE].asked) == 26


def test_a_paced_server_does_not_fill_the_window_of_others() -> None:
    done: list[str] = []

    async def ask(transport: Transport, address: str) -> None:
        await transport.ask(address, name("test."), SOA)
        done.append(address)

    async def run(port: int) -> None:
        transport = Transport(replace(PATIENT, rate_per_server=20, concurrency=2), port)
        await transport.open()
        try:
            await asyncio.gather(*(ask(transport, each) for each in (*[ONE] * 25, TWO)))
        finally:
            transport.close()

    with farm() as running:
        asyncio.run(run(running.port))
    assert done.index(TWO) < 20


def test_the_id_and_the_port_of_queries_vary() -> None:
    ids: set[int] = set()

    with farm() as running:
        running.servers[ONE].twist = lambda query, response, tcp: [ids.add(query.id) or response.to_wire()]  # type: ignore[func-returns-value, list-item]
        ask_all(PATIENT, running, *[(ONE, "test.")] * 50)
    assert len(ids) > 45


def test_a_query_asks_for_dnssec_without_recursion_and_offers_1232_octets() -> None:
    import dns.message

    parsed = dns.message.from_wire(query(7, question(name("child.test."), SOA)))
    assert (parsed.id, parsed.flags, parsed.payload, parsed.ednsflags) == (7, 0, 1232, 0x8000)
    assert parsed.question[0].to_text() == "child.test. IN SOA"


def test_the_case_of_the_question_does_not_matter_but_its_type_does() -> None:
    asked = question(name("Child.test."), A)
    answer = bytearray(query(7, asked.lower()))
    answer[2] |= 0x80
    assert matches(bytes(answer), 7, asked)
    assert not matches(bytes(answer), 8, asked)
    assert not matches(bytes(answer), 7, question(name("child.test."), SOA))


def test_a_family_that_this_machine_is_not_to_use_is_a_network_failure() -> None:
    with farm() as running:
        (answer,) = ask_all(replace(PATIENT, families=frozenset({4})), running, ("::1", "test."))
    assert answer == Failed("network", "this machine lacks the address family")
