"""Random worlds over everything that the contract's schema allows: start states of every kind, goals, parents, faults.

Where a start state makes a goal impossible by the contract (a foreign DS under `block`, a parent without room, two keys
that look alike), `expected` says so.
"""

from __future__ import annotations

from random import Random
from typing import Any

from worlds import NAMES, ds, key

ALGORITHMS = {8: "RSASHA256", 13: "ECDSAP256SHA256", 15: "ED25519"}
STATES = (
    "unsigned", "unsigned-leftover", "signed-no-ds", "half-signed-no-ds", "signed", "two-ksk-first", "two-ksk-both",
    "two-ksk-second", "standby", "dangling-held", "dangling-foreign", "two-algorithms", "two-algorithms-both-ds",
    "two-algorithms-second-ds", "algorithm-split", "broken", "broken-not-signing", "stale-zsk", "two-zsk-signing",
    "csk", "two-csk", "csk-beside-split", "split-beside-csk", "mixed-digests", "foreign-key", "data-signed-ahead",
    "data-signed-behind", "ksk-published-not-signing",
)  # fmt: skip
GOALS = ("none", "ksk", "zsk", "csk", "algorithm", "digest", "scheme", "keys", "insecure")
MADE = ([2], [2, 4], [4], [1, 2])
TAKEN = ([1, 2, 4], [1, 2, 4], [2, 4])
Document = dict[str, Any]


def start_of(state: str, random: Random, a: int, b: int, digests: list[int]) -> Document:
    """Return DS, keys, signers, data signers and unpublished keys of a start state; `a` is in use, `b` another."""
    d = digests
    k1, k2, z1, z2 = key("k1", "ksk", a), key("k2", "ksk", a), key("z1", "zsk", a), key("z2", "zsk", a)
    k8, z8, c1, c2 = key("k8", "ksk", b), key("z8", "zsk", b), key("c1", "csk", a), key("c2", "csk", a)

    def of(*names: str, types: list[int] = d, algorithm: int = a) -> list[Document]:
        return [ds(name, t, algorithm) for name in names for t in types]

    table: dict[str, tuple[list[Document], list[Document], str, str]] = {
        "unsigned": ([], [], "", ""),
        "unsigned-leftover": ([], [], "", "z1"),
        "signed-no-ds": ([], [k1, z1], "k1", "z1"),
        "half-signed-no-ds": ([], [k1, z1], "k1", ""),
        "signed": (of("k1"), [k1, z1], "k1", "z1"),
        "two-ksk-first": (of("k1"), [k1, k2, z1], "k1 k2", "z1"),
        "two-ksk-both": (of("k1", "k2"), [k1, k2, z1], "k1 k2", "z1"),
        "two-ksk-second": (of("k2"), [k1, k2, z1], "k1 k2", "z1"),
        "standby": (of("k1"), [k1, k2, z1], "k1", "z1"),
        "dangling-held": (of("k1", "k2"), [k1, z1], "k1", "z1"),
        "dangling-foreign": (of("k1", "f1"), [k1, z1], "k1", "z1"),
        "two-algorithms": (of("k1"), [k1, z1, k8, z8], "k1 k8", "z1 z8"),
        "two-algorithms-both-ds": (of("k1") + of("k8", algorithm=b), [k1, z1, k8, z8], "k1 k8", "z1 z8"),
        "two-algorithms-second-ds": (of("k8", algorithm=b), [k1, z1, k8, z8], "k1 k8", "z1 z8"),
        "algorithm-split": (of("k1"), [k1, z1, k8, z8], "k1 k8", "z1"),
        "broken": (of("f1"), [k1, z1], "k1", "z1"),
        "broken-not-signing": (of("k2"), [k1, k2, z1], "k1", "z1"),
        "stale-zsk": (of("k1"), [k1, z1, z2], "k1", "z1"),
        "two-zsk-signing": (of("k1"), [k1, z1, z2], "k1", "z1 z2"),
        "csk": (of("c1"), [c1], "c1", "c1"),
        "two-csk": (of("c1", *random.choice([[], ["c2"]])), [c1, c2], "c1 c2", random.choice(["c1", "c2"])),
        "csk-beside-split": (of("c1"), [c1, k1, z1], "c1 k1", "c1"),
        "split-beside-csk": (of("k1"), [c1, k1, z1], "c1 k1", "z1"),
        "mixed-digests": (of("k1", types=[1, 2]) + of("k2", types=[2]), [k1, k2, z1], "k1 k2", "z1"),
        "foreign-key": (of("k1"), [k1, z1], "k1", "z1"),
        "data-signed-ahead": (of("k1"), [k1, z1], "k1", "z1 z8"),
        "data-signed-behind": (of("k1"), [k1, z1, z2], "k1", "z2"),
        "ksk-published-not-signing": ([], [k1, z1], "", "z1"),
    }
    records, keys, signers, data = table[state]
    published = {entry["key"] for entry in keys}
    spare = [k2] if state == "dangling-held" else []
    spare += [z8] if state == "data-signed-ahead" else []
    spare += [z1] if state == "unsigned-leftover" else []
    spare += [entry for entry in (key("k0", "ksk", a), key("z0", "zsk", a)) if random.random() < 0.15]
    return {
        "ds": records, "keys": keys, "signers": signers.split(), "data": data.split(),
        "unpublished": [entry for entry in spare if entry["key"] not in published],
    }  # fmt: skip


def _number(random: Random, most: int, least: int = 0) -> int | list[int]:
    if random.random() < 0.4:
        return random.randint(least, most)
    return [random.randint(least, most) for _ in range(random.randint(1, 4))]


def _near(random: Random, nominal: int) -> int:
    return nominal if random.random() < 0.6 else random.randint(0, 2 * nominal)


def wide_world(seed: int, *, faults: bool = False) -> Document:
    """Return a world of any kind; with `faults` servers, calls, runs and other people fail in random ways."""
    random = Random(f"wide/{seed}/{faults}")
    state, goal = STATES[seed % len(STATES)], random.choice(GOALS)
    a, b = random.choice([(13, 15), (13, 15), (13, 8), (15, 13), (8, 13), (8, 15)])
    digests = random.choice([[2], [2], [2], [4], [2, 4], [1], [1, 2]])
    begin = start_of(state, random, a, b, digests)
    csk = any(entry["role"] == "csk" for entry in begin["keys"])
    big = random.random() < 0.2
    ds_ttl, key_ttl, zone_ttl, negative = (random.randint(1, 400 if big else 90) for _ in range(4))
    child_margin, parent_margin = random.choice([0, random.randint(0, 30)]), random.choice([0, random.randint(0, 30)])
    resign = random.choice([0, 0, random.randint(0, 60)])
    count, spacing = random.randint(1, 3), random.choice([0, 1, 7, 30])
    form = "dnskey" if random.random() < 0.2 else "ds"
    wanted = random.choice([[2], [4], [2, 4]])
    asked, scheme, algorithm, changed = _goal(goal, random, state, a, b, csk, wanted)
    validators = random.choice(
        [["lenient", "rfc4509", "hardened"]] * 3
        + [
            ["lenient"],
            ["rfc4509"],
            ["hardened"],
            ["lenient", "strict4035"],
            ["lenient", "rfc4509", "hardened", "strict4035"],
        ]
    )
    if not changed and {2, 4} & set(digests) and 1 not in digests and random.random() < 0.7:
        wanted = digests
    policy: Document = {
        "policy": "world", "algorithm": ALGORITHMS[algorithm], "scheme": scheme,
        "ksk": {"rollover": random.choice(["double-ksk", "double-ds", "double-rrset"])}, "zsk": {},
        "algorithm_rollover": random.choice(["liberal", "conservative"]),
        "ds": {"digest_types": [NAMES[d] for d in wanted], "ttl_max": f"{ds_ttl}s"}, "dnskey": {"ttl": f"{key_ttl}s"},
        "validators": validators, "unknown_ds": random.choice(["keep", "keep", "remove", "block"]),
        "timing": {
            "child_margin": f"{child_margin}s", "parent_margin": f"{parent_margin}s",
            "registration_budget": f"{random.choice([100, 200, 400])}s",
            "sweeps": {"count": count, "spacing": f"{spacing}s"},
        },
    }  # fmt: skip
    _leave_out(policy, asked, random)
    exact = random.random() < 0.5
    lags, parent_lags = _number(random, 20), _number(random, 20)
    ttls = {name: _number(random, 120) for name in ("ds", "dnskey", "zone")}
    result: Document = {
        "id": f"wide/{seed}/{state}/{goal}", "now": "2026-11-24T00:00:00Z",
        "zone": random.choice(["example.ch", "a.b.example."]),
        "tick": random.choice([1, 1, 5, 13, 60]), "until": random.choice([300, 12000, 12000, 12000, 12000]),
        "policy": policy, "goal": asked,
        "start": {
            "ds": begin["ds"], "ds_ttl": _near(random, ds_ttl),
            "unpublished": begin["unpublished"],
            "dnskey": {
                "keys": begin["keys"], "signers": begin["signers"],
                "ttl": _near(random, key_ttl) if begin["keys"] else negative,
            },
            "zone": {
                "signers": begin["data"], "ttl": _near(random, zone_ttl),
                "negative_ttl": negative,
            },
        },
        "parent": {
            "update": random.choice(["replace", "add-remove", "one-at-a-time"]), "max_ds": random.randint(1, 6),
            "form": form, "digest_types": random.choice(MADE if form == "dnskey" else TAKEN),
            "checks_dnskey": random.random() < 0.3, "ttl": ds_ttl,
        },
        "signer": {"resign": resign, "dnskey_ttl": key_ttl, "zone_ttl": zone_ttl},
        "truth": {
            "child_propagation": lags, "parent_propagation": parent_lags, "registration": _number(random, 60),
            "resign": resign if exact else random.randint(0, resign),
            "unseen": {"child": child_margin, "parent": parent_margin if exact else 0},
            "ttl_after": ttls,
        },
    }  # fmt: skip
    _remember(result, random, a, b)
    if faults:
        _spoil(result, random)
    return result


def _goal(
    goal: str, random: Random, state: str, a: int, b: int, csk: bool, wanted: list[int]
) -> tuple[Document, str, int, bool]:
    """Return the goal, the policy's scheme and algorithm, and whether the digest types are the goal's."""
    same, other = ("csk", "ksk-zsk") if csk else ("ksk-zsk", "csk")
    either = same if random.random() < 0.7 else other
    if goal == "keys":
        return _pinned(random, state, same, a, b)
    signed: Document = {"dnssec": "signed"}
    table: dict[str, tuple[Document, str, int, bool]] = {
        "insecure": ({"dnssec": "insecure"}, either, a, False),
        "none": (signed, either, a if random.random() < 0.7 else b, False),
        "algorithm": ({**signed, "roll": f"algorithm:{ALGORITHMS[b]}"}, either, b, False),
        "digest": ({**signed, "roll": "digest:" + "+".join(NAMES[d] for d in wanted)}, same, a, True),
        "scheme": ({**signed, "roll": f"scheme:{other}"}, other, a, False),
    }
    return table.get(goal, ({**signed, "roll": goal}, "csk" if goal == "csk" else "ksk-zsk", a, False))


def _pinned(random: Random, state: str, same: str, a: int, b: int) -> tuple[Document, str, int, bool]:
    halves = [["k1", "z1"], ["c1"]]
    finals: dict[str, list[str] | None] = {
        "two-algorithms": ["k8", "z8"], "two-algorithms-both-ds": ["k8", "z8"], "algorithm-split": ["k8", "z8"],
        "two-algorithms-second-ds": ["k8", "z8"], "csk": ["c1"], "two-csk": [random.choice(["c1", "c2"])],
        "csk-beside-split": random.choice(halves), "split-beside-csk": random.choice(halves), "unsigned": None,
        "unsigned-leftover": None, "dangling-held": [random.choice(["k1", "k2"]), "z1"],
    }  # fmt: skip
    two_ksk = state.startswith("two-ksk") or state in ("standby", "mixed-digests", "broken-not-signing")
    two_zsk = state in ("stale-zsk", "two-zsk-signing", "data-signed-behind")
    usual = [random.choice(["k1", "k2" if two_ksk else "k1"]), random.choice(["z1", "z2" if two_zsk else "z1"])]
    final = finals.get(state, usual)
    if final is None:
        return {"dnssec": "signed"}, same, a, False
    scheme = "csk" if final[0].startswith("c") else "ksk-zsk"
    return {"dnssec": "signed", "keys": final}, scheme, b if final[0] == "k8" else a, False


def _leave_out(policy: Document, goal: Document, random: Random) -> None:
    """Let a third of the policies rely on the documented defaults, where these mean the same."""
    if random.random() < 0.66:
        return
    defaults = {
        "algorithm": "ECDSAP256SHA256", "scheme": "ksk-zsk", "algorithm_rollover": "liberal", "unknown_ds": "keep",
        "ksk": {"rollover": "double-ksk"}, "validators": ["lenient", "rfc4509", "hardened"], "zsk": {},
    }  # fmt: skip
    for name, value in defaults.items():
        if policy[name] == value:
            del policy[name]
    if policy["ds"]["digest_types"] == ["SHA-256"]:
        del policy["ds"]["digest_types"]


def _remember(result: Document, random: Random, a: int, b: int) -> None:
    """Let half of the worlds have served something else before; its TTLs are not above the nominal ones."""
    if random.random() < 0.5:
        return
    start, signer, past = result["start"], result["signer"], []
    keys, negative = start["dnskey"]["keys"], start["zone"]["negative_ttl"]
    for _ in range(random.randint(1, 4)):
        until = -random.choice([0, 0, random.randint(0, 60)])
        rrset = random.choice(["DS", "DNSKEY", "ZONE"])
        if rrset == "DS":
            value: object = random.choice(
                [
                    [],
                    [*start["ds"], ds("k0", 2, a)],
                    [ds("k0", 2, a)],
                    start["ds"][:1],
                    [ds("k8", 2, b), *start["ds"][:1]],
                ]
            )
            ttl = random.randint(0, result["parent"]["ttl"])
        elif rrset == "DNSKEY":
            extra = random.choice([key("k0", "ksk", a), key("z0", "zsk", a), key("k8", "ksk", b)])
            known = {entry["key"]: entry for entry in (*keys, extra)}
            members = random.choice([list(known.values()), [extra], keys[:1], []])
            names = [entry["key"] for entry in members if entry["role"] != "zsk"]
            value = {"keys": members, "signers": names[: random.randint(1, 3)]}
            ttl = random.randint(0, signer["dnskey_ttl"] if members else min(negative, signer["dnskey_ttl"]))
        else:
            value = {"signers": random.choice([[], ["z0"], ["z1"], ["k1"], ["z1", "z8"]])}
            ttl = random.randint(0, signer["zone_ttl"])
        if not any(entry["rrset"] == rrset and entry["until"] == until for entry in past):
            past.append({"rrset": rrset, "until": until, "ttl": ttl, "value": value})
    result["truth"]["past"] = past
    for side in ("child_propagation", "parent_propagation"):  # at least one server shows the start values at 0
        lags = result["truth"][side]
        if isinstance(lags, list):
            lags[random.randrange(len(lags))] = 0
        else:
            result["truth"][side] = 0


def _spoil(result: Document, random: Random) -> None:
    truth, faults = result["truth"], []
    kinds = ["silent", "lame", "lies", "frozen", "no_run", "swallowed", "rejected", "crash", "crash", "none"]
    for kind in random.choices(kinds, k=random.randint(0, 5)):
        begin = random.choice([0, random.randint(0, 300)])
        begin = max(begin, 21) if kind == "frozen" else begin  # the state at the start has arrived by then
        end = begin + random.randint(0, 200)
        if kind in ("swallowed", "rejected"):
            faults.append({"kind": kind, "call": random.randint(1, 4)})
        elif kind == "crash":
            faults.append({"kind": kind, "call": random.randint(1, 10), "when": random.choice(["before", "after"])})
        elif kind == "no_run":
            faults.append({"kind": kind, "from": begin, "until": end})
        elif kind != "none":
            side = random.choice(["parent", "child"])
            lags = truth[f"{side}_propagation"]
            index = random.randrange(len(lags)) if isinstance(lags, list) else 0
            faults.append({"kind": kind, "server": f"{side}:{index}", "from": begin, "until": end})
    truth["faults"] = faults
    changes = []
    visible = result["tick"] == 1 and {fault["kind"] for fault in faults} <= {"frozen", "swallowed", "rejected"}
    works = {d["key"] for d in result["start"]["ds"]} & set(result["start"]["dnskey"]["signers"])
    repairable = works and (result["parent"]["update"] == "replace" or result["goal"]["dnssec"] == "signed")
    for _ in range(random.randint(0, 3)):
        at = random.randint(1, 300)
        if visible and random.random() < 0.5:  # a TTL that no sweep can see cannot be known
            changes.append({"at": at, "rrset": random.choice(["DS", "DNSKEY", "ZONE"]), "ttl": random.randint(0, 300)})
        elif random.random() < 0.7 and repairable:
            algorithm = random.choice([8, 13, 15])
            foreign = ds(random.choice(["f1", "f2"]), random.choice([1, 2, 4]), algorithm)
            if foreign["key"] == "f1":  # it may stand at the start, with an algorithm of its own
                named = [d["algorithm"] for d in result["start"]["ds"] if d["key"] == "f1"]
                foreign["algorithm"] = named[0] if named else 13
            else:
                foreign["algorithm"] = 13
            changes.append({"at": at, "rrset": "DS", random.choice(["add", "remove"]): [foreign]})
    truth["changes"] = sorted(changes, key=lambda change: change["at"])
