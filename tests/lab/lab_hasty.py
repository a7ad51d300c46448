"""Negative controls: each recipe's changes made by hand and too early, so that resolvers are seen to fail.

`half` waits half as long as the plan's gate would. What a cache holds decides who fails, so most rollovers are made at
several zones at moments spread over the TTL of the DS.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from lab import BIND, CHILD_2, FILES, TLD, Lab
from lab_dns import Server, ds_of, keys_of, signed_by, wires
from lab_rolling import ON_DEMAND_KEY_TTL
from lab_zones import DS_TTL, KEY_TTL, WaysIn, wait_until

from dnsplan.model.action import CreateKey, SetDs, SetKeys
from dnsplan.model.portfolio import Role
from dnsplan.model.records import Dnskey, make_ds

MARGIN, DATA_TTL = 1, 3


def half(ttl: int) -> None:
    """Wait for half of a gate."""
    time.sleep((ttl + MARGIN) / 2)


@dataclass(frozen=True)
class Hasty:
    """A zone in files, and somebody who changes it and its DS without a plan."""

    lab: Lab
    zone: str

    def create(self, role: Role, algorithm: int = 13) -> Dnskey:
        """Return a new key."""
        known = frozenset(self.lab.files.zones[self.zone].keys)
        created = self.lab.files.perform(self.zone, CreateKey(role=role, algorithm=algorithm, existing=known)).created
        assert created is not None
        return created

    def serve(self, keys: Iterable[Dnskey], by_keys: Iterable[Dnskey], by_data: Iterable[Dnskey]) -> None:
        """Publish these keys, let these sign, and return when both servers show it."""
        published, signers, data = tuple(sorted(keys)), tuple(by_keys), tuple(by_data)
        self.lab.files.perform(
            self.zone,
            SetKeys(
                published=published, sign_keys=frozenset(key.id for key in signers),
                sign_zone=frozenset(key.id for key in data),
            ),
        )  # fmt: skip
        for server in (FILES, CHILD_2):
            wait_until(lambda at=server: self._shows(at, published, data), f"{self.zone} served at {server.address}")

    def _shows(self, server: Server, keys: tuple[Dnskey, ...], data: tuple[Dnskey, ...]) -> bool:
        tags = {key.key_tag for key in data}
        return keys_of(server, self.zone) == keys and signed_by(server, self.zone, "SOA") == tags

    def point(self, *keys: Dnskey, digest_types: Iterable[int] = (2,), ds_ttl: int = DS_TTL) -> None:
        """Let the parent serve exactly the DS of these keys."""
        point(self.lab, self.zone, keys, digest_types, ds_ttl)


def point(lab: Lab, zone: str, keys: Iterable[Dnskey], digest_types: Iterable[int], ds_ttl: int) -> None:
    """Let the parent serve exactly the DS of these keys."""
    known = tuple(keys)
    ds = tuple(sorted(make_ds(zone, key, kind) for key in known for kind in digest_types))
    action = SetDs(ds=ds, keys=known, expected=ds_of(TLD, zone))
    receipt = WaysIn(lab).parent(ds_ttl).perform(zone, action)
    assert receipt.state == "accepted", receipt.message


Keys = Mapping[str, Dnskey]
"""The keys that sign at first: `ksk` and `zsk`, or `csk`."""


def bootstrap(at: Hasty, keys: Keys) -> None:
    """Add the DS before anything is signed."""
    at.point(keys["ksk"])
    half(DATA_TTL)
    at.serve(keys.values(), [keys["ksk"]], [keys["zsk"]])


def zsk(at: Hasty, keys: Keys) -> None:
    """Sign with the new key while caches still hold the DNSKEY RRset without it."""
    new = at.create("zsk")
    at.serve([keys["ksk"], new], [keys["ksk"]], [new])


def double_ksk(at: Hasty, keys: Keys) -> None:
    """Go through all stages with each gate halved, the DS swapped."""
    new = at.create("ksk")
    at.serve([*keys.values(), new], [keys["ksk"], new], [keys["zsk"]])
    half(KEY_TTL)
    at.point(new)
    half(DS_TTL)
    at.serve([new, keys["zsk"]], [new], [keys["zsk"]])


def double_ds(at: Hasty, keys: Keys) -> None:
    """Let the keys change places half way."""
    new = at.create("ksk")
    at.point(keys["ksk"], new)
    half(DS_TTL)
    at.serve([new, keys["zsk"]], [new], [keys["zsk"]])


def double_rrset(at: Hasty, keys: Keys) -> None:
    """Withdraw the old DS at once, and the old key half way."""
    new = at.create("ksk")
    at.serve([*keys.values(), new], [keys["ksk"], new], [keys["zsk"]])
    at.point(new)
    half(DS_TTL)
    at.serve([new, keys["zsk"]], [new], [keys["zsk"]])


def csk(at: Hasty, keys: Keys) -> None:
    """Move the DS and the data's signatures after half of the DNSKEY TTL, and withdraw the old key half way."""
    old, new = keys["csk"], at.create("csk")
    at.serve([old, new], [old, new], [old])
    half(KEY_TTL)
    at.point(new)
    at.serve([old, new], [old, new], [new])
    half(DS_TTL)
    at.serve([new], [new], [new])


def scheme(at: Hasty, keys: Keys) -> None:
    """Do the same with a KSK and a ZSK in place of the CSK."""
    old, new, data = keys["csk"], at.create("ksk"), at.create("zsk")
    at.serve([old, new, data], [old, new], [old])
    half(KEY_TTL)
    at.point(new)
    at.serve([old, new, data], [old, new], [data])
    half(DS_TTL)
    at.serve([new, data], [new], [data])


def algorithm_liberal(at: Hasty, keys: Keys) -> None:
    """Add the DS of the new algorithm before its keys and signatures."""
    new, data = at.create("ksk", 15), at.create("zsk", 15)
    at.point(keys["ksk"], new)
    time.sleep(DS_TTL + KEY_TTL + MARGIN)
    at.serve([*keys.values(), new, data], [keys["ksk"], new], [keys["zsk"], data])


def algorithm_conservative(at: Hasty, keys: Keys) -> None:
    """Go through all stages with each gate halved."""
    new, data = at.create("ksk", 15), at.create("zsk", 15)
    at.serve(keys.values(), [keys["ksk"]], [keys["zsk"], data])
    half(DATA_TTL)
    at.serve([*keys.values(), new, data], [keys["ksk"], new], [keys["zsk"], data])
    half(KEY_TTL)
    at.point(new)
    half(DS_TTL)
    at.serve([new, data], [new], [keys["zsk"], data])
    half(KEY_TTL)
    at.serve([new, data], [new], [data])


def ds_digest(at: Hasty, keys: Keys) -> None:
    """Add a SHA-384 DS of a key that does not sign beside the good one of SHA-256."""
    idle = at.create("ksk")
    ds = (make_ds(at.zone, keys["ksk"], 2), make_ds(at.zone, idle, 4))
    action = SetDs(ds=tuple(sorted(ds)), keys=(keys["ksk"], idle), expected=ds_of(TLD, at.zone))
    assert WaysIn(at.lab).parent().perform(at.zone, action).state == "accepted"
    half(DS_TTL)


def insecure(at: Hasty, keys: Keys) -> None:
    """Stop signing half way."""
    at.point()
    half(DS_TTL)
    at.serve([], [], [])


CONTROLS: Mapping[str, tuple[Callable[[Hasty, Keys], None], int]] = {
    "bootstrap": (bootstrap, 1),
    "zsk": (zsk, 3),
    "csk": (csk, 3),
    "scheme": (scheme, 3),
    "double-ksk": (double_ksk, 3),
    "double-ds": (double_ds, 3),
    "double-rrset": (double_rrset, 3),
    "algorithm-liberal": (algorithm_liberal, 1),
    "algorithm-conservative": (algorithm_conservative, 3),
    "ds-digest": (ds_digest, 1),
    "insecure": (insecure, 3),
}
"""By recipe: what is done, and at how many zones."""
ZONES = tuple(f"{recipe}-{number}.tld" for recipe, (_, count) in CONTROLS.items() for number in range(count))
FOLLOWED, FOLLOWED_DS_TTL = tuple(f"follow-{number}.tld" for number in range(5)), 1


def recipe_of(zone: str) -> str:
    """Return the recipe that a zone is rolled by."""
    return zone.removesuffix(".tld").rpartition("-")[0]


def number_of(zone: str) -> int:
    """Return which of its recipe's zones it is."""
    return int(zone.removesuffix(".tld").rpartition("-")[2])


def prepare(lab: Lab, zone: str) -> Keys:
    """Return the keys that a zone has at first; all but one of `bootstrap` is signed by them."""
    at = Hasty(lab, zone)
    roles: tuple[Role, ...] = ("csk",) if recipe_of(zone) in {"csk", "scheme"} else ("ksk", "zsk")
    keys = {role: at.create(role) for role in roles}
    if recipe_of(zone) != "bootstrap":
        at.serve(keys.values(), [keys[roles[0]]], [keys[roles[-1]]])
    return keys


def delegate(lab: Lab, zone: str, keys: Keys) -> None:
    """Add the first DS."""
    if recipe_of(zone) != "bootstrap":
        Hasty(lab, zone).point(next(iter(keys.values())))


def change(lab: Lab, zone: str, keys: Keys) -> None:
    """Change a zone too early, at a moment of its own."""
    act, count = CONTROLS[recipe_of(zone)]
    time.sleep(number_of(zone) * (DS_TTL / count + KEY_TTL / 3))
    act(Hasty(lab, zone), keys)


def seps_of(zone: str) -> tuple[Dnskey, ...]:
    """Return the KSKs that both servers of BIND's zone show."""
    return tuple(key for key in keys_of(BIND, zone) if key.is_sep and key in keys_of(CHILD_2, zone))


def follow_bind(lab: Lab, zone: str) -> None:
    """Let BIND roll a KSK, and swap the DS after half of the DNSKEY TTL."""
    assert lab.rolling is not None
    (old,) = seps_of(zone)
    wait_until(lambda: bool(wires(BIND, f"{zone}.", "CDS")), "a CDS of BIND's first KSK")
    lab.rolling.hurry()
    time.sleep(1 + number_of(zone) * ON_DEMAND_KEY_TTL / len(FOLLOWED))
    lab.rolling.roll(zone, old)
    wait_until(lambda: len(seps_of(zone)) == 2, "a second KSK at BIND")
    (new,) = set(seps_of(zone)) - {old}
    half(ON_DEMAND_KEY_TTL)
    point(lab, zone, [new], (2,), FOLLOWED_DS_TTL)
    time.sleep(ON_DEMAND_KEY_TTL / 2)
