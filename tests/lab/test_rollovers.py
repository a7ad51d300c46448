"""Rollovers side by side on real servers, while validating resolvers are asked throughout: not one SERVFAIL.

The same rollover with its gates halved fails at these resolvers, which proves that the test can see.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from lab import CC, RESOLVERS, TLD, Lab, running_lab
from lab_dns import ds_of
from lab_engine import Managed, run_until_done
from lab_prober import Prober
from lab_zones import DS_TTL, KEY_TTL, Hand, WaysIn, wait_until_secure

from dnsplan.model.plan import SetDs
from dnsplan.model.portfolio import Accepts, Policy, Roll, Timing, WayIn, ZoneIntent
from dnsplan.model.records import Dnskey, make_ds
from dnsplan.parents import Surroundings, connect_parent

POLICY = Policy(
    name="lab",
    ds_ttl_max=DS_TTL,
    dnskey_ttl=KEY_TTL,
    zone_ttl_max=3,
    timing=Timing(child_margin=1, parent_margin=1, registration_budget=60, sweep_count=2, sweep_spacing=1),
)
ROLLED, SWAPPED, LEAVING, BY_CLERK = "add-first.tld", "swap.tld", "leaving.tld", "clerk.cc"
ZONES = (ROLLED, SWAPPED, LEAVING, BY_CLERK)
HASTY = tuple(f"hasty{number}.tld" for number in range(4))
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab"), (*ZONES, *HASTY), key_ttl=KEY_TTL) as running:
        yield running


def managed(lab: Lab, zone: str) -> Managed:
    ways_in = WaysIn(lab)
    manual = WayIn(name="desk", type="manual", settings={"contact": "registry desk"})
    by_clerk = connect_parent(manual, Surroundings(resolve=ways_in.resolve, root=lab.folder))

    def clerk(name: str, action: SetDs) -> None:
        threading.Timer(2, lab.cc.edit_ds, (name, action.ds)).start()  # a clerk takes a while

    return Managed(
        intent=ZoneIntent(zone=zone, policy="lab", signer="pdns", parent="own", dnssec="signed"),
        policy=POLICY,
        signer=ways_in.signer(),
        parent=by_clerk if zone == BY_CLERK else ways_in.parent(),
        clerk=clerk,
        accepts=Accepts(max_ds=1) if zone == SWAPPED else Accepts(),
    )


def test_bootstrap_rollovers_and_leaving_never_fail_at_a_validating_resolver(lab: Lab, record_property: Record) -> None:
    prober = Prober(RESOLVERS, ZONES)
    prober.start()
    zones = {zone: managed(lab, zone) for zone in ZONES}
    signed = run_until_done(list(zones.values()), 90)
    before = {zone: ds_of(CC if zone == BY_CLERK else TLD, zone) for zone in ZONES}
    assert all(len(ds) == 1 for ds in before.values())
    for zone in (ROLLED, SWAPPED, BY_CLERK):
        zones[zone].intent = replace(zones[zone].intent, roll=Roll(sep="now"))
    zones[LEAVING].intent = replace(zones[LEAVING].intent, dnssec="insecure")
    rolled = run_until_done(list(zones.values()), 150)
    report = prober.stop()
    after = {zone: ds_of(CC if zone == BY_CLERK else TLD, zone) for zone in ZONES}
    held = {zone: managed.signer.read(zone) or () for zone, managed in zones.items()}
    steps = [f"{zone}: {line}" for zone, managed in zones.items() for line in managed.log]
    figures = [f"bootstraps {signed:.0f} s, rollovers {rolled:.0f} s", *report.lines(), *steps]
    record_property("figures", "\n".join(figures))
    assert report.failures == []
    assert report.asked > 10 * len(RESOLVERS) * len(ZONES) * (signed + rolled)
    assert after[LEAVING] == ()
    assert held[LEAVING] == ()
    for zone in (ROLLED, SWAPPED, BY_CLERK):
        assert after[zone] != before[zone]
        (ksk,) = [key.key for key in held[zone] if key.role == "ksk"]
        assert after[zone] == (make_ds(zone, ksk, 2),)


def roll_with_half_the_gates(hand: Hand, zone: str, old: Dnskey, zsk: Dnskey, *, delay: float) -> None:
    """Swap the KSK as the plan would, and wait only half as long."""
    time.sleep(delay)
    new = hand.create(zone, "ksk", old)
    hand.publish(zone, (old, new), zsk)
    time.sleep((KEY_TTL + POLICY.timing.child_margin) / 2)
    hand.point(zone, new, old)
    time.sleep((DS_TTL + POLICY.timing.parent_margin) / 2)
    hand.publish(zone, (new,), zsk)


def test_a_ksk_swap_with_its_gates_halved_is_seen_to_fail(lab: Lab, record_property: Record) -> None:
    hand = Hand(signer=WaysIn(lab).signer(), parent=WaysIn(lab).parent())
    keys = {zone: hand.sign(zone) for zone in HASTY}
    for zone, (ksk, _) in keys.items():
        hand.point(zone, ksk)
    wait_until_secure(lab, HASTY)
    prober = Prober(RESOLVERS, HASTY)
    prober.start()
    time.sleep(1)
    with ThreadPoolExecutor(len(HASTY)) as pool:
        # spread over the TTL of the DS, so that some caches have just fetched it
        runs = [
            pool.submit(roll_with_half_the_gates, hand, zone, *keys[zone], delay=number * DS_TTL / len(HASTY))
            for number, zone in enumerate(HASTY)
        ]
    for run in runs:
        run.result()
    time.sleep(DS_TTL / 2)
    report = prober.stop()
    record_property("figures", "\n".join(report.lines()))
    assert report.servfail > 0
