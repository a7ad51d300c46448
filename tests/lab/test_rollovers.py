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
from lab_engine import Managed
from lab_prober import Prober
from lab_zones import DS_TTL, KEY_TTL, Hand, WaysIn, wait_until_secure

from dnsplan.model.plan import SetDs
from dnsplan.model.portfolio import Policy, Roll, Timing, ZoneIntent
from dnsplan.model.records import Dnskey, make_ds

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


def managed(lab: Lab) -> Managed:
    def clerk(name: str, action: SetDs) -> None:
        threading.Timer(2, lab.cc.edit_ds, (name, action.ds)).start()  # a clerk takes a while

    parents = {SWAPPED: "single", BY_CLERK: "desk"}
    intents = {
        zone: ZoneIntent(zone=zone, policy="lab", signer="pdns", parent=parents.get(zone, "own"), dnssec="signed")
        for zone in ZONES
    }
    return Managed(lab=lab, policy=POLICY, intents=intents, clerk=clerk)


def test_bootstrap_rollovers_and_leaving_never_fail_at_a_validating_resolver(lab: Lab, record_property: Record) -> None:
    prober = Prober(RESOLVERS, ZONES)
    prober.start()
    care = managed(lab)
    signed = care.until_done(90)
    before = {zone: ds_of(CC if zone == BY_CLERK else TLD, zone) for zone in ZONES}
    assert all(len(ds) == 1 for ds in before.values())
    for zone in (ROLLED, SWAPPED, BY_CLERK):
        care.intents[zone] = replace(care.intents[zone], roll=Roll(sep="now"))
    care.intents[LEAVING] = replace(care.intents[LEAVING], dnssec="insecure")
    rolled = care.until_done(150)
    report = prober.stop()
    after = {zone: ds_of(CC if zone == BY_CLERK else TLD, zone) for zone in ZONES}
    held = {zone: care.signer.read(zone) or () for zone in ZONES}
    figures = [f"bootstraps {signed:.0f} s, rollovers {rolled:.0f} s", *report.lines(), *care.log]
    record_property("figures", "\n".join(figures))
    print("\n" + "\n".join(figures))
    stages = {line.split()[2].split("-")[0] for line in care.log if SWAPPED in line}
    assert "B2" in stages
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
    print("\nwith the gates halved: " + "; ".join(report.lines()))
    assert report.servfail > 0
