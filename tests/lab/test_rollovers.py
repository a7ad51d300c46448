"""Rollovers by every recipe side by side on real servers, while validating resolvers are asked throughout: no SERVFAIL.

The same changes made too early fail at these resolvers, which proves that the test can see.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal

import lab_dns
import lab_hasty
import pytest
from lab import CC, CHILD_2, RESOLVERS, TLD, Elsewhere, Lab, running_lab
from lab_dns import ds_of, keys_of
from lab_engine import Managed
from lab_forecast import HEADER, Pace, Row, compare
from lab_hasty import DATA_TTL, FOLLOWED_DS_TTL, change, delegate, follow_bind, point, prepare, recipe_of, seps_of
from lab_prober import Prober
from lab_zones import DS_TTL, KEY_TTL, wait_until_secure

from dnsplan.model.action import SetDs
from dnsplan.model.forecast import Forecast
from dnsplan.model.portfolio import KeyPolicy, Policy, Roll, Timing, ZoneIntent
from dnsplan.model.records import Dnskey, Ds, make_ds

POLICY = Policy(
    name="lab",
    ds_ttl_max=DS_TTL,
    dnskey_ttl=KEY_TTL,
    zone_ttl_max=3,
    signature_min_remaining=1,
    timing=Timing(child_margin=1, parent_margin=1, registration_budget=60, sweep_count=2, sweep_spacing=1),
)
POLICIES = {
    "lab": POLICY,
    "csk": replace(POLICY, scheme="csk"),
    "double-ds": replace(POLICY, ksk=KeyPolicy(lifetime=None, rollover="double-ds")),
    "double-rrset": replace(POLICY, ksk=KeyPolicy(lifetime=None, rollover="double-rrset")),
    "rsa": replace(POLICY, algorithm=8),
    "conservative": replace(POLICY, algorithm_rollover="conservative"),
    "sha-384": replace(POLICY, digest_types=frozenset({4})),
}
Record = Callable[[str, object], None]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A zone, what the files say of it, what they say then, and the stages that follow; `by` is its signer."""

    by: str | None = "pdns"
    parent: str = "own"
    policy: str = "lab"
    keys: Literal["auto", "follow"] = "auto"
    then: dict[str, Any]
    stages: str

    def intent(self, zone: str) -> ZoneIntent:
        """Return the intent at first."""
        return ZoneIntent(
            zone=zone, policy=self.policy, signer=self.by, parent=self.parent, dnssec="signed", keys=self.keys
        )


NEW_SEP, NEW_ZSK = {"roll": Roll(sep="now")}, {"roll": Roll(zsk="now")}
FOLLOWED = ("bind.tld", "bind-csk.tld", "knot.tld")
"""BIND with a KSK and a ZSK, BIND with a CSK, Knot: they roll their SEP keys themselves."""
ALGORITHM = ("liberal.tld", "liberal-pdns.tld", "conservative.tld", "conservative-pdns.tld")
LEAVING, BY_CLERK, ZSK, DIGEST = "leaving.tld", "clerk.cc", "zsk.tld", "digest.tld"
EMERGENCY = "emergency.tld"
LIBERAL, CONSERVATIVE = "L0 L1 L2a L2b L3 L4 L5", "F0 F1 F2 F3a F3b F4 F5 F6"
CASES = {
    "add-first.tld": Case(then=NEW_SEP, stages="B0 B1 B2a B2b B3 B4"),
    "swap.tld": Case(parent="single", then=NEW_SEP, stages="B0 B1 B2 B3 B4"),
    BY_CLERK: Case(parent="desk", then=NEW_SEP, stages="B0 B1 B2a B2b B3 B4"),
    "double-ds.tld": Case(policy="double-ds", then=NEW_SEP, stages="C0 C1 C2 C3 C4"),
    "double-rrset.tld": Case(policy="double-rrset", then=NEW_SEP, stages="R0 R1 R2a R2b R3 R4"),
    ZSK: Case(then=NEW_ZSK, stages="D0 D1 D2 D3 D4"),
    "csk.tld": Case(by="files", policy="csk", then=NEW_SEP, stages="E0 E1 E2a E2b E3 E4 E5"),
    "scheme.tld": Case(by="files", policy="csk", then={"policy": "lab"}, stages="E0 E1 E2a E2b E3 E4 E5"),
    EMERGENCY: Case(then={}, stages="I0 I1 I2a I2b I4 I5"),
    ALGORITHM[0]: Case(by="files", policy="rsa", then={"policy": "lab"}, stages=LIBERAL),
    ALGORITHM[1]: Case(policy="rsa", then={"policy": "lab"}, stages=LIBERAL),
    ALGORITHM[2]: Case(by="files", policy="rsa", then={"policy": "conservative"}, stages=CONSERVATIVE),
    ALGORITHM[3]: Case(policy="rsa", then={"policy": "conservative"}, stages=CONSERVATIVE),
    DIGEST: Case(then={"policy": "sha-384"}, stages="H1a H1b"),
    **dict.fromkeys(FOLLOWED, Case(by=None, keys="follow", then={}, stages="K2a K2b")),
    LEAVING: Case(then={"dnssec": "insecure"}, stages="G1 G2 G3"),
}
ZONES = tuple(CASES)


def signed_by(signer: str | None) -> tuple[str, ...]:
    return tuple(zone for zone, case in CASES.items() if case.by == signer)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    schemes = {FOLLOWED[0]: "ksk-zsk", FOLLOWED[1]: "csk", **dict.fromkeys(lab_hasty.FOLLOWED, "on-demand")}
    files = (*signed_by("files"), *lab_hasty.ZONES)
    elsewhere = Elsewhere(files=files, bind=schemes, knot=FOLLOWED[2], ds_ttl=DS_TTL)
    folder = tmp_path_factory.mktemp("lab")
    with running_lab(folder, signed_by("pdns"), key_ttl=KEY_TTL, elsewhere=elsewhere) as running:
        yield running


def managed(lab: Lab) -> Managed:
    def clerk(name: str, action: SetDs) -> None:
        threading.Timer(2, lab.cc.edit_ds, (name, action.ds)).start()  # a clerk takes a while

    intents = {zone: case.intent(zone) for zone, case in CASES.items()}
    return Managed(lab=lab, policies=POLICIES, intents=intents, clerk=clerk)


def all_ds() -> dict[str, tuple[Ds, ...]]:
    return {zone: ds_of(CC if zone == BY_CLERK else TLD, zone) for zone in ZONES}


def all_keys() -> dict[str, tuple[Dnskey, ...]]:
    return {zone: keys_of(CHILD_2, zone) for zone in ZONES}


def has_followed(zone: str, before: tuple[Ds, ...]) -> bool:
    """Tell whether the parent has the DS of one key, and of another one than any before."""
    ds = ds_of(TLD, zone)
    return len(ds) == 1 and not set(ds) & set(before)


def stages_of(care: Managed, since: int) -> Mapping[str, set[str]]:
    """Return the stages that each zone went through in lines of the log."""
    words = [line.split() for line in care.log[since:] if " by the clerk: " not in line]
    return {zone: {step.split("-")[0] for _, of, step, *_ in words if of == zone} for zone in ZONES}


def compared(care: Managed, forecasts: Mapping[str, Forecast]) -> list[Row]:
    """Return each step as forecast and as recorded since; BIND and Knot roll when they please, so nobody knows when."""
    pace = Pace(runs=care.looked, timing=POLICY.timing)
    rows = [
        row
        for zone, forecast in forecasts.items()
        if zone not in FOLLOWED
        for row in compare(forecast, care.records, care.ledger.histories[zone], pace)
    ]
    care.records.clear()
    return rows


def show(record_property: Record, *lines: str) -> None:
    record_property("figures", "\n".join(lines))
    print("\n" + "\n".join(lines))


def test_rollovers_by_every_recipe_never_fail_at_a_validating_resolver(lab: Lab, record_property: Record) -> None:
    prober = Prober(RESOLVERS, ZONES)
    prober.start()
    care = managed(lab)
    bootstraps = care.forecasts()
    signed = care.until_done(90)
    rows = compared(care, bootstraps)
    ds_before, keys_before = all_ds(), all_keys()
    assert all(len(ds) == 1 for zone, ds in ds_before.items() if zone not in FOLLOWED)
    since, began = len(care.log), time.monotonic()
    for zone, case in CASES.items():
        care.intents[zone] = replace(care.intents[zone], **case.then)
    stolen = tuple(key for key in keys_before[EMERGENCY] if key.is_sep)
    care.intents[EMERGENCY] = replace(care.intents[EMERGENCY], compromised=stolen)
    rollovers = care.forecasts()
    rolled = care.until_done(150, lambda: all(has_followed(zone, ds_before[zone]) for zone in FOLLOWED))
    report = prober.stop()
    rows += compared(care, rollovers)
    ds_after, keys_after = all_ds(), all_keys()
    show(
        record_property,
        f"bootstraps {signed:.0f} s, rollovers {rolled:.0f} s",
        *report.lines(),
        *(report.line_of([zone], f"{zone} {case.stages}", care.done[zone] - began) for zone, case in CASES.items()),
        *care.log,
        "seconds from the forecast, which was made before the first step:",
        HEADER,
        *map(str, rows),
    )
    assert [str(row) for row in rows if not row.is_met] == []
    assert {row.zone for row in rows} == set(ZONES) - set(FOLLOWED)
    assert {zone: " ".join(sorted(stages)) for zone, stages in stages_of(care, since).items()} == {
        zone: case.stages for zone, case in CASES.items()
    }
    assert report.failures == []
    assert report.asked > 10 * len(RESOLVERS) * len(ZONES) * (signed + rolled)
    assert (ds_after[LEAVING], keys_after[LEAVING]) == ((), ())
    for zone in FOLLOWED:
        seps = {make_ds(zone, key, 2) for key in keys_after[zone] if key.is_sep}
        assert set(ds_after[zone]) <= seps
    for zone in set(ZONES) - {LEAVING, *FOLLOWED}:
        (sep,) = [key for key in keys_after[zone] if key.is_sep]
        assert ds_after[zone] == (make_ds(zone, sep, 4 if zone == DIGEST else 2),)
        assert (ds_after[zone] == ds_before[zone]) == (zone == ZSK)
        assert (keys_after[zone] == keys_before[zone]) == (zone == DIGEST)
    for zone in ALGORITHM:
        assert {key.algorithm for key in keys_before[zone]} == {8}
        assert {key.algorithm for key in keys_after[zone]} == {13}
        assert lab_dns.signed_by(CHILD_2, zone, "SOA") <= {key.key_tag for key in keys_after[zone]}


def test_the_same_changes_made_too_early_are_seen_to_fail(lab: Lab, record_property: Record) -> None:
    began = time.monotonic()
    zones = (*lab_hasty.ZONES, *lab_hasty.FOLLOWED)
    with ThreadPoolExecutor(len(zones)) as pool:
        keys = dict(zip(lab_hasty.ZONES, pool.map(lambda zone: prepare(lab, zone), lab_hasty.ZONES), strict=True))
        time.sleep(DATA_TTL + 1)
        for zone in lab_hasty.ZONES:
            delegate(lab, zone, keys[zone])
        for zone in lab_hasty.FOLLOWED:
            point(lab, zone, seps_of(zone), (2,), FOLLOWED_DS_TTL)
        wait_until_secure(lab, [zone for zone in zones if recipe_of(zone) != "bootstrap"])
        prober = Prober(RESOLVERS, zones, rate=8)
        prober.start()
        time.sleep(1)
        prepared = time.monotonic()
        runs = [pool.submit(change, lab, zone, keys[zone]) for zone in lab_hasty.ZONES]
        runs += [pool.submit(follow_bind, lab, zone) for zone in lab_hasty.FOLLOWED]
        for run in runs:
            run.result()
    time.sleep(2)
    report, ended = prober.stop(), time.monotonic()
    by_recipe = {
        recipe: [zone for zone in zones if recipe_of(zone) == recipe] for recipe in (*lab_hasty.CONTROLS, "follow")
    }
    show(
        record_property,
        f"prepared in {prepared - began:.0f} s, changed too early in {ended - prepared:.0f} s",
        *report.lines(),
        *(report.line_of(rolled, f"{recipe} too early") for recipe, rolled in by_recipe.items()),
    )
    assert [recipe for recipe, rolled in by_recipe.items() if not report.failed(rolled)] == []
