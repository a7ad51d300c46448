"""The full argument for a step: what caches may hold, when it is safe, and what a second earlier would break."""

from __future__ import annotations

from dataclasses import replace

from engine_builders import K1, T0, TinyWorld, ds, rolling, unsigned_world

from dnsplan.engine.argument import arguments
from dnsplan.model.history import ZoneHistory
from dnsplan.model.plan import Capabilities
from dnsplan.model.portfolio import Accepts

ONE = Capabilities(update="replace", accepts=Accepts(max_ds=1))


def test_a_swap_is_argued_with_the_numbers_of_its_gate_and_the_second_before() -> None:
    world = rolling(TinyWorld(capabilities=ONE))
    world.run(1)
    world.plan(10)

    (swap,) = arguments(world.situation(world.observe(10)))

    assert (swap.stage, swap.at) == ("B2", T0 + 47 + 8)  # seen for the first time at 10, not at 2
    assert swap.proof is not None
    assert swap.proof.triples > 0
    assert swap.refused is None
    assert swap.earlier is not None
    assert (swap.earlier.start, swap.earlier.end) == (T0 + 54, T0 + 55)
    assert [(one.rrset, one.end) for one in swap.cached if one.rrset == "DNSKEY"] == [
        ("DNSKEY", T0 + 45), ("DNSKEY", T0 + 55), ("DNSKEY", None),
    ]  # fmt: skip
    assert swap.cached[0].content == "unknown"
    assert f"{K1.key_tag} (algorithm 13)" in swap.cached[1].content


def test_what_a_gate_cannot_date_has_no_moment() -> None:
    world = rolling(TinyWorld(capabilities=ONE))
    world.run(1)

    (swap,) = arguments(world.situation(world.observe(1)))

    assert swap.at is None
    assert swap.earlier is None


def test_a_refusal_of_the_kernel_is_argued_by_its_counterexample() -> None:
    """Removing every DS beside an unknown past is safe at once; taking the keys away is not."""
    world = TinyWorld(served_ds=(ds(K1),))
    world.run(0)
    world.intent = replace(world.intent, dnssec="insecure")
    world.run(1)
    world.plan(30)

    (unsign,) = arguments(world.situation(world.observe(30)))

    assert unsign.stage == "G2"
    assert unsign.earlier is not None
    assert unsign.earlier.reason == "the data do not validate under the DNSKEY RRset"


def test_where_nothing_is_to_be_done_there_is_nothing_to_argue() -> None:
    world = TinyWorld()
    world.run(0)
    seen = world.observe(0)

    assert arguments(world.situation(seen)) == ()
    assert arguments(replace(world.situation(seen), history=ZoneHistory(zone="example.ch"))) == ()


def test_an_unsigned_zone_has_contents_of_nothing() -> None:
    world = unsigned_world()
    world.plan(0)

    argued = arguments(world.situation(world.observe(0)))

    assert {one.content for one in argued[0].cached} >= {"none", "none; signed by none", "signed by none"}
