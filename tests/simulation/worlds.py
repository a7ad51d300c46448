"""Random worlds for each recipe, from a seed."""

from __future__ import annotations

from random import Random


def ds(key: str, digest: int = 2, algorithm: int = 13) -> dict:
    return {"key": key, "algorithm": algorithm, "digest_type": digest}


def key(name: str, role: str, algorithm: int = 13) -> dict:
    return {"key": name, "algorithm": algorithm, "role": role}


KSK_RECIPES = ("add-first", "swap", "one-at-a-time", "double-ds", "double-rrset")
RECIPES = (
    "bootstrap", *KSK_RECIPES, "zsk", "csk", "to-csk", "to-split", "liberal", "conservative", "liberal-to-csk",
    "digest", "insecure",
)  # fmt: skip
ROLLS = {
    **dict.fromkeys(KSK_RECIPES, "ksk"), "zsk": "zsk", "csk": "csk", "to-csk": "scheme:csk", "to-split":
    "scheme:ksk-zsk", "liberal": "algorithm:ED25519", "conservative": "algorithm:ED25519",
    "liberal-to-csk": "algorithm:ED25519",
}  # fmt: skip
NAMES = {1: "SHA-1", 2: "SHA-256", 4: "SHA-384"}


def world(recipe: str, seed: int, *, faults: bool = False, gates_exact: bool = False) -> dict:
    """Return a world; with `faults` its servers, calls and runs fail in random ways."""
    random = Random(f"{recipe}/{seed}/{faults}")
    lags = [random.randint(0, 15) for _ in range(random.randint(1, 3))]
    parent_lags = [random.randint(0, 15) for _ in range(random.randint(1, 3))]
    lags[random.randrange(len(lags))] = 0
    parent_lags[random.randrange(len(parent_lags))] = 0
    child_margin, parent_margin = random.randint(0, 10), random.randint(0, 10)
    ds_ttl, key_ttl, zone_ttl = (random.randint(5, 90) for _ in range(3))
    negative = random.randint(5, 60)
    resign = random.choice([0, 0, random.randint(0, 30)])
    digests = random.choice([[2], [2], [4], [2, 4]])
    exact = gates_exact or random.random() < 0.5
    keys = [] if recipe == "bootstrap" else [key("k1", "ksk"), key("z1", "zsk")]
    if recipe in ("csk", "to-split"):
        keys = [key("k1", "csk")]
    sep = ["k1"] if keys else []
    data = [entry["key"] for entry in keys if entry["role"] != "ksk"]
    before = random.choice([[1], [2], [4], [1, 2], [2, 4]]) if recipe == "digest" else digests
    while recipe == "digest" and digests == before:
        digests = random.choice([[2], [4], [2, 4]])
    start_ds = [ds("k1", digest) for digest in before] if keys else []
    most = len({*digests, *before}) if recipe == "digest" else 2 * len(digests)
    limit = {"swap": len(digests), "one-at-a-time": most}.get(recipe, most + random.randint(0, 3))
    update = {"one-at-a-time": "one-at-a-time", "swap": "replace"}.get(recipe, random.choice(["replace", "add-remove"]))
    if recipe not in (*KSK_RECIPES, "bootstrap", "insecure"):
        update = random.choice(["replace", "add-remove", "one-at-a-time"])
        if update != "one-at-a-time" and random.random() < 0.3:
            limit = max(len(digests), len(before))
    goal = {"dnssec": "insecure"} if recipe == "insecure" else {"dnssec": "signed"}
    if recipe in ROLLS:
        goal["roll"] = ROLLS[recipe]
    if recipe == "digest":
        goal["roll"] = "digest:" + "+".join(NAMES[digest] for digest in digests)
    profiles = ["lenient", "rfc4509", "hardened"]
    if recipe == "conservative" or (recipe not in ("liberal", "liberal-to-csk") and random.random() < 0.2):
        profiles.append("strict4035")
    result = {
        "id": f"{recipe}/{seed}", "now": "2026-11-24T00:00:00Z", "zone": "example.ch",
        "tick": random.choice([1, 1, 1, 7]),
        "until": 6000, "goal": goal,
        "policy": {
            "policy": "world", "algorithm": "ED25519" if "algorithm" in goal.get("roll", "") else "ECDSAP256SHA256",
            "scheme": "csk" if recipe in ("csk", "to-csk", "liberal-to-csk") else "ksk-zsk",
            "ksk": {"rollover": recipe if recipe in ("double-ds", "double-rrset") else "double-ksk"},
            "algorithm_rollover": "conservative" if recipe == "conservative" else "liberal",
            "ds": {"digest_types": [NAMES[d] for d in digests], "ttl_max": f"{ds_ttl}s"},
            "dnskey": {"ttl": f"{key_ttl}s"}, "validators": profiles, "unknown_ds": "keep",
            "timing": {
                "child_margin": f"{child_margin}s", "parent_margin": f"{parent_margin}s", "registration_budget": "200s",
                "sweeps": {"count": random.choice([1, 1, 2]), "spacing": f"{random.choice([0, 3])}s"},
            },
        },
        "start": {
            "ds": start_ds, "ds_ttl": ds_ttl, "unpublished": [],
            "dnskey": {"keys": keys, "signers": sep, "ttl": key_ttl if keys else negative},
            "zone": {"signers": data, "ttl": zone_ttl, "negative_ttl": negative},
        },
        "parent": {
            "update": update, "max_ds": limit, "form": "ds", "digest_types": [1, 2, 4],
            "checks_dnskey": random.random() < 0.3 and recipe != "double-ds", "ttl": ds_ttl,
        },
        "signer": {"resign": resign, "dnskey_ttl": key_ttl, "zone_ttl": zone_ttl},
        "truth": {
            "child_propagation": lags, "parent_propagation": parent_lags, "registration": random.randint(0, 40),
            "resign": resign if exact else random.randint(0, resign),
            "unseen": {"child": child_margin, "parent": parent_margin} if exact else {},
            "ttl_after": {
                "ds": [random.randint(1, 90), random.randint(1, 90)], "dnskey": [random.randint(1, 90)],
                "zone": [random.randint(1, 90)],
            },
        },
    }  # fmt: skip
    if faults:
        _spoil(result, random)
    _remember(result, Random(f"past/{recipe}/{seed}/{faults}"))
    return result


def _remember(result: dict, random: Random) -> None:
    """Let half of the worlds have served something else before; its TTLs are not above the nominal ones."""
    start, nominal, past = result["start"], result["signer"], []
    signed = bool(start["ds"])
    if random.random() < 0.5:
        return
    old = "k0 z0" if not signed else random.choice(["k0 z1", "k1 z0", "k1 z1"])
    ksk, zsk = old.split()
    keys = {name: key(name, role) for name, role in ((ksk, "ksk"), (zsk, "zsk"))}
    keys |= {entry["key"]: entry for entry in start["dnskey"]["keys"]}
    zsk = zsk if zsk in start["zone"]["signers"] or zsk == "z0" else "k1" if start["zone"]["signers"] else zsk
    if random.random() < 0.7:
        value = {"keys": list(keys.values()), "signers": [ksk]}
        ttl = random.randint(1, nominal["dnskey_ttl"])
        past.append({"rrset": "DNSKEY", "until": -random.randint(0, 40), "ttl": ttl, "value": value})
    if random.random() < 0.7:
        ttl = random.randint(1, nominal["zone_ttl"])
        past.append({"rrset": "ZONE", "until": -random.randint(0, 40), "ttl": ttl, "value": {"signers": [zsk]}})
    if random.random() < 0.5 and signed:
        ttl = random.randint(1, result["parent"]["ttl"])
        value = random.choice([[], [*start["ds"], ds("k0", start["ds"][0]["digest_type"])]])
        past.append({"rrset": "DS", "until": -random.randint(0, 40), "ttl": ttl, "value": value})
    result["truth"]["past"] = past


def _spoil(result: dict, random: Random) -> None:
    truth, faults = result["truth"], []
    for _ in range(random.randint(1, 4)):
        kind = random.choice(["silent", "lame", "lies", "frozen", "no_run", "swallowed", "rejected", "crash", "crash"])
        begin = random.randint(0, 200)
        end = begin + random.randint(1, 120)
        if kind in ("swallowed", "rejected"):
            faults.append({"kind": kind, "call": random.randint(1, 3)})
        elif kind == "crash":
            faults.append({"kind": kind, "call": random.randint(1, 8), "when": random.choice(["before", "after"])})
        elif kind == "no_run":
            faults.append({"kind": kind, "from": begin, "until": end})
        else:
            side, lags = random.choice([("parent", "parent_propagation"), ("child", "child_propagation")])
            index = random.randrange(len(truth[lags]))
            faults.append({"kind": kind, "server": f"{side}:{index}", "from": begin, "until": end})
    truth["faults"] = faults
    seen = {fault["kind"] for fault in faults} <= {"frozen", "swallowed", "rejected"} and result["tick"] == 1
    if seen and random.random() < 0.8:  # a TTL that no sweep can see cannot be known
        at = random.randint(1, 200)
        rrset = random.choice(["DS", "DNSKEY", "ZONE"])
        truth["changes"] = [{"at": at, "rrset": rrset, "ttl": random.randint(1, 200)}]
    if random.random() < 0.2 and result["goal"]["dnssec"] == "signed" and result["start"]["ds"]:
        result["parent"]["max_ds"] += 1
        digest = result["start"]["ds"][0]["digest_type"]
        at = random.randint(1, 150)
        foreign = {"at": at, "rrset": "DS", "add": [ds("foreign", digest)]}
        gone = {"at": at + random.randint(1, 90), "rrset": "DS", "remove": [ds("foreign", digest)]}
        edits = [foreign] if random.random() < 0.5 else [foreign, gone]
        truth["changes"] = sorted([*truth.get("changes", []), *edits], key=lambda change: change["at"])
