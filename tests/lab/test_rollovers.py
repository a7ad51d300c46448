"""Rollovers side by side on real servers, while validating resolvers are asked throughout: not one SERVFAIL."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lab import CC, RESOLVERS, TLD, Lab, running_lab
from lab_dns import ds_of
from lab_engine import Managed, run_until_done
from lab_prober import Prober
from lab_zones import WaysIn

from dnsplan.model.plan import SetDs
from dnsplan.model.portfolio import Accepts, Policy, Roll, Timing, WayIn, ZoneIntent
from dnsplan.model.records import make_ds
from dnsplan.parents import Surroundings, connect_parent

POLICY = Policy(
    name="lab",
    ds_ttl_max=5,
    dnskey_ttl=2,
    zone_ttl_max=3,
    timing=Timing(child_margin=1, parent_margin=1, registration_budget=60, sweep_count=2, sweep_spacing=1),
)
ROLLED, SWAPPED, LEAVING, BY_CLERK = "add-first.tld", "swap.tld", "leaving.tld", "clerk.cc"
ZONES = (ROLLED, SWAPPED, LEAVING, BY_CLERK)
Record = Callable[[str, object], None]


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


def test_bootstrap_rollovers_and_leaving_never_fail_at_a_validating_resolver(
    tmp_path: Path, record_property: Record
) -> None:
    with running_lab(tmp_path, ZONES) as lab:
        prober = Prober(RESOLVERS, ZONES)
        prober.start()
        zones = {zone: managed(lab, zone) for zone in ZONES}
        signed = run_until_done(list(zones.values()), 90)
        before = {zone: ds_of(CC if zone == BY_CLERK else TLD, zone) for zone in ZONES}
        assert all(len(ds) == 1 for ds in before.values())
        for zone in (ROLLED, SWAPPED, BY_CLERK):
            zones[zone].intent = replace(zones[zone].intent, roll=Roll(sep="now"))
        zones[LEAVING].intent = replace(zones[LEAVING].intent, dnssec="insecure")
        rolled = run_until_done(list(zones.values()), 120)
        after = {zone: ds_of(CC if zone == BY_CLERK else TLD, zone) for zone in ZONES}
        held = {zone: managed.signer.read(zone) or () for zone, managed in zones.items()}
        prober_report = prober.stop()
    steps = [f"{zone}: {line}" for zone, managed in zones.items() for line in managed.log]
    figures = [f"bootstraps {signed:.0f} s, rollovers {rolled:.0f} s", *prober_report.lines(), *steps]
    record_property("figures", "\n".join(figures))
    assert prober_report.failures == []
    assert prober_report.asked > 10 * len(RESOLVERS) * (signed + rolled)
    assert after[LEAVING] == ()
    assert held[LEAVING] == ()
    for zone in (ROLLED, SWAPPED, BY_CLERK):
        assert after[zone] != before[zone]
        (ksk,) = [key.key for key in held[zone] if key.role == "ksk"]
        assert after[zone] == (make_ds(zone, ksk, 2),)
