"""An independent judge of a simulated run. It shares no code with the program: it knows caches and validators only.

Written from the contract's text: what a cache may hold when, what a validated DNSKEY set is trusted for, and what four
kinds of validating resolvers accept. Exact interval arithmetic, no sampling.
"""

from __future__ import annotations

from itertools import product

INFINITY = 1 << 60
BEFORE = -(1 << 60)


def timeline(world: dict, result: dict, rrset: str) -> list[dict]:
    """Every version with the interval in which a cache may hold it."""
    start, truth = world["start"], world["truth"]
    lag = truth["parent_propagation" if rrset == "DS" else "child_propagation"]
    lag = max(lag) if isinstance(lag, list) else lag
    unseen = truth.get("unseen", {}).get("parent" if rrset == "DS" else "child", 0)
    past = sorted((p for p in truth.get("past", []) if p["rrset"] == rrset), key=lambda p: p["until"])
    versions, at = [], BEFORE
    for entry in past:
        versions.append({"at": at, "value": form(rrset, entry["value"]), "ttl": entry["ttl"], "ours": False})
        at = entry["until"]
    first = {"DS": start["ds"], "DNSKEY": start["dnskey"], "ZONE": start["zone"]}[rrset]
    ttl = {"DS": start["ds_ttl"], "DNSKEY": start["dnskey"]["ttl"], "ZONE": start["zone"]["ttl"]}[rrset]
    versions.append({"at": at, "value": form(rrset, first), "ttl": ttl, "ours": False})
    for index, version in enumerate(versions[1:], 1):
        resign = truth["resign"] if rrset == "ZONE" and versions[index - 1]["value"] != version["value"] else 0
        version["everywhere"] = version["at"] + lag + unseen + resign
    versions += [
        {
            "at": event["at"],
            "value": form(rrset, event["value"]),
            "ttl": event["ttl"],
            "everywhere": event["everywhere"],
            "ours": event["call"] is not None and not overtaken(event, result),
        }
        for event in result["events"]
        if event["rrset"] == rrset
    ]
    negative = start["zone"].get("negative_ttl", 0)
    for version in versions:
        if rrset == "ZONE" or (rrset == "DNSKEY" and not version["value"][0]):
            version["ttl"] = max(version["ttl"], negative)
    for index, version in enumerate(versions):
        later = [v["everywhere"] for v in versions[index + 1 :]]
        version["end"] = min(later) + version["ttl"] if later else INFINITY
        version["before"] = versions[index - 1] if index else None
    return versions


def overtaken(event: dict, result: dict) -> bool:
    """Tell whether somebody changed the DS between a call and its effect, which nobody could know at the call."""
    others = [e["at"] for e in result["events"] if e["rrset"] == event["rrset"] == "DS" and e["call"] is None]
    return any(event["call"] < at <= event["at"] for at in others)


def form(rrset: str, value: object) -> object:
    if rrset == "DS":
        return frozenset((d["key"], d["algorithm"], d["digest_type"]) for d in value)
    if rrset == "DNSKEY":
        return frozenset((k["key"], k["algorithm"]) for k in value["keys"]), frozenset(value["signers"])
    return frozenset(value["signers"])


def looked_at(profile: str, ds: frozenset) -> frozenset:
    if profile == "hardened" and ds:
        best = max(digest for _, _, digest in ds)
        return frozenset(d for d in ds if d[2] == best)
    if profile in ("rfc4509", "strict4035") and any(digest > 1 for _, _, digest in ds):
        return frozenset(d for d in ds if d[2] > 1)
    return ds


def keys_validate(profile: str, ds: frozenset, dnskey: tuple) -> bool:
    keys, signers = dnskey
    names = {key for key, _ in keys}
    chosen = looked_at(profile, ds)
    hits = {d[1] for d in chosen if d[0] in names and d[0] in signers}
    if profile == "hardened":
        return bool(hits) and all(d[1] in hits for d in chosen)
    if profile == "strict4035":
        return bool(hits) and all(any(k in signers and a == algorithm for k, a in keys) for _, algorithm in keys)
    return bool(hits)


def data_validate(profile: str, ds: frozenset, dnskey: tuple, signers: frozenset) -> bool:
    keys, _ = dnskey
    algorithms = {algorithm for key, algorithm in keys if key in signers}
    if profile == "hardened":
        return all(d[1] in algorithms for d in looked_at(profile, ds))
    if profile == "strict4035":
        return bool(algorithms) and all(algorithm in algorithms for _, algorithm in keys)
    return bool(algorithms)


def fails(profile: str, ds: frozenset, dnskey: tuple, signers: frozenset) -> bool:
    if not looked_at(profile, ds):
        return False
    return not (keys_validate(profile, ds, dnskey) and data_validate(profile, ds, dnskey, signers))


def violations(world: dict, result: dict) -> list[str]:
    """Every combination that some resolver may hold, that fails, and that a change of the engine brought about."""
    profiles = world["policy"].get("validators", ["lenient", "rfc4509", "hardened"])
    lines = [timeline(world, result, rrset) for rrset in ("DS", "DNSKEY", "ZONE")]
    found = []
    for ds, dnskey, zone in product(*lines):
        for profile in profiles:
            if not looked_at(profile, ds["value"]):
                continue
            window = combined(profile, ds, dnskey, zone)
            if window is None or not fails(profile, ds["value"], dnskey["value"], zone["value"]):
                continue
            if excused(profile, (ds, dnskey, zone)):
                continue
            found.append(
                f"{profile} {window}: DS {set(ds['value'])} DNSKEY {dnskey['value']} ZONE {set(zone['value'])}"
            )
    return found


def combined(profile: str, ds: dict, dnskey: dict, zone: dict) -> tuple[int, int] | None:
    begin, together = max(ds["at"], dnskey["at"]), min(ds["end"], dnskey["end"])
    if begin >= together:
        return None
    end = together
    if keys_validate(profile, ds["value"], dnskey["value"]):
        end = min(dnskey["end"], together + dnskey["ttl"])
    begin, end = max(begin, zone["at"]), min(end, zone["end"])
    return (begin, end) if begin < end else None


def excused(profile: str, members: tuple[dict, dict, dict]) -> bool:
    """Tell whether the newest change is not the engine's, or all was bad already with what stood there before."""
    newest = max(members, key=lambda version: version["at"])
    together = [version for version in members if version["at"] == newest["at"] and version["ours"]]
    if not newest["ours"] and not together:
        return True
    before = [v["before"] if v in together and v["before"] is not None else v for v in members]
    return fails(profile, before[0]["value"], before[1]["value"], before[2]["value"])


def ds_vanished(world: dict, result: dict) -> bool:
    """Tell whether the engine left the zone without a DS although it is to stay signed."""
    if world["goal"]["dnssec"] == "insecure":
        return False
    line = timeline(world, result, "DS")
    return any(v["ours"] and not v["value"] and v["before"]["value"] for v in line)


def shortfall(world: dict, result: dict) -> list[str]:
    """Say in what a run that claims its goal has not reached it; empty if it has, or claims nothing."""
    if not result["reached"]:
        return []
    lines = {rrset: timeline(world, result, rrset) for rrset in ("DS", "DNSKEY", "ZONE")}
    at = result["reached_at"]
    now = {rrset: [version for version in line if version["at"] <= at][-1] for rrset, line in lines.items()}
    missing = [f"not every server has the {rrset}" for rrset in now if not shown(world, rrset, now[rrset], at)]
    ds, (keys, signers), data = (now[rrset]["value"] for rrset in ("DS", "DNSKEY", "ZONE"))
    if world["goal"]["dnssec"] == "insecure":
        left = (("a DS", ds), ("a key", keys), ("a signature", data))
        return missing + [f"{what} is left" for what, some in left if some]
    names = {key for key, _ in keys}
    ours = {d for d in ds if d[0] in names}
    vouched, wanted = {d[0] for d in ours}, digest_types(world)
    if len(vouched) != 1 or vouched != signers or {d[2] for d in ours} != wanted:
        missing.append(f"the DS {set(ds)} do not name the one key that signs the keys, {set(signers)}")
    csk = world["policy"].get("scheme", "ksk-zsk") == "csk"
    if len(names) != (1 if csk else 2) or len(data) != 1 or not data <= names or (data == vouched) != csk:
        missing.append(f"keys {names} are left, of which {set(data)} sign data")
    algorithm = {"ECDSAP256SHA256": 13, "ED25519": 15}[world["policy"].get("algorithm", "ECDSAP256SHA256")]
    if "keys" not in world["goal"] and any(number != algorithm for _, number in keys):
        missing.append(f"keys of other algorithms are left: {set(keys)}")
    rolled = {"ksk": vouched, "csk": vouched, "zsk": data}.get(world["goal"].get("roll"), set())
    if rolled & {entry["key"] for entry in world["start"]["dnskey"]["keys"]}:
        missing.append("the key was not rolled")
    return missing


def shown(world: dict, rrset: str, version: dict, at: int) -> bool:
    """Tell whether every server that can be seen serves the version when the run says so."""
    side = "parent" if rrset == "DS" else "child"
    truth = world["truth"]
    lying = any(f["kind"] == "lies" and f["server"].startswith(side) for f in truth.get("faults", []))
    if not version["ours"] or lying:
        return True  # what is unsigned on purpose cannot be told from a lie
    late = truth.get("unseen", {}).get(side, 0) + (truth["resign"] if rrset == "ZONE" else 0)
    return version["everywhere"] - late <= at


def digest_types(world: dict) -> set[int]:
    if world["parent"]["form"] == "dnskey":
        return set(world["parent"]["digest_types"])
    return {{"SHA-1": 1, "SHA-256": 2, "SHA-384": 4}[name] for name in world["policy"]["ds"]["digest_types"]}
