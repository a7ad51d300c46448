"""Engines that are wrong on purpose: the judges object to each one, in worlds in which the right engine passes.

Each is made by putting something else in the place of a function of the engine. Where the kernel would refuse what a
wrong recipe proposes, the kernel is blinded as well: it is the wrong engine that must be caught, not the wrong recipe.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from oracle import shortfall
from wide_judge import objections
from worlds import ds, world

from dnsplan.engine import absorb as right_absorb
from dnsplan.engine.gates import empty, gate
from dnsplan.engine.spans import FOREVER, Margins, Span
from dnsplan.engine.stages import create
from dnsplan.engine.target import wanted_ds
from dnsplan.forecast import simulate
from dnsplan.model.plan import Gate, Proof

PATHS = {
    name: importlib.import_module(f"dnsplan.{path}")
    for name, path in {
        "absorb": "engine.absorb", "spans": "engine.spans", "view": "engine.view", "kernel": "engine.kernel",
        "readiness": "engine.readiness", "planner": "engine.planner", "journal": "engine.journal",
        "obstacles": "engine.obstacles", "method": "engine.method", "stages": "engine.stages",
        "sweep": "engine.sweep", "insecure": "engine.recipes.insecure", "bootstrap": "engine.recipes.bootstrap",
        "double_ksk": "engine.recipes.double_ksk", "liberal": "engine.recipes.algorithm_liberal",
        "zsk": "engine.recipes.zsk",
        "wish": "engine.wish", "looking": "apply.looking", "forecast": "forecast.simulate",
    }.items()
}  # fmt: skip
Document = dict[str, Any]
Put = Callable[[str, Any], None]


def put(monkeypatch: pytest.MonkeyPatch, place: str, wrong: Any) -> None:
    module, *inner, name = place.split(".")
    target = PATHS[module]
    for part in inner:
        target = getattr(target, part)
    monkeypatch.setattr(target, name, wrong)


# Worlds: small, fixed, and passed by the right engine ----------------------------------------------------------------
def base(recipe: str, **truth: Any) -> Document:
    """Return a world whose hidden instances use up every margin; `truth` replaces parts of it."""
    described = world(recipe, 0, gates_exact=True)
    old = 0 if recipe == "bootstrap" else 1
    described |= {"tick": 1, "until": 3000, "id": recipe}
    described["policy"]["timing"] = {
        "child_margin": "5s", "parent_margin": "7s", "registration_budget": "100s",
        "sweeps": {"count": 1, "spacing": "0s"},
    }  # fmt: skip
    described["policy"]["ds"] = {"digest_types": ["SHA-256"], "ttl_max": "90s"}
    described["policy"]["dnskey"] = {"ttl": "40s"}
    described["start"]["ds"], described["start"]["ds_ttl"] = [ds("k1")] * old, 90
    described["start"]["dnskey"]["ttl"] = 40 if old else 30
    described["start"]["zone"] |= {"ttl": 60, "negative_ttl": 30}
    described["parent"] |= {
        "update": "replace",
        "max_ds": 1 if recipe == "swap" else 4,
        "checks_dnskey": False,
        "ttl": 90,
    }
    described["signer"] |= {"resign": 0, "dnskey_ttl": 40, "zone_ttl": 60}
    described["truth"] = {
        "child_propagation": [0, 3], "parent_propagation": [0, 10], "registration": 20, "resign": 0,
        "unseen": {"child": 5, "parent": 7}, "ttl_after": {"ds": 90, "dnskey": 40, "zone": 60}, **truth,
    }  # fmt: skip
    return described


def short_new_ttls(recipe: str) -> Document:
    return base(recipe, ttl_after={"ds": 1, "dnskey": 1, "zone": 1})


def lowered_before(recipe: str) -> Document:
    """Return a world whose parent lowers its TTL, of 300 at first, before the rollover comes to the DS."""
    described = base(recipe, changes=[{"at": 20, "rrset": "DS", "ttl": 5}])
    described["start"]["ds_ttl"] = 300
    return described


def long_negative() -> Document:
    described = base("bootstrap")
    described["start"]["zone"]["negative_ttl"] = described["start"]["dnskey"]["ttl"] = 200
    return described


def slow_third(recipe: str, lag: int = 60) -> Document:
    return base(recipe, child_propagation=[0, 0, lag], parent_propagation=[0, 0, lag])


def silent_and_frozen(recipe: str) -> Document:
    fault = {"server": "child:1", "from": 1, "until": 400}
    return base(recipe, faults=[{"kind": "silent", **fault}, {"kind": "frozen", **fault}])


def resigning(recipe: str) -> Document:
    described = base(recipe, resign=50)
    described["signer"]["resign"] = 50
    return described


def other_digest() -> Document:
    described = base("double-ds")
    described["policy"]["ds"]["digest_types"] = ["SHA-384"]
    return described


def stranger(recipe: str) -> Document:
    described = base(recipe)
    described["start"]["ds"] = [ds("k1"), ds("f1")]
    return described


def crashed(recipe: str) -> Document:
    return base(recipe, faults=[{"kind": "crash", "call": 1, "when": "after"}])


def lying_at_first(recipe: str) -> Document:
    return base(recipe, child_propagation=0, faults=[{"kind": "lies", "server": "child:0", "from": 0, "until": 60}])


def remembered(recipe: str) -> Document:
    """Return a world whose data were signed by the KSK alone until just now, and caches still hold them."""
    past = [{"rrset": "ZONE", "until": 0, "ttl": 60, "value": {"signers": ["k1"]}}]
    described = base(recipe, past=past, registration=0, child_propagation=0, parent_propagation=0)
    described["start"]["ds_ttl"] = described["parent"]["ttl"] = 5
    described["policy"]["ds"]["ttl_max"] = "5s"
    described["start"]["dnskey"]["ttl"] = described["signer"]["dnskey_ttl"] = 5
    described["policy"]["dnskey"]["ttl"] = "5s"
    return described


# Wrong engines -------------------------------------------------------------------------------------------------------
def blind(put: Put) -> None:
    """Let the kernel admit everything."""
    put("readiness.admit", lambda _spans, _change, now, profiles: Proof(triples=0, horizon=now, profiles=profiles))


def opened(*places: str) -> Callable[[Put], None]:
    def patch(put: Put) -> None:
        blind(put)
        for place in places:
            put(place, lambda *_args, **_kwargs: Gate())

    return patch


def old_algorithm_at_once(put: Put) -> None:
    blind(put)
    put("stages.demands_none_of", lambda _: lambda _: True)


def new_ttl(put: Put) -> None:
    def wrong(versions: Any, values: Any, margin: int) -> Any:
        result, base, ttl = [], None, 0
        for version, value in zip(reversed(versions), reversed(values), strict=True):
            end = FOREVER if base is None else base + margin + ttl
            result.append(Span(value, version.first, end, version.ttl_star, base))
            ttl = PATHS["absorb"].shown_ttl.get(version.content, version.ttl_star)
            if version.everywhere is not None:
                base = version.everywhere if base is None else min(base, version.everywhere)
        return tuple(reversed(result))

    put("spans.cached", wrong)
    last_ttl(put, forget=False)


def last_ttl(put: Put, *, forget: bool = True) -> None:
    """Remember the TTL that was shown last, in place of the largest one."""
    shown: dict[Any, int] = {}
    right = PATHS["absorb"]._with_ttls

    def wrong(versions: Any, seen: Any, nominal: int) -> Any:
        shown.update({answer[0]: answer[1] for answer in seen.answers.values() if answer})
        versions = right(versions, seen, nominal)
        if not forget:
            return versions
        return tuple(
            replace(version, ttl_star=shown[version.content]) if version.content in shown else version
            for version in versions
        )

    PATHS["absorb"].shown_ttl = shown
    put("absorb._with_ttls", wrong)


def no_negative_ttl(put: Put) -> None:
    def wrong(history: Any, seen: Any, *, policy: Any, capabilities: Any) -> Any:
        child = tuple(
            replace(answer, negative_ttl=0, key_ttl=answer.key_ttl if answer.keys else 0) for answer in seen.child
        )
        policy = replace(policy, zone_ttl_max=60)
        return right_absorb(history, replace(seen, child=child), policy=policy, capabilities=capabilities)

    put("looking.absorb", wrong)


def no_margins(put: Put) -> None:
    put("view.margins", lambda _policy, capabilities, _missing: Margins(0, 0, capabilities.resign))


def no_resign(put: Put) -> None:
    right = PATHS["view"].margins
    put("view.margins", lambda *given: replace(right(*given), resign=0))


def reading(choose: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Callable[[Put], None]:
    """Return the engine that believes a choice of the answers of a sweep."""

    def patch(put: Put) -> None:
        parent, child = PATHS["absorb"].read_parent, PATHS["absorb"].read_child

        def some_parents(*given: Any) -> Any:
            read = parent(*given)
            return replace(read, ds=choose(read.ds))

        def some_children(*given: Any) -> Any:
            read = child(*given)
            return replace(read, dnskey=choose(read.dnskey), zone=choose(read.zone))

        put("absorb.read_parent", some_parents)
        put("absorb.read_child", some_children)
        put("obstacles.silent_servers", lambda _: ())
        put("planner.silent_servers", lambda _: ())

    return patch


def first_one(answers: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(list(answers.items())[:1])


def most(answers: Mapping[str, Any]) -> Mapping[str, Any]:
    (common, _), *_ = Counter(answer and answer[0] for answer in answers.values()).most_common(1)
    return {address: answer for address, answer in answers.items() if (answer and answer[0]) == common}


def speaking(answers: Mapping[str, Any]) -> Mapping[str, Any]:
    return {address: answer for address, answer in answers.items() if answer is not None}


def timeout_is_publication(put: Put) -> None:
    """Take what was asked for ten seconds ago, and some server shows, to be published on every server."""

    def wrong(history: Any, seen: Any, **given: Any) -> Any:
        newest = history.dnskey[-1] if history.dnskey else None
        if newest is not None and seen.at - newest.first >= 10:
            good = [answer for answer in seen.child if answer.keys == newest.content.keys]
            child = [replace(good[0], address=answer.address) if good else answer for answer in seen.child]
            seen = replace(seen, child=tuple(child))
        return right_absorb(history, seen, **given)

    put("looking.absorb", wrong)
    put("forecast.Simulation._idle", lambda _self, _at: 1)  # such an engine acts when nothing in the world moves


def mixed_digests(put: Put) -> None:
    blind(put)
    put("method._of_ksk", lambda _view, _target: "double-ds")


def foreign_dropped(put: Put) -> None:
    def wrong(view: Any, target: Any) -> Any:
        return tuple(record for record in wanted_ds(view, target) if record in view.ring)

    put("stages.wanted_ds", wrong)


def no_memory_of_targets(put: Put) -> None:
    put("journal._with_target", lambda versions, *_: versions)


def creation_not_idempotent(put: Put) -> None:
    def wrong(view: Any, target: Any, stage: str) -> Any:
        known = frozenset(key.key.id for key in view.situation.held or ())
        return tuple(
            replace(one, candidates=(replace(one.candidates[0], existing=known),))
            for one in create(view, target, stage)
        )

    put("double_ksk.create", wrong)


def done_before_confirmed(put: Put) -> None:
    put("planner.in_flight", lambda _: ())
    put("planner.repeats", lambda _: ())
    put("forecast.Simulation._is_confirmed", lambda _: True)


def no_unknown_versions(put: Put) -> None:
    def wrong(history: Any, seen: Any, **given: Any) -> Any:
        history = right_absorb(history, seen, **given)

        def known(versions: Any) -> Any:
            return tuple(version for version in versions if version.content is not None)

        return replace(history, ds=known(history.ds), dnskey=known(history.dnskey), zonedata=known(history.zonedata))

    put("looking.absorb", wrong)


def no_key_cache(put: Put) -> None:
    """Trust ends with the DS, in the gate and in the kernel."""
    put("insecure.trust_gate", lambda spans, _has, margins, reason: gate("DS", spans.ds, empty, margins, reason))

    def wrong(one: Any, keys: Any) -> Any:
        start, end = max(one.start, keys.start), min(one.end, keys.end)
        return (start, end) if start < end else None

    put("kernel.trust", wrong)


@dataclass(frozen=True)
class Wrong:
    """An engine, the world that shows it, and a word of the objection."""

    patch: Callable[[Put], None]
    world: Callable[[], Document]
    said: str = "bogus"


WRONG = {
    "the TTL of the new version, not of the old": Wrong(new_ttl, lambda: short_new_ttls("swap")),
    "the TTL seen last, not the largest": Wrong(last_ttl, lambda: lowered_before("swap")),
    "no negative TTL": Wrong(no_negative_ttl, long_negative),
    "no margins": Wrong(no_margins, lambda: base("swap")),
    "no delay of re-signing": Wrong(no_resign, lambda: resigning("zsk")),
    "one server only": Wrong(reading(first_one), lambda: slow_third("swap")),
    "the majority of servers": Wrong(reading(most), lambda: slow_third("swap")),
    "a silent server counts as agreeing": Wrong(reading(speaking), lambda: silent_and_frozen("swap")),
    "a timeout counts as published": Wrong(timeout_is_publication, lambda: slow_third("swap")),
    "a DS before the signatures": Wrong(
        opened("bootstrap.keys_cached", "bootstrap.signatures_cached"), lambda: base("bootstrap")
    ),
    "the key is removed with its DS": Wrong(opened("double_ksk.ds_cached"), lambda: base("swap")),
    "the DS is swapped before caches have the key": Wrong(opened("double_ksk.keys_cached"), lambda: base("swap")),
    "the old algorithm leaves with its DS": Wrong(old_algorithm_at_once, lambda: base("liberal")),
    "the old ZSK leaves with its signatures": Wrong(opened("zsk.signatures_cached"), lambda: base("zsk")),
    "unsigned before the DS is out of caches": Wrong(opened("insecure.trust_gate"), lambda: base("insecure")),
    "no trust beyond the DS": Wrong(no_key_cache, lambda: base("insecure")),
    "a new key with another digest type": Wrong(mixed_digests, other_digest),
    "nothing was served before the first look": Wrong(no_unknown_versions, lambda: remembered("swap")),
    "an unsigned answer at the first look is believed": Wrong(
        lambda put: put("sweep._no_ds", lambda _: True), lambda: lying_at_first("zsk")
    ),
    "foreign DS are dropped": Wrong(foreign_dropped, lambda: stranger("add-first"), "foreign DS"),
    "a second submission": Wrong(no_memory_of_targets, lambda: base("swap"), "calls to the parent"),
    "a second key after a crash": Wrong(creation_not_idempotent, lambda: crashed("swap"), "keys were created"),
    "done before it is confirmed": Wrong(done_before_confirmed, lambda: base("bootstrap"), "claimed"),
    "done with the old key left": Wrong(
        lambda put: put("wish._leaving", lambda _view, _final: frozenset()), lambda: base("zsk"), "with data"
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_engine_is_caught_and_the_right_one_passes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = WRONG[name]
    described = wrong.world()
    calm = simulate(described)
    assert calm["reached"], calm["moves"][-2:]
    assert objections(described, calm) + shortfall(described, calm) == []

    wrong.patch(lambda place, thing: put(monkeypatch, place, thing))
    result = simulate(described)

    found = objections(described, result)
    print(f"\n{name}: {found[:1]}")
    assert any(wrong.said in line for line in found), (found, result["events"], result["moves"][-3:])
