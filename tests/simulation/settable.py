"""Worlds whose signer and parent can be given TTLs, which no described world's can, and that differ from the policy.

The judge knows nothing of it: a TTL that was set is one more version, with the content of the one before.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from wide_worlds import wide_world
from worlds import world

from dnsplan.forecast.simulate import Simulation
from dnsplan.model.action import SetDs, SetTtl
from dnsplan.model.plan import Capabilities, Receipt
from dnsplan.model.portfolio import Accepts, Roll
from dnsplan.model.records import Dnskey
from dnsplan.world.simulated import SimulatedParent, SimulatedSigner

Document = dict[str, Any]
CHANGING = (
    "add-first", "swap", "one-at-a-time", "double-ds", "double-rrset", "zsk", "csk", "to-csk", "to-split", "liberal",
    "conservative", "digest", "insecure",
)  # fmt: skip


class SettableSigner(SimulatedSigner):
    """What it makes has the TTL that it was given last."""

    def capabilities(self, zone: str) -> Capabilities:
        return replace(super().capabilities(zone), dnskey_ttl="own")

    def _take(self, action: Any) -> Dnskey | None:
        if not isinstance(action, SetTtl):
            return super()._take(action)
        truth, at = self._truth, self._clock.at
        truth.document["truth"]["ttl_after"]["dnskey"] = action.ttl
        newest = truth.versions["DNSKEY"][-1]
        if newest.ttl != action.ttl:
            truth.change("DNSKEY", at, newest.value, call=at, ttl=action.ttl)
        return None


class SettableParent(SimulatedParent):
    """It takes the TTL of the DS as it takes its content: later, or not at all."""

    def capabilities(self, zone: str, accepts: Accepts) -> Capabilities:
        return replace(super().capabilities(zone, accepts), sets_ds_ttl=True)

    def perform(self, zone: str, action: SetDs | SetTtl) -> Receipt:
        if not isinstance(action, SetTtl):
            return super().perform(zone, action)
        self._calls.begin(parent=True)
        try:
            return self._take_ttl(action)
        finally:
            self._calls.end()

    def _take_ttl(self, action: SetTtl) -> Receipt:
        truth, at, number = self._truth, self._clock.at, self._calls.parent
        if any(fault["call"] == number for fault in truth.faults("rejected")):
            return Receipt(state="refused", message="refused, once")
        if truth.ds_symbols(action.ds) != truth.versions["DS"][-1].value:
            return Receipt(state="refused", message="the DS changed meanwhile")
        newest = truth.versions["DS"][-1]
        if newest.ttl != action.ttl and not any(fault["call"] == number for fault in truth.faults("swallowed")):
            truth.document["truth"]["ttl_after"]["ds"] = action.ttl
            given = truth.document["truth"]["registration"]
            truth.change("DS", at + given, newest.value, call=at, ttl=action.ttl)
        return Receipt(state="accepted")


def settable_world(recipe: str, seed: int, *, faults: bool = False, exact: bool = False) -> Document:
    """Return a world that serves other TTLs than its policy states; what is made before they are set keeps them."""
    described = world(recipe, seed, faults=faults, gates_exact=exact)
    random = Random(f"ttl/{recipe}/{seed}")
    start, truth = described["start"], described["truth"]
    start["dnskey"]["ttl"] = truth["ttl_after"]["dnskey"] = random.choice(
        [1, 20, 300, described["signer"]["dnskey_ttl"]]
    )
    start["ds_ttl"] = truth["ttl_after"]["ds"] = random.choice([1, 20, 300, described["parent"]["ttl"]])
    return described


def wide_settable_world(seed: int) -> Document:
    """Return a world of any kind whose TTLs differ from its policy; every other one has faults."""
    described = wide_world(seed, faults=seed % 2 == 1)
    random = Random(f"ttl/{seed}")
    start, truth = described["start"], described["truth"]
    described["until"] = min(described["until"], 6000)
    if start["dnskey"]["keys"]:
        start["dnskey"]["ttl"] = random.choice([1, 20, 500, described["signer"]["dnskey_ttl"]])
    if start["ds"]:
        start["ds_ttl"] = random.choice([1, 20, 500, described["parent"]["ttl"]])
    truth["ttl_after"] |= {"ds": start["ds_ttl"], "dnskey": start["dnskey"]["ttl"]}
    given = truth["registration"]
    truth["registration"] = given[0] if isinstance(given, list) else given
    return described


def simulate_settable(described: Document, *, known: bool = False) -> Document:
    """Return the result of a world whose ways in take TTLs; `known`: the engine has watched it for long already."""
    simulation = Simulation(described)
    simulation.signer = SettableSigner(simulation.truth, simulation.clock, simulation.calls)
    simulation.parent = SettableParent(simulation.truth, simulation.clock, simulation.calls)
    if known:
        asked = simulation.portfolio
        resting = replace(asked.zones[simulation.truth.zone], roll=Roll())
        silent = replace(asked.policies["world"], stated=frozenset())
        simulation.portfolio = replace(asked, zones={resting.zone: resting}, policies={"world": silent})
        for at in (-9000, -8000):
            simulation.clock.at = at
            simulation._run_at(at)
        simulation.portfolio, simulation.moves = asked, []
        simulation._last = simulation.reached_at = None
        assert simulation.calls.total == 0
    return simulation.result()


def ttl_events(result: Document, described: Document) -> list[Document]:
    """Return the versions of ours that changed a TTL and no content."""
    found = []
    before = {
        "DS": described["start"]["ds"],
        "DNSKEY": {k: described["start"]["dnskey"][k] for k in ("keys", "signers")},
    }
    last = {rrset: _form(rrset, value) for rrset, value in before.items()}
    for event in result["events"]:
        if event["rrset"] not in last:
            continue
        form = _form(event["rrset"], event["value"])
        if form == last[event["rrset"]] and event["call"] is not None:
            found.append(event)
        last[event["rrset"]] = form
    return found


def _form(rrset: str, value: Any) -> object:
    if rrset == "DS":
        return frozenset((d["key"], d["digest_type"]) for d in value)
    return frozenset(k["key"] for k in value["keys"]), frozenset(value["signers"])
