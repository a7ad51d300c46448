"""Everything that the contract says of a result, beyond caches: form, calls, parents, keys, foreign DS, claims."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
from oracle import ds_vanished, violations

import dnsplan.portfolio

Document = dict[str, Any]
SCHEMA = json.loads((Path(dnsplan.portfolio.__file__).parent / "schemas" / "simulation.json").read_text())
FORM = jsonschema.Draft202012Validator(SCHEMA)
NUMBERS = {"RSASHA256": 8, "RSASHA512": 10, "ECDSAP256SHA256": 13, "ECDSAP384SHA384": 14, "ED25519": 15, "ED448": 16}
DIGESTS = {"SHA-1": 1, "SHA-256": 2, "SHA-384": 4, 2: 2, 4: 4}


def as_list(value: int | list[int]) -> list[int]:
    return value if isinstance(value, list) else [value]


def seconds(text: str) -> int:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    return int(text[:-1]) * units[text[-1]]


def triples(records: list[Document]) -> frozenset[tuple[str, int, int]]:
    return frozenset((d["key"], d["algorithm"], d["digest_type"]) for d in records)


def wants(world: Document) -> tuple[str, int, set[int]]:
    """Return scheme, algorithm and digest types that the goal and the policy, or its defaults, ask for."""
    policy, roll = world["policy"], world["goal"].get("roll", "")
    scheme, algorithm = policy.get("scheme", "ksk-zsk"), policy.get("algorithm", "ECDSAP256SHA256")
    digests = policy.get("ds", {}).get("digest_types", ["SHA-256"])
    kind, _, what = roll.partition(":")
    scheme = what if kind == "scheme" else scheme
    algorithm = what if kind == "algorithm" else algorithm
    digests = what.split("+") if kind == "digest" else digests
    types = {DIGESTS[name] for name in digests}
    if world["parent"]["form"] == "dnskey":
        types = set(world["parent"]["digest_types"])
    return scheme, NUMBERS.get(algorithm, algorithm), types


def ours(world: Document, result: Document) -> set[str]:
    """Return the keys of which a DS is ours: published, held, pinned or made here; any other DS is foreign."""
    start = world["start"]
    names = {entry["key"] for entry in (*start["dnskey"]["keys"], *start.get("unpublished", []))}
    names |= set(world["goal"].get("keys", []))
    return names | {k["key"] for e in result["events"] if e["rrset"] == "DNSKEY" for k in e["value"]["keys"]}


def objections(world: Document, result: Document) -> list[str]:
    """Return everything that is wrong with a result."""
    found = [f"form: {error.message}" for error in FORM.iter_errors(result)]
    found += [f"bogus: {line}" for line in violations(world, result)[:3]]
    found += ["the engine left the zone without DS"] if ds_vanished(world, result) else []
    found += moments(world, result) + parent_rules(world, result) + foreign_rules(world, result)
    found += key_rules(world, result) + call_rules(world, result) + claim(world, result)
    return found


def moments(world: Document, result: Document) -> list[str]:
    """Check `at`, `call`, `everywhere` and `ttl` of each event against the world."""
    events, changes = result["events"], world["truth"].get("changes", [])
    found = [] if [e["at"] for e in events] == sorted(e["at"] for e in events) else ["events are not in order"]
    signed = sorted(world["start"]["zone"]["signers"])
    for event in events:
        at, rrset = event["at"], event["rrset"]
        late = arrival(world, rrset, at)
        if rrset == "ZONE":
            late += world["truth"]["resign"] if sorted(event["value"]["signers"]) != signed else 0
            signed = sorted(event["value"]["signers"])
        if event["everywhere"] != late:
            found.append(f"everywhere of {rrset} at {at} is {event['everywhere']}, not {late}")
        if event["call"] is None and not any(c["at"] == at and c["rrset"] == rrset for c in changes):
            found.append(f"nobody made the {rrset} of {at}")
    return found + calls_made(world, result)


def arrival(world: Document, rrset: str, at: int) -> int:
    """Return when the last instance serves what comes at `at`."""
    truth, side = world["truth"], "parent" if rrset == "DS" else "child"
    arrivals = []
    for index, lag in enumerate(as_list(truth[f"{side}_propagation"])):
        moment = at + lag
        frozen = [f for f in truth.get("faults", []) if f["kind"] == "frozen" and f["server"] == f"{side}:{index}"]
        for fault in sorted(frozen, key=lambda fault: fault["from"]):
            moment = fault["until"] if fault["from"] <= moment < fault["until"] else moment
        arrivals.append(moment)
    return int(max(arrivals) + truth.get("unseen", {}).get(side, 0))


def calls_made(world: Document, result: Document) -> list[str]:
    """Check the runs, the delays and the TTLs of the versions that the engine made."""
    truth, found, made = world["truth"], [], Counter[str]()
    down = [(f["from"], f["until"]) for f in truth.get("faults", []) if f["kind"] == "no_run"]
    delays = as_list(truth["registration"])
    for event in (event for event in result["events"] if event["call"] is not None):
        call, rrset = event["call"], event["rrset"]
        ttls = as_list(truth["ttl_after"][rrset.lower()])
        if event["ttl"] != ttls[min(made[rrset], len(ttls) - 1)] and not truth.get("changes"):  # one may be void
            found.append(f"TTL of version {made[rrset]} of {rrset} is {event['ttl']}")
        if call % world["tick"] or any(begin <= call < end for begin, end in down):
            found.append(f"no run takes place at {call}")
        delay = delays[min(made["DS"], len(delays) - 1)] if rrset == "DS" else 0
        if event["at"] - call != delay and not truth.get("changes"):
            found.append(f"{rrset} of the call at {call} came after {event['at'] - call}, not {delay}")
        made[rrset] += 1
    return found


def parent_rules(world: Document, result: Document) -> list[str]:
    """Check each accepted call against what the parent takes."""
    parent, found = world["parent"], []
    by_key = parent["form"] == "dnskey"
    line = sorted((e for e in result["events"] if e["rrset"] == "DS"), key=lambda e: e["at"])
    calm = all(e["call"] is not None for e in line)
    before = triples(world["start"]["ds"])
    keys = [(BEGIN, set(world["start"]["dnskey"]["signers"]))]
    keys += [(e["everywhere"], set(e["value"]["signers"])) for e in result["events"] if e["rrset"] == "DNSKEY"]
    for event in line:
        now = triples(event["value"])
        if event["call"] is not None:
            size = len({d[0] for d in now}) if by_key else len(now)
            most = max(parent["max_ds"], len({d[0] for d in before}) if by_key else len(before))
            if size > most and calm:
                found.append(f"{size} DS, the parent takes {parent['max_ds']}")
            moved = now ^ before
            moves = len({d[0] for d in moved}) if by_key else len(moved)
            if parent["update"] == "one-at-a-time" and moves > 1 and calm:
                found.append(f"{moves} records in one call")
        before = now
    return found


BEGIN = -(1 << 60)


def foreign_rules(world: Document, result: Document) -> list[str]:
    """Under `keep` and `block` no DS of a stranger leaves by the engine's hand once every server showed it."""
    if world["policy"].get("unknown_ds", "keep") == "remove":
        return []
    mine, found = ours(world, result), []
    line = sorted((e for e in result["events"] if e["rrset"] == "DS"), key=lambda e: e["at"])
    previous = {"value": world["start"]["ds"], "at": BEGIN, "everywhere": BEGIN, "call": None}
    shown = dict.fromkeys(triples(world["start"]["ds"]), BEGIN)
    for event in line:
        now = triples(event["value"])
        if event["call"] is not None:
            gone = {d for d in triples(previous["value"]) - now if d[0] not in mine}
            seen = {d for d in gone if shown[d] <= event["call"]}
            if seen:
                found.append(f"the foreign DS {seen} was removed by the call of {event['call']}")
            elif gone and world["parent"]["update"] != "replace":
                found.append(f"the foreign DS {gone} was swallowed by a call of single records at {event['call']}")
        for d in now:
            shown.setdefault(d, event["everywhere"])
        shown = {d: at for d, at in shown.items() if d in now}
        previous = event
    return found


def key_rules(world: Document, result: Document) -> list[str]:
    """At most one new key per role and rollover; none with pinned keys."""
    if "keys" in world["goal"]:
        return [f"{result['keys_created']} keys were created though keys are pinned"] if result["keys_created"] else []
    if world["goal"]["dnssec"] == "insecure":
        return [f"{result['keys_created']} keys for an insecure zone"] if result["keys_created"] else []
    scheme, algorithm, _ = wants(world)
    roles = ["csk"] if scheme == "csk" else ["ksk", "zsk"]
    start = world["start"]
    there = [k["role"] for k in start["dnskey"]["keys"] if k["algorithm"] == algorithm]
    rolled = world["goal"].get("roll") in ("ksk", "zsk", "csk")
    needed = sum(role not in there for role in roles) + rolled
    broken = not ({d["key"] for d in world["start"]["ds"]} & set(world["start"]["dnskey"]["signers"]))
    most = 2 * len(roles) if broken or world["truth"].get("changes") else needed
    return [f"{result['keys_created']} keys were created"] if result["keys_created"] > most else []


def call_rules(world: Document, result: Document) -> list[str]:
    """No second submission of what is under way, beyond one per registration budget; no needless calls."""
    faults = world["truth"].get("faults", [])
    extra = sum(f["kind"] in ("swallowed", "rejected", "crash") for f in faults)
    budget = seconds(world["policy"].get("timing", {}).get("registration_budget", "48h"))
    made = [e for e in result["events"] if e["rrset"] == "DS" and e["call"] is not None]
    silent = sum(f["until"] - f["from"] for f in faults if f["kind"] in ("silent", "lame", "lies", "frozen", "no_run"))
    if world["truth"].get("changes"):
        return []  # others' edits may keep a target from ever showing, or make the parent refuse it for a while
    allowed = len(made) + extra + sum((e["everywhere"] - e["call"] + silent) // budget for e in made)
    return (
        [f"{result['parent_calls']} calls to the parent for {len(made)} changes"]
        if result["parent_calls"] > allowed
        else []
    )


def claim(world: Document, result: Document) -> list[str]:
    """Check that what is claimed to be reached is reached and confirmed."""
    if not result["reached"]:
        return []
    at, start, truth = result["reached_at"], world["start"], world["truth"]
    found = unconfirmed(world, result)
    values: dict[str, Any] = {"DS": start["ds"], "DNSKEY": start["dnskey"], "ZONE": start["zone"]}
    lies = any(fault["kind"] == "lies" for fault in truth.get("faults", []))  # what is unsigned cannot be told from one
    for event in result["events"]:
        rrset = event["rrset"]
        if event["at"] <= at:
            values[rrset] = event["value"]
        elif event["call"] is not None:
            found.append(f"claimed at {at}, and a change still comes at {event['at']}")
        hidden = truth.get("unseen", {}).get("parent" if rrset == "DS" else "child", 0)
        hidden += truth["resign"] if rrset == "ZONE" else 0
        if event["call"] is not None and event["at"] <= at < event["everywhere"] - hidden and not lies:
            found.append(f"claimed before every server shows the {rrset} of {event['at']}")
    if world["goal"]["dnssec"] == "insecure":
        left = (("DS", values["DS"]), ("DNSKEY", values["DNSKEY"]["keys"]), ("signature", values["ZONE"]["signers"]))
        return found + [f"{what} is left" for what, some in left if some]
    return found + signed_as_wanted(world, result, values)


def signed_as_wanted(world: Document, result: Document, values: dict[str, Any]) -> list[str]:
    """Check the definition of `signed` on the values in force at the claim."""
    records, keys = triples(values["DS"]), {k["key"]: k for k in values["DNSKEY"]["keys"]}
    signers, data, mine = set(values["DNSKEY"]["signers"]), set(values["ZONE"]["signers"]), ours(world, result)
    scheme, algorithm, types = wants(world)
    own, unknown = {d for d in records if d[0] in mine}, world["policy"].get("unknown_ds", "keep")
    edits = [e["everywhere"] for e in result["events"] if e["rrset"] == "DS" and e["call"] is None]
    seps = {name for name, k in keys.items() if k["role"] != "zsk"}
    split = len(keys) == 2 and len(data) == 1 and data <= set(keys) - seps
    chosen_by_parent = world["parent"]["form"] == "dnskey" and own <= triples(world["start"]["ds"])
    pinned, start = world["goal"].get("keys"), {k["key"] for k in world["start"]["dnskey"]["keys"]}
    rolled = {"ksk": seps, "csk": seps, "zsk": data}.get(world["goal"].get("roll", ""), set())
    wrong = {
        f"foreign DS {set(records - own)} are left under {unknown}": records - own
        and unknown != "keep"
        and max(edits, default=BEGIN) <= result["reached_at"],
        f"DS {set(records)} and signers {signers} for keys {set(keys)}": len(seps) != 1
        or signers != seps
        or {d[0] for d in own} != seps,
        f"DS {set(records)} in place of digest types {types}": {d[2] for d in own} != types and not chosen_by_parent,
        f"keys {set(keys)} with data signed by {data} under {scheme}": not split
        if scheme == "ksk-zsk"
        else len(keys) != 1 or data != seps,
        f"keys {set(keys)} are not those pinned": pinned is not None and set(keys) != set(pinned),
        f"algorithm {algorithm} is not that of all keys": pinned is None
        and any(k["algorithm"] != algorithm for k in keys.values()),
        "the key was not rolled": pinned is None and rolled & start,
    }
    return [line for line, is_wrong in wrong.items() if is_wrong]


def unconfirmed(world: Document, result: Document) -> list[str]:
    """Say which version in force at the claim was not seen on every server in as many sweeps as the policy wants."""
    at, tick, found = result["reached_at"], world["tick"], []
    sweeps = world["policy"].get("timing", {}).get("sweeps", {})
    count, spacing = sweeps.get("count", 2), max(seconds(sweeps.get("spacing", "5m")), tick, 1)
    spacing = -(-spacing // tick) * tick
    for rrset in ("DS", "DNSKEY", "ZONE"):
        side = "parent" if rrset == "DS" else "child"
        lag = max(as_list(world["truth"][f"{side}_propagation"]))
        start = {"DS": world["start"]["ds"], "DNSKEY": world["start"]["dnskey"], "ZONE": world["start"]["zone"]}[rrset]
        past = [entry for entry in world["truth"].get("past", []) if entry["rrset"] == rrset]
        shown = max([0, *(entry["until"] + lag for entry in past if content(entry["value"]) != content(start))])
        made = [e for e in result["events"] if e["rrset"] == rrset and e["at"] <= at and e["call"] is not None]
        shown = max([shown, *(e["at"] + lag for e in made)])
        first = -(-shown // tick) * tick
        if at < first + (count - 1) * spacing and not world["truth"].get("faults"):
            found.append(f"claimed at {at} before {count} sweeps of {rrset}, which is everywhere from {shown}")
    return found


def content(value: Any) -> Any:
    if isinstance(value, list):
        return triples(value)
    return {key["key"] for key in value.get("keys", [])}, set(value["signers"])


def reason_of(result: Document) -> str:
    """Return the last things that the engine said."""
    last = result["moves"][-1:] or [{"move": "none"}]
    return "; ".join(f"{m['move']} {m.get('stage', '')}: {m.get('reason', '')}" for m in last)


def impossible(world: Document) -> str:
    """Return why no plan can reach the goal by the contract; empty if one should."""
    start, parent, policy, goal = world["start"], world["parent"], world["policy"], world["goal"]
    held = {k["key"]: k["algorithm"] for k in (*start["dnskey"]["keys"], *start.get("unpublished", []))}
    served, unknown = triples(start["ds"]), policy.get("unknown_ds", "keep")
    foreign = {d for d in served if d[0] not in held}
    kept, insecure = foreign if unknown == "keep" else set(), goal["dnssec"] == "insecure"
    _, algorithm, types = wants(world)
    algorithm = held[goal["keys"][0]] if "keys" in goal else algorithm
    hardened = "hardened" in policy.get("validators", ["hardened"])
    final = {("final", algorithm, t) for t in types}
    rolled_later = (
        goal.get("roll") in ("ksk", "csk") and served <= foreign
    )  # it is signed, or repaired, and then rolled
    both = served | final | ({("first", algorithm, t) for t in types} if rolled_later else set()) | kept
    single = parent["update"] == "one-at-a-time"
    reasons = {
        "a foreign DS is in the way": foreign and (unknown == "block" or (insecure and unknown == "keep")),
        "the parent has more DS than it takes": size(world, served) > parent["max_ds"],
    }
    if not insecure:
        reasons |= {
            "the parent does not take the digest type": parent["form"] == "ds"
            and not types <= {*parent["digest_types"]},
            "a foreign DS stays, and hardened validators want its signatures": hardened
            and any(d[1] != algorithm or d[2] > max(types) for d in kept),
            "the parent has no room": size(world, final | kept) > parent["max_ds"],
            "the parent has no room for both, one record a call": single and size(world, both) > parent["max_ds"],
            "two keys look alike": "keys" not in goal and _alike(world, algorithm),
        }
    return next((reason for reason, holds in reasons.items() if holds), "")


def size(world: Document, records: Any) -> int:
    return len({d[0] for d in records}) if world["parent"]["form"] == "dnskey" else len(records)


def _alike(world: Document, algorithm: int) -> bool:
    start, role = world["start"], "csk" if wants(world)[0] == "csk" else "ksk"
    named = {d["key"] for d in start["ds"]}
    working = [
        k["key"]
        for k in start["dnskey"]["keys"]
        if k["key"] in start["dnskey"]["signers"] and k["role"] == role and k["algorithm"] == algorithm
    ]
    return len(working) > 1 and world["goal"].get("roll") not in ("ksk", "csk") and (len(named & set(working)) != 1)
