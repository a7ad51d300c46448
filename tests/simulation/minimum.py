"""The theoretical minimum time to the goal, from the formulas of the recipes alone: no code of the engine runs here.

A schedule that sees each T_all in its own second and acts at once, with the margins and sweeps of the policy and the
delays of the world; nominal TTLs, negative answers and versions from before the first look count as the contract says.
Worlds of `worlds.world` without faults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
DIGESTS = {"SHA-1": 1, "SHA-256": 2, "SHA-384": 4}


def _list(value: int | list[int]) -> list[int]:
    return value if isinstance(value, list) else [value]


def _content(value: Any) -> Any:
    if isinstance(value, list):
        return {(d["key"], d["algorithm"], d["digest_type"]) for d in value}
    return {key["key"] for key in value.get("keys", [])}, set(value["signers"])


def _seconds(text: str) -> int:
    return int(text.removesuffix("s"))


@dataclass
class Times:
    """The quantities of RFC 7583 in one world."""

    world: Document
    confirm: bool = False
    """Whether nothing begins before T_all of the state that is there."""

    def __post_init__(self) -> None:
        world = self.world
        timing, truth, start = world["policy"]["timing"], world["truth"], world["start"]
        self.margin_child, self.margin_parent = _seconds(timing["child_margin"]), _seconds(timing["parent_margin"])
        self.sweeps = (timing["sweeps"]["count"] - 1) * max(_seconds(timing["sweeps"]["spacing"]), 1)
        self.lag_child, self.lag_parent = (
            max(_list(truth["child_propagation"])),
            max(_list(truth["parent_propagation"])),
        )
        self.registration = truth["registration"]
        self.resign = world["signer"]["resign"]
        negative = start["zone"]["negative_ttl"]
        self.ds_old = max(start["ds_ttl"], world["parent"]["ttl"])
        nominal = world["signer"]["dnskey_ttl"]
        self.key_unknown = max(nominal, start["dnskey"]["ttl"])
        self.key_old = max(start["dnskey"]["ttl"], nominal if start["dnskey"]["keys"] else negative)
        self.zone_old = max(start["zone"]["ttl"], world["signer"]["zone_ttl"], negative)
        self.key_new = max(_list(truth["ttl_after"]["dnskey"])[0], nominal)
        self.ds_ttls = [max(ttl, world["parent"]["ttl"]) for ttl in _list(truth["ttl_after"]["ds"])]
        self.begin = max(self.agreed(rrset) for rrset in ("DS", "DNSKEY", "ZONE")) + self.confirm * self.sweeps
        """When every server of each RRset shows the state in which everything begins."""
        shown = self.agreed("ZONE") + self.sweeps
        self.any_key_may_sign = shown + self.resign + self.margin_child + self.zone_old
        """Until then a cache may hold data from before the first look, which any key may have signed: none leaves."""

    def agreed(self, rrset: str) -> int:
        start = self.world["start"]
        first = _content({"DS": start["ds"], "DNSKEY": start["dnskey"], "ZONE": start["zone"]}[rrset])
        lag = self.lag_parent if rrset == "DS" else self.lag_child
        past = [entry for entry in self.world["truth"].get("past", []) if entry["rrset"] == rrset]
        return max([0, *(entry["until"] + lag for entry in past if _content(entry["value"]) != first)])

    def child(self, at: int) -> int:
        """Return T_all of a change that the signer makes."""
        return at + self.lag_child + self.sweeps

    def parent(self, at: int) -> int:
        """Return T_all of a change that the parent is asked for."""
        return at + self.registration + self.lag_parent + self.sweeps


@dataclass
class Move:
    """The DS as it moves: when its first version with the new key and its last one are everywhere, and take effect."""

    first: int
    last: int
    effect: int
    oldest_gone: int
    """When no cache holds a DS RRset with an old DS."""


def move_ds(times: Times, add: int, swap: int) -> Move:
    """Return the fastest move of the DS: an addition from `add` on, a removal or swap from `swap` on."""
    parent, digests = times.world["parent"], len(times.world["policy"]["ds"]["digest_types"])
    single = parent["update"] == "one-at-a-time"
    if not single and parent["max_ds"] < 2 * digests:
        all_there = times.parent(swap)
        return Move(all_there, all_there, swap + times.registration, all_there + times.margin_parent + times.ds_old)
    moments, at = [], add
    for number in range(2 * digests if single else 2):
        if number == (digests if single else 1):
            at = max(at, swap)
        effect = at + times.registration
        at = times.parent(at)
        moments.append(at)
    ttls = [times.ds_old, *(times.ds_ttls[min(n, len(times.ds_ttls) - 1)] for n in range(len(moments) - 1))]
    oldest = max(moment + times.margin_parent + ttl for moment, ttl in zip(moments, ttls, strict=True))
    return Move(moments[0], moments[-1], effect, oldest)


def minimum(recipe: str, world: Document, *, confirm: bool = False) -> int:
    """Return the earliest `reached_at`, with one tick for the run that finds the goal confirmed."""
    return _end(recipe, Times(world, confirm)) + world["tick"]


def _end(recipe: str, times: Times) -> int:
    ends = {
        **dict.fromkeys(("add-first", "swap", "one-at-a-time"), _ksk),
        **dict.fromkeys(("csk", "to-csk", "to-split"), _csk), **dict.fromkeys(("liberal", "liberal-to-csk"), _liberal),
        "bootstrap": _bootstrap, "double-rrset": _double_rrset,
        "double-ds": _double_ds, "zsk": _zsk, "conservative": _conservative, "digest": _digest, "insecure": _insecure,
    }  # fmt: skip
    return ends[recipe](times)


def _ksk(times: Times) -> int:
    seen = times.child(times.begin)
    return _double(times, seen, seen + times.margin_child + times.key_old)


def _double_rrset(times: Times) -> int:
    seen = times.child(times.begin)
    early = seen if times.world["parent"]["checks_dnskey"] else times.begin
    return _double(times, early, seen + times.margin_child + times.key_old)


def _double_ds(times: Times) -> int:
    swapped = max(times.parent(times.begin) + times.margin_parent + times.ds_old, times.any_key_may_sign)
    return times.parent(times.child(swapped) + times.margin_child + times.key_old)


def _zsk(times: Times) -> int:
    switch = times.child(times.begin) + times.margin_child + times.key_old
    return times.child(times.child(switch) + times.resign + times.margin_child + times.zone_old)


def _csk(times: Times) -> int:
    seen = times.child(times.begin)
    cached = seen + times.margin_child + times.key_old
    signatures = times.child(cached) + times.resign + times.margin_child + times.zone_old
    return _double(times, seen, cached, also=signatures)


def _liberal(times: Times) -> int:
    ready = times.child(times.begin) + times.margin_child + max(times.key_old, times.resign + times.zone_old)
    return times.child(move_ds(times, ready, ready).oldest_gone + times.key_new)


def _conservative(times: Times) -> int:
    publish = times.child(times.begin) + times.resign + times.margin_child + times.zone_old
    ready = times.child(publish) + times.margin_child + times.key_old
    gone = move_ds(times, ready, ready).oldest_gone
    return times.child(times.child(gone) + times.margin_child + times.key_new)


def _insecure(times: Times) -> int:
    begin = times.agreed("DS") + times.confirm * times.sweeps
    return times.child(times.parent(begin) + times.margin_parent + times.ds_old + times.key_old)


def _double(times: Times, add: int, swap: int, *, also: int = 0) -> int:
    """Return the end of a move of the DS followed by the withdrawal of the old key: its DS leaves before it."""
    moved = move_ds(times, add, swap)
    cached = moved.first + times.margin_parent + times.ds_old
    withdraw = max(cached, moved.effect, also, times.any_key_may_sign)
    return max(moved.last, times.child(withdraw))


def _bootstrap(times: Times) -> int:
    signed = times.child(times.begin)
    unknown = times.agreed("DNSKEY") + times.sweeps + times.margin_child + times.key_unknown
    absent = signed + times.margin_child + times.key_old
    unsigned = signed + times.resign + times.margin_child + times.zone_old
    return times.parent(max(unknown, absent, unsigned))


def _digest(times: Times) -> int:
    before = {d["digest_type"] for d in times.world["start"]["ds"]}
    after = {DIGESTS[name] for name in times.world["policy"]["ds"]["digest_types"]}
    added, removed = after - before, before - after
    parent = times.world["parent"]
    if parent["update"] == "one-at-a-time":
        calls = len(added) + len(removed)
    elif parent["max_ds"] < len(before | after):
        calls = 1
    else:
        calls = bool(added) + bool(removed)
    at = times.begin
    for _ in range(calls):
        at = times.parent(at)
    return at
