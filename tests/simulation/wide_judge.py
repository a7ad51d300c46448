"""Everything that the contract says of a result, beyond caches: form, calls, parents, keys, foreign DS, claims."""

from __future__ import annotations

import json
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
    found, truth = [], world["truth"]
    faults = truth.get("faults", [])
    down = [(f["from"], f["until"]) for f in faults if f["kind"] == "no_run"]
    delays, accepted, made = as_list(truth["registration"]), 0, {"DS": 0, "DNSKEY": 0, "ZONE": 0}
    start = world["start"]
    value: dict[str, Any] = {"ZONE": sorted(start["zone"]["signers"])}
    if [e["at"] for e in result["events"]] != sorted(e["at"] for e in result["events"]):
        found.append("events are not in order")
    for event in result["events"]:
        at, call, rrset = event["at"], event["call"], event["rrset"]
        side = "parent" if rrset == "DS" else "child"
        arrivals = [at + lag for lag in as_list(truth[f"{side}_propagation"])]
        for index, arrival in enumerate(arrivals):
            for f in sorted(
                (f for f in faults if f["kind"] == "frozen" and f["server"] == f"{side}:{index}"),
                key=lambda f: f["from"],
            ):
                if f["from"] <= arrivals[index] < f["until"]:
                    arrivals[index] = f["until"]
            del arrival
        late = max(arrivals) + truth.get("unseen", {}).get(side, 0)
        if rrset == "ZONE":
            now = sorted(event["value"]["signers"])
            late += truth["resign"] if now != value["ZONE"] else 0
            value["ZONE"] = now
        if event["everywhere"] != late:
            found.append(f"everywhere of {rrset} at {at} is {event['everywhere']}, not {late}")
        if call is None:
            if not any(change["at"] == at and change["rrset"] == rrset for change in truth.get("changes", [])):
                found.append(f"nobody made the {rrset} of {at}")
            continue
        ttls = as_list(truth["ttl_after"][rrset.lower()])
        if event["ttl"] != ttls[min(made[rrset], len(ttls) - 1)]:
            found.append(f"TTL of version {made[rrset]} of {rrset} is {event['ttl']}")
        made[rrset] += 1
        if call % world["tick"] or any(a <= call < b for a, b in down):
            found.append(f"no run takes place at {call}")
        if rrset != "DS" and at != call:
            found.append(f"{rrset} of {call} at {at}")
    for event in sorted(
        (e for e in result["events"] if e["rrset"] == "DS" and e["call"] is not None), key=lambda e: e["call"]
    ):
        delay = delays[min(accepted, len(delays) - 1)]
        accepted += 1
        if event["at"] - event["call"] != delay:
            found.append(f"DS of the call at {event['call']} came after {event['at'] - event['call']}, not {delay}")
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
    shown = {d: BEGIN for d in triples(world["start"]["ds"])}
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
    extra += len(world["truth"].get("changes", []))  # others' edits may keep a target from ever showing
    allowed = len(made) + extra + sum((e["everywhere"] - e["call"] + silent) // budget for e in made)
    return (
        [f"{result['parent_calls']} calls to the parent for {len(made)} changes"]
        if result["parent_calls"] > allowed
        else []
    )


def claim(world: Document, result: Document) -> list[str]:
    """Check that what is claimed to be reached is reached, and what is reached is claimed in the end."""
    if not result["reached"]:
        return []
    at, start, found = result["reached_at"], world["start"], []
    values: dict[str, Any] = {"DS": start["ds"], "DNSKEY": start["dnskey"], "ZONE": start["zone"]}
    for event in result["events"]:
        if event["at"] <= at:
            values[event["rrset"]] = event["value"]
            hidden = world["truth"].get("unseen", {}).get("parent" if event["rrset"] == "DS" else "child", 0)
            hidden += world["truth"]["resign"] if event["rrset"] == "ZONE" else 0
            if (
                event["call"] is not None
                and event["everywhere"] - hidden > at
                and not any(f["kind"] == "lies" for f in world["truth"].get("faults", []))
            ):
                found.append(f"claimed before every server shows the {event['rrset']} of {event['at']}")
    found += unconfirmed(world, result)
    later = [e for e in result["events"] if e["call"] is not None and e["at"] > at]
    if later:
        found.append(f"claimed at {at}, and a change still comes at {later[0]['at']}")
    records, keys, signers = (
        triples(values["DS"]),
        {k["key"]: k for k in values["DNSKEY"]["keys"]},
        set(values["DNSKEY"]["signers"]),
    )
    data, mine = set(values["ZONE"]["signers"]), ours(world, result)
    if world["goal"]["dnssec"] == "insecure":
        return found + [
            f"{what} is left" for what, left in (("DS", records), ("DNSKEY", keys), ("signature", data)) if left
        ]
    scheme, algorithm, types = wants(world)
    own = {d for d in records if d[0] in mine}
    late = max((e["everywhere"] for e in result["events"] if e["rrset"] == "DS" and e["call"] is None), default=BEGIN)
    if records - own and late <= at and world["policy"].get("unknown_ds", "keep") != "keep":
        found.append(f"foreign DS {set(records - own)} are left under {world['policy'].get('unknown_ds')}")
    alien = set(keys) - mine  # never: what is published at the start is ours
    seps = {name for name, k in keys.items() if k["role"] != "zsk"} - alien
    if len(seps) != 1 or signers != seps or {d[0] for d in own} != seps:
        found.append(f"DS {set(records)} and signers {signers} for keys {set(keys)}")
    if {d[2] for d in own} != types and not (own <= triples(start["ds"]) and world["parent"]["form"] == "dnskey"):
        found.append(f"DS {set(records)} in place of digest types {types}")
    if scheme == "csk" and (len(keys) != 1 or data != seps):
        found.append(f"keys {set(keys)} with data signed by {data} under csk")
    if scheme == "ksk-zsk" and (len(keys) != 2 or len(data) != 1 or not data <= set(keys) - seps):
        found.append(f"keys {set(keys)} with data signed by {data} under ksk-zsk")
    if "keys" in world["goal"]:
        if set(keys) != set(world["goal"]["keys"]):
            found.append(f"keys {set(keys)} are not those pinned")
    elif any(k["algorithm"] != algorithm for k in keys.values()):
        found.append(f"algorithm {algorithm} is not that of all keys")
    rolled = {"ksk": seps, "csk": seps, "zsk": data}.get(world["goal"].get("roll", ""), set())
    if "keys" not in world["goal"] and rolled & {k["key"] for k in start["dnskey"]["keys"]}:
        found.append("the key was not rolled")
    return found


def unconfirmed(world: Document, result: Document) -> list[str]:
    """Say which version in force at the claim was not seen on every server in as many sweeps as the policy wants."""
    at, tick, found = result["reached_at"], world["tick"], []
    sweeps = world["policy"].get("timing", {}).get("sweeps", {})
    count, spacing = sweeps.get("count", 2), max(seconds(sweeps.get("spacing", "5m")), tick, 1)
    spacing = -(-spacing // tick) * tick
    for rrset in ("DS", "DNSKEY", "ZONE"):
        side = "parent" if rrset == "DS" else "child"
        lag = max(as_list(world["truth"][f"{side}_propagation"]))
        past = [entry["until"] for entry in world["truth"].get("past", []) if entry["rrset"] == rrset]
        shown = max([0, *(until + lag for until in past)])
        made = [e for e in result["events"] if e["rrset"] == rrset and e["at"] <= at and e["call"] is not None]
        shown = max([shown, *(e["at"] + lag for e in made)])
        first = -(-shown // tick) * tick
        if at < first + (count - 1) * spacing and not world["truth"].get("faults"):
            found.append(f"claimed at {at} before {count} sweeps of {rrset}, which is everywhere from {shown}")
    return found


def reason_of(result: Document) -> str:
    """Return the last things that the engine said."""
    last = result["moves"][-1:] or [{"move": "none"}]
    return "; ".join(f"{m['move']} {m.get('stage', '')}: {m.get('reason', '')}" for m in last)


def impossible(world: Document) -> str:
    """Return why no plan can reach the goal by the contract; empty if one should."""
    start, parent, policy = world["start"], world["parent"], world["policy"]
    served, insecure = triples(start["ds"]), world["goal"]["dnssec"] == "insecure"
    mine = {k["key"] for k in (*start["dnskey"]["keys"], *start.get("unpublished", []))}
    changes = [change for change in world["truth"].get("changes", []) if "add" in change]
    foreign = {d for d in served if d[0] not in mine} | {d for change in changes for d in triples(change["add"])}
    unknown = policy.get("unknown_ds", "keep")
    if foreign and (unknown == "block" or (insecure and unknown == "keep")):
        return "a foreign DS is in the way"
    if insecure:
        return "" if size(world, served) <= parent["max_ds"] else "the parent has more DS than it takes"
    scheme, algorithm, types = wants(world)
    if parent["form"] == "ds" and not types <= set(parent["digest_types"]):
        return "the parent does not take the digest type"
    kept = foreign if unknown == "keep" else set()
    profiles = policy.get("validators", ["lenient", "rfc4509", "hardened"])
    if "keys" in world["goal"]:
        algorithm = next(
            k["algorithm"]
            for k in (*start["dnskey"]["keys"], *start["unpublished"])
            if k["key"] in world["goal"]["keys"]
        )
    if kept and "hardened" in profiles and any(d[1] != algorithm for d in kept):
        return "a foreign DS of another algorithm stays, and hardened validators want its signatures"
    if kept and "hardened" in profiles and max(d[2] for d in kept) > max(types):
        return "a foreign DS of a stronger digest stays, and hardened validators look at no other"
    final = {("final", algorithm, t) for t in types} | kept
    if size(world, final) > parent["max_ds"] or size(world, served) > parent["max_ds"]:
        return "the parent has no room"
    both = served | {("final", algorithm, t) for t in types}
    if world["goal"].get("roll") in ("ksk", "csk") and not {d for d in served if d[0] in mine}:
        both |= {("first", algorithm, t) for t in types}  # it is signed, or repaired, and then rolled
    if parent["update"] == "one-at-a-time" and size(world, both | kept) > parent["max_ds"]:
        return "the parent has no room for both, and takes one record a call"
    if "keys" not in world["goal"] and _alike(world, algorithm):
        return "two keys look alike"
    return ""


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
