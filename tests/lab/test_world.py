"""The lab's world itself: it starts, validates, is asked, and ends; and it sees a rollover that is done too fast."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import RESOLVERS, Lab, running_lab
from lab_prober import Prober
from lab_zones import Hand, WaysIn, wait_until

from dnsplan.model.records import Dnskey

BY_UPDATE, BY_CLERK = "smoke.tld", "smoke.cc"
HASTY = tuple(f"hasty{number}.tld" for number in range(4))
KEY_TTL, LONG_DS_TTL = 2, 12
"""A DS that outlives several DNSKEY RRsets in a cache, as at every registry."""
Record = Callable[[str, object], None]


def wait_until_secure(lab: Lab) -> None:
    for resolver in RESOLVERS:
        for zone in lab.children:
            wait_until(lambda at=resolver, of=zone: lab.is_secure(at, f"{of}."), f"{zone} secure at {resolver}")


def test_children_bootstrapped_by_hand_are_secure_at_every_resolver_and_everything_stops(
    tmp_path: Path, record_property: Record
) -> None:
    began = time.monotonic()
    with running_lab(tmp_path, (BY_UPDATE, BY_CLERK)) as lab:
        started = time.monotonic() - began
        assert started < 15
        prober = Prober(RESOLVERS, lab.children)
        prober.start()
        hand = Hand(signer=WaysIn(lab).signer(), parent=WaysIn(lab).parent())
        keys = {zone: hand.sign(zone)[0] for zone in lab.children}
        time.sleep(4)  # the TTLs of the unsigned zones
        hand.point(BY_UPDATE, keys[BY_UPDATE])
        lab.clerk_sets_ds(BY_CLERK, keys[BY_CLERK])
        wait_until_secure(lab)
        time.sleep(1)
        report = prober.stop()
        pids = [daemon.process.pid for daemon in lab.daemons]
    record_property("figures", "\n".join([f"{len(pids)} servers up in {started:.1f} s", *report.lines()]))
    assert report.failures == []
    assert report.asked > 10 * len(RESOLVERS)
    assert all(tally.secure for tally in report.tallies.values())
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def roll_with_half_the_gates(hand: Hand, zone: str, old: Dnskey, zsk: Dnskey) -> None:
    """Swap the KSK as the plan would, and wait only half as long."""
    new = hand.create(zone, "ksk", old)
    hand.publish(zone, (old, new), zsk)
    time.sleep(KEY_TTL / 2)
    hand.point(zone, new, old)
    time.sleep(LONG_DS_TTL / 2)
    hand.publish(zone, (new,), zsk)


def test_a_ksk_swap_with_its_gates_halved_is_seen_to_fail(tmp_path: Path, record_property: Record) -> None:
    with running_lab(tmp_path, HASTY, key_ttl=KEY_TTL) as lab:
        ways_in = WaysIn(lab, ds_ttl=LONG_DS_TTL)
        hand = Hand(signer=ways_in.signer(), parent=ways_in.parent())
        keys = {zone: hand.sign(zone) for zone in HASTY}
        for zone, (ksk, _) in keys.items():
            hand.point(zone, ksk)
            time.sleep(1.5)  # so that caches hold the DS in different phases
        wait_until_secure(lab)
        prober = Prober(RESOLVERS, HASTY)
        prober.start()
        time.sleep(1)
        with ThreadPoolExecutor(len(HASTY)) as pool:
            runs = [pool.submit(roll_with_half_the_gates, hand, zone, *keys[zone]) for zone in HASTY]
        for run in runs:
            run.result()
        time.sleep(LONG_DS_TTL / 2)
        report = prober.stop()
    record_property("figures", "\n".join(report.lines()))
    assert report.servfail > 0
