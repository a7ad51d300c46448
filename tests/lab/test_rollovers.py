"""Rollovers by every recipe side by side on real servers, while validating resolvers are asked throughout: no SERVFAIL.

The same changes made too early fail at these resolvers, which proves that the test can see.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from lab import CC, CHILD_2, RESOLVERS, TLD, Elsewhere, Lab, running_lab
from lab_dns import ds_of, keys_of
from lab_engine import Managed
from lab_prober import Prober
from lab_zones import DS_TTL, KEY_TTL, Hand, WaysIn, wait_until_secure

from dnsplan.model.plan import SetDs
from dnsplan.model.portfolio import Policy, Roll, Timing, ZoneIntent
from dnsplan.model.records import Dnskey, Ds, make_ds

POLICY = Policy(
    name="lab",
    ds_ttl_max=DS_TTL,
    dnskey_ttl=KEY_TTL,
    zone_ttl_max=3,
    timing=Timing(child_margin=1, parent_margin=1, registration_budget=60, sweep_count=2, sweep_spacing=1),
)
POLICIES = {
    "lab": POLICY,
    "csk": replace(POLICY, name="csk", scheme="csk"),
}
ROLLED, SWAPPED, LEAVING, BY_CLERK = "add-first.tld", "swap.tld", "leaving.tld", "clerk.cc"
ZSK = "zsk.tld"
BY_POWERDNS = (ROLLED, SWAPPED, LEAVING, BY_CLERK, ZSK)
CSK, SCHEME = "csk.tld", "scheme.tld"
BY_FILES = (CSK, SCHEME)
ZONES = (*BY_POWERDNS, *BY_FILES)
HASTY = tuple(f"hasty{number}.tld" for number in range(4))
STAGES = {
    ROLLED: "B0 B1 B2a B2b B3 B4",
    SWAPPED: "B0 B1 B2 B3 B4",
    BY_CLERK: "B0 B1 B2a B2b B3 B4",
    LEAVING: "G1 G2 G3",
    ZSK: "D0 D1 D2 D3 D4",
    CSK: "E0 E1 E2a E2b E3 E4 E5",
    SCHEME: "E0 E1 E2a E2b E3 E4 E5",
}
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    elsewhere = Elsewhere(files=BY_FILES, ds_ttl=DS_TTL)
    folder = tmp_path_factory.mktemp("lab")
    with running_lab(folder, (*BY_POWERDNS, *HASTY), key_ttl=KEY_TTL, elsewhere=elsewhere) as running:
        yield running


def managed(lab: Lab) -> Managed:
    def clerk(name: str, action: SetDs) -> None:
        threading.Timer(2, lab.cc.edit_ds, (name, action.ds)).start()  # a clerk takes a while

    parents = {SWAPPED: "single", BY_CLERK: "desk"}
    policies = {CSK: "csk", SCHEME: "csk"}
    intents = {
        zone: ZoneIntent(
            zone=zone, policy=policies.get(zone, "lab"), signer="files" if zone in BY_FILES else "pdns",
            parent=parents.get(zone, "own"), dnssec="signed",
        )
        for zone in ZONES
    }  # fmt: skip
    return Managed(lab=lab, policies=POLICIES, intents=intents, clerk=clerk)


def ask_for_rollovers(intents: dict[str, ZoneIntent]) -> None:
    """Change the files so that every zone is rolled by its recipe."""
    for zone in (ROLLED, SWAPPED, BY_CLERK, CSK):
        intents[zone] = replace(intents[zone], roll=Roll(sep="now"))
    intents[LEAVING] = replace(intents[LEAVING], dnssec="insecure")
    intents[ZSK] = replace(intents[ZSK], roll=Roll(zsk="now"))
    intents[SCHEME] = replace(intents[SCHEME], policy="lab")


def all_ds() -> dict[str, tuple[Ds, ...]]:
    return {zone: ds_of(CC if zone == BY_CLERK else TLD, zone) for zone in ZONES}


def all_keys() -> dict[str, tuple[Dnskey, ...]]:
    return {zone: keys_of(CHILD_2, zone) for zone in ZONES}


def stages_of(care: Managed, since: int) -> Mapping[str, set[str]]:
    """Return the stages that each zone went through in lines of the log."""
    words = [line.split() for line in care.log[since:] if " by the clerk: " not in line]
    return {zone: {step.split("-")[0] for _, of, step, *_ in words if of == zone} for zone in ZONES}


def test_rollovers_by_every_recipe_never_fail_at_a_validating_resolver(lab: Lab, record_property: Record) -> None:
    prober = Prober(RESOLVERS, ZONES)
    prober.start()
    care = managed(lab)
    signed = care.until_done(90)
    ds_before, keys_before = all_ds(), all_keys()
    assert all(len(ds) == 1 for ds in ds_before.values())
    since, began = len(care.log), time.monotonic()
    ask_for_rollovers(care.intents)
    rolled = care.until_done(150)
    report = prober.stop()
    ds_after, keys_after = all_ds(), all_keys()
    figures = [
        f"bootstraps {signed:.0f} s, rollovers {rolled:.0f} s",
        *report.lines(),
        *(f"{zone} was done after {care.done[zone] - began:.0f} s" for zone in ZONES),
        *care.log,
    ]
    record_property("figures", "\n".join(figures))
    print("\n" + "\n".join(figures))
    assert {zone: " ".join(sorted(stages)) for zone, stages in stages_of(care, since).items()} == STAGES
    assert report.failures == []
    assert report.asked > 10 * len(RESOLVERS) * len(ZONES) * (signed + rolled)
    assert (ds_after[LEAVING], keys_after[LEAVING]) == ((), ())
    assert ds_after[ZSK] == ds_before[ZSK]
    assert len(set(keys_before[ZSK]) & set(keys_after[ZSK])) == 1
    for zone in set(ZONES) - {LEAVING, ZSK}:
        assert ds_after[zone] != ds_before[zone]
        (sep,) = [key for key in keys_after[zone] if key.is_sep]
        assert ds_after[zone] == (make_ds(zone, sep, 2),)


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
