"""Zones move from one PowerDNS to another below a real parent, while validating resolvers are asked throughout."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from lab import CHILD_1, NEW, RESOLVERS, TLD, Elsewhere, Lab, running_lab
from lab_dns import ds_of, keys_of
from lab_engine import Managed
from lab_prober import Prober
from lab_zones import DS_TTL, KEY_TTL, Hand, WaysIn, wait_until, wait_until_secure

from dnsplan.model.action import CreateKey, ImportKeys, SetDs, SetKeys, SetNs
from dnsplan.model.portfolio import Policy, Timing, ZoneIntent
from dnsplan.model.records import Dnskey, make_ds
from dnsplan.ports import DelegatingParent, SharingSigner

MOVING = ("moving-0.tld", "moving-1.tld", "moving-2.tld")
RETURNING = "returning.tld"
HASTY = ("no-exchange.tld", "no-exchange-1.tld", "no-wait.tld", "no-wait-1.tld")
POLICY = Policy(
    name="lab",
    ds_ttl_max=DS_TTL,
    dnskey_ttl=KEY_TTL,
    zone_ttl_max=3,
    signature_min_remaining=1,
    timing=Timing(child_margin=1, parent_margin=1, registration_budget=60, sweep_count=2, sweep_spacing=1),
)
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    zones = (*MOVING, RETURNING, *HASTY)
    with running_lab(
        tmp_path_factory.mktemp("lab"), zones, key_ttl=KEY_TTL, elsewhere=Elsewhere(moving=zones)
    ) as running:
        yield running


def sign_there(lab: Lab, zone: str) -> tuple[Dnskey, ...]:
    """Return the keys with which the new signer signs its copy from now on."""
    signer, keys = WaysIn(lab).second(), []
    for role in ("ksk", "zsk"):
        created = signer.perform(zone, CreateKey(role=role, algorithm=13, existing=frozenset())).created
        assert created is not None
        keys.append(created)
    ksk, zsk = keys
    action = SetKeys(published=tuple(sorted(keys)), sign_keys=frozenset({ksk.id}), sign_zone=frozenset({zsk.id}))
    signer.perform(zone, action)
    return ksk, zsk


def show(record_property: Record, *lines: str) -> None:
    record_property("figures", "\n".join(lines))
    print("\n" + "\n".join(lines))


def test_zones_move_to_another_signer_and_back_and_never_fail(lab: Lab, record_property: Record) -> None:
    zones = (*MOVING, RETURNING)
    prober = Prober(RESOLVERS, zones)
    prober.start()
    there = {zone: sign_there(lab, zone) for zone in zones}
    intents = {
        zone: ZoneIntent(zone=zone, policy="lab", signer="pdns", parent="own", dnssec="signed") for zone in zones
    }
    care = Managed(lab=lab, policies={"lab": POLICY}, intents=intents, clerk=lambda *_: None)
    signed = care.until_done(90)
    before = {zone: (ds_of(TLD, zone), keys_of(CHILD_1, zone)) for zone in zones}
    since, began = len(care.log), time.monotonic()
    for zone in zones:
        care.intents[zone] = replace(care.intents[zone], migrate_to="pdns-new")
    wait_until(lambda: bool(care.run()) and " J3-" in " ".join(care.log[since:]), "an NS change", 90)
    wait_until(lambda: f"{RETURNING} J3-" in " ".join(care.log[since:]) or not care.run(), "the returning zone's", 30)
    care.intents[RETURNING] = replace(care.intents[RETURNING], migrate_to=None)
    moved = care.until_done(150)
    time.sleep(1)
    report = prober.stop()
    show(
        record_property,
        f"bootstraps {signed:.0f} s, moves {moved:.0f} s",
        *report.lines(),
        *(report.line_of([zone], zone, care.done[zone] - began) for zone in zones),
        *care.log[since:],
    )
    assert report.failures == []
    stages = {
        zone: {line.split()[2].split("-")[0] for line in care.log[since:] if f" {zone} " in line} for zone in zones
    }
    assert all(went == {"J1", "J2", "J3", "J5", "J6"} for went in stages.values())
    for zone in MOVING:
        assert ds_of(TLD, zone) == (make_ds(zone, there[zone][0], 2),)
        assert keys_of(NEW, zone) == tuple(sorted(there[zone]))
        assert care.ledger.read([zone])[zone].signed_at == "pdns-new"
    assert (ds_of(TLD, RETURNING), keys_of(CHILD_1, RETURNING)) == before[RETURNING]
    lab.signer.call("DELETE", f"zones/{MOVING[0]}.")  # what the plan says a person may do now
    wait_until_secure(lab, zones)


def test_the_same_moves_made_too_early_are_seen_to_fail(lab: Lab, record_property: Record) -> None:
    ways_in = WaysIn(lab)
    here, there, parent = ways_in.signer(), ways_in.second(), ways_in.parent()
    assert isinstance(here, SharingSigner)
    assert isinstance(there, SharingSigner)
    assert isinstance(parent, DelegatingParent)
    hand, keys = Hand(here, parent), {}
    for zone in HASTY:
        keys[zone] = (*hand.sign(zone), *sign_there(lab, zone))
    time.sleep(4)
    for zone in HASTY:
        hand.point(zone, keys[zone][0])
    wait_until_secure(lab, HASTY)
    prober = Prober(RESOLVERS, HASTY, rate=8)
    prober.start()
    for number, zone in enumerate(HASTY):
        time.sleep(1 + number % 2)
        ka, za, kb, zb = keys[zone]
        first, both = (make_ds(zone, ka, 2),), tuple(sorted(make_ds(zone, key, 2) for key in (ka, kb)))
        if zone.startswith("no-wait"):
            for signer, foreign, own in ((here, zb, (ka, za)), (there, za, (kb, zb))):
                published = tuple(sorted((*own, foreign)))
                sign_keys, sign_zone = frozenset({own[0].id}), frozenset({own[1].id})
                signer.share(
                    zone,
                    ImportKeys(
                        foreign=(foreign,), gone=(), published=published, sign_keys=sign_keys, sign_zone=sign_zone
                    ),
                )
            parent.perform(zone, SetDs(ds=both, keys=(ka, kb), expected=first))
            time.sleep(1)
        names = SetNs(
            names=(f"new1.{zone}",), glue=((f"new1.{zone}", NEW.address),), expected=(f"ns1.{zone}", f"ns2.{zone}")
        )
        assert parent.delegate(zone, names).state == "accepted"
        if zone.startswith("no-wait"):
            time.sleep(1)
            parent.perform(zone, SetDs(ds=(make_ds(zone, kb, 2),), keys=(kb,), expected=both))
    time.sleep(DS_TTL)
    report = prober.stop()
    show(record_property, *report.lines(), *(report.line_of([zone], f"{zone} too early") for zone in HASTY))
    for kind in ("no-exchange", "no-wait"):
        assert report.failed([zone for zone in HASTY if zone.startswith(kind)]) > 0
