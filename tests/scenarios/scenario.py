"""A scenario of a YAML file as values of the model: given files, abilities, history and sweep; then the real planner.

Times are seconds from `START`. A key is a symbol: `z…` is a ZSK, anything else a KSK; a DS is a key's symbol, with
`/digest` if that is not SHA-256. A key that nobody shows or holds makes a foreign DS.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from dnsplan.engine import absorb, plan_zone
from dnsplan.model.history import (
    Content,
    Departed,
    DnskeyContent,
    DsContent,
    HeldKey,
    Intent,
    Rollover,
    RRsetVersion,
    ZoneContent,
    ZoneHistory,
)
from dnsplan.model.observation import ChildAnswer, ChildView, Observation, ParentAnswer, ParentView, Unreachable
from dnsplan.model.plan import Capabilities, SignerKey, Situation, ZonePlan
from dnsplan.model.portfolio import Portfolio
from dnsplan.model.records import Dnskey, Ds, make_ds
from dnsplan.portfolio import load_portfolio
from dnsplan.portfolio.build import build_accepts

Mapped = Mapping[str, Any]
ZONE, START = "example.ch", 1_800_000_000
PARENTS, CHILDREN = ("192.0.2.1", "192.0.2.2"), ("198.51.100.1", "198.51.100.2")
POLICY = {
    "policy": "scenario",
    "ds": {"ttl_max": "900s"},
    "dnskey": {"ttl": "300s"},
    "zone": {"ttl_max": "600s"},
    "timing": {
        "child_margin": "10s", "parent_margin": "20s", "registration_budget": "1000s",
        "sweeps": {"count": 2, "spacing": "30s"},
    },
}  # fmt: skip
"""What every scenario's policy says where its own file says nothing else."""


def read(path: Path) -> dict[str, Any]:
    """Return a scenario as it is written."""
    found: dict[str, Any] = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    return found


def dnskey(symbol: str) -> Dnskey:
    """Return the DNSKEY of algorithm 13 that a symbol stands for."""
    material = hashlib.sha512(symbol.encode()).digest()
    return Dnskey(flags=256 if symbol.startswith("z") else 257, algorithm=13, public_key=material)


def ds(symbol: str) -> Ds:
    """Return the DS that a symbol stands for."""
    key, _, digest = symbol.partition("/")
    return make_ds(ZONE, dnskey(key), int(digest or 2))


def ds_set(symbols: list[str]) -> tuple[Ds, ...]:
    """Return a DS RRset, sorted."""
    return tuple(sorted(map(ds, symbols)))


def key_set(symbols: list[str]) -> tuple[Dnskey, ...]:
    """Return a DNSKEY RRset, sorted."""
    return tuple(sorted(map(dnskey, symbols)))


def ids(symbols: list[str]) -> frozenset[str]:
    """Return the identities of keys."""
    return frozenset(dnskey(symbol).id for symbol in symbols)


def portfolio_of(files: Mapped, folder: Path) -> Portfolio:
    """Return what the real loader makes of a portfolio with one policy and one zone."""
    policy = {**POLICY, **files.get("policy", {})}
    zone = {"zone": ZONE, "policy": "scenario", "signer": "manual", "parent": "manual", **files["zone"]}
    if isinstance(zone.get("keys"), list):
        zone["keys"] = [{"dnskey": str(dnskey(symbol))} for symbol in zone["keys"]]
    if "compromised" in zone:
        zone["compromised"] = [str(dnskey(symbol)) for symbol in zone["compromised"]]
    documents = {
        "dsplan.yaml": {"schema": "dsplan/v1", "portfolio": "scenario"},
        "policies/scenario.yaml": policy,
        "zones/zone.yaml": zone,
    }
    for name, document in documents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(document), encoding="utf-8")
    return load_portfolio(folder)


def capabilities_of(given: Mapped) -> Capabilities:
    """Return what the ways in can do; what a parent accepts is written as in its file."""
    named = {name: value for name, value in given.items() if name != "accepts"}
    return Capabilities(**{"update": "replace", **named}, accepts=build_accepts(given.get("accepts", {})))


def _content(rrset: str, value: Any) -> Content | None:
    if value == "unknown":
        return None
    if rrset == "ds":
        return DsContent(ds=ds_set(value))
    if rrset == "dnskey":
        return DnskeyContent(keys=key_set(value["keys"]), signers=ids(value["signers"]))
    return ZoneContent(signers=ids(value))


def _instant(given: Mapped, name: str) -> int | None:
    return None if given.get(name) is None else START + given[name]


def _versions(rrset: str, listed: list[Mapped]) -> tuple[RRsetVersion, ...]:
    return tuple(
        RRsetVersion(
            content=_content(rrset, version["value"]),
            first=START + version["first"],
            everywhere=_instant(version, "everywhere"),
            ttl_star=version["ttl"],
            seen=version.get("seen", True),
            clean=version.get("clean", 0),
            clean_at=_instant(version, "clean_at"),
            ttl=version.get("asked"),
        )
        for version in listed
    )


def history_of(given: Mapped) -> ZoneHistory:
    """Return what the ledger remembers."""
    versions = {name: _versions(name, given.get(name, [])) for name in ("ds", "dnskey", "zonedata")}
    rollover = given.get("rollover")
    return ZoneHistory(
        zone=ZONE,
        **versions,
        last_sweep=_instant(given, "last_sweep"),
        servers=frozenset(given.get("servers", ())),
        parent_servers=frozenset(given.get("parent_servers", ())),
        ns_ttl_star=given.get("ns_ttl", 0),
        departed=tuple(
            Departed(address=entry["address"], side=entry["side"], until=_instant(entry, "until"))
            for entry in given.get("departed", [])
        ),
        held=tuple(HeldKey(key=dnskey(name), role=role, created=START) for name, role in given.get("held", {}).items()),
        rollover=rollover
        and Rollover(
            id=f"{rollover['recipe']}/1", recipe=rollover["recipe"], started=START, token=rollover.get("token"),
            final=tuple(dnskey(name).id for name in rollover.get("final", [])),
            old=tuple(dnskey(name).id for name in rollover.get("old", [])),
            before=tuple(dnskey(name).id for name in rollover.get("before", [])),
        ),
        tokens=tuple(sorted(given.get("tokens", {}).items())),
        intents=tuple(
            Intent(
                id=f"intent-{number}", step="{}", rrset=intent["rrset"], at=START + intent["at"],
                outcome=intent.get("outcome"), outcome_at=_instant(intent, "outcome_at"),
            )
            for number, intent in enumerate(given.get("intents", []))
        ),
    )  # fmt: skip


def _parent(address: str, given: Any) -> ParentView:
    if isinstance(given, str):
        return Unreachable(address=address, reason="timeout")
    return ParentAnswer(
        address=address, ds=ds_set(given["ds"]), ttl=given.get("ttl", 900 if given["ds"] else 60),
        trust="bogus" if given.get("lies") else "secure",
    )  # fmt: skip


def _child(address: str, given: Any) -> ChildView:
    if isinstance(given, str):
        return Unreachable(address=address, reason="timeout")
    return ChildAnswer(
        address=address, keys=key_set(given["keys"]), key_signers=ids(given.get("signers", [])),
        key_ttl=given.get("ttl", 300 if given["keys"] else 60), zone_signers=ids(given.get("data", [])),
        zone_ttl=600, negative_ttl=60,
    )  # fmt: skip


def _by_address(given: Mapped, addresses: tuple[str, ...]) -> dict[str, Any]:
    """Return the answer of each server: that of `all`, unless its address is named."""
    common = dict.fromkeys(addresses, given["all"])
    return {**common, **{address: answer for address, answer in given.items() if address != "all"}}


def observation_of(given: Mapped, at: int) -> Observation:
    """Return one sweep; every side has two servers, and more where more addresses are named."""
    parent = _by_address(given["parent"], PARENTS)
    child = _by_address(given["child"], CHILDREN)
    return Observation(
        zone=ZONE, at=START + at, parent_zone="ch",
        parent=tuple(_parent(address, parent[address]) for address in sorted(parent)),
        child=tuple(_child(address, child[address]) for address in sorted(child)),
        extra=frozenset(given.get("extra", ())),
    )  # fmt: skip


def held_of(given: Mapped | None) -> tuple[SignerKey, ...] | None:
    """Return what the signer lists: `role`, and `unused` for a key that is neither published nor active."""
    if given is None:
        return None
    return tuple(
        SignerKey(key=dnskey(name), role=word.split()[0], published="unused" not in word, active="unused" not in word)
        for name, word in given.items()
    )


def plan_of(scenario: Mapped, folder: Path) -> ZonePlan:
    """Return the plan of a scenario: load its files, absorb its sweeps, decide."""
    portfolio = portfolio_of(scenario["files"], folder)
    intent = portfolio.zones[ZONE]
    policy, capabilities = portfolio.policy_of(intent), capabilities_of(scenario.get("capabilities", {}))
    history = history_of(scenario.get("history", {}))
    for at in (*scenario.get("swept_before", ()), scenario["now"]):
        seen = observation_of(scenario["seen"], at)
        history = absorb(history, seen, policy=policy, capabilities=capabilities)
    return plan_zone(
        Situation(
            intent=intent, policy=policy, capabilities=capabilities, history=history, seen=seen, now=seen.at,
            held=held_of(scenario.get("held")), breaks_chain=scenario.get("breaks_chain", False),
        )
    )  # fmt: skip
