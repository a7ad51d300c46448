"""The lab's world itself: it starts, validates, is asked, and ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from lab import RESOLVERS, running_lab
from lab_prober import Prober
from lab_zones import Hand, WaysIn, wait_until_secure

BY_UPDATE, BY_CLERK = "smoke.tld", "smoke.cc"
Record = Callable[[str, object], None]


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
        wait_until_secure(lab, lab.children)
        time.sleep(1)
        report = prober.stop()
        pids = [daemon.process.pid for daemon in lab.daemons]
    record_property("figures", "\n".join([f"{len(pids)} servers up in {started:.1f} s", *report.lines()]))
    assert report.failures == []
    assert report.asked > 10 * len(RESOLVERS)
    assert all(tally.secure for tally in report.tallies.values())
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
