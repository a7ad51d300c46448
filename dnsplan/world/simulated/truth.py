"""What every server of a described world serves at every second, and since when caches may hold it.

The engine never sees it: it sees only what sweeps show.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dnsplan.model.portfolio import Role
from dnsplan.model.records import DIGEST_TYPES, SEP, ZONE_KEY, Dnskey, Ds, make_ds

Document = Mapping[str, Any]
LONG_AGO = -(1 << 40)

Delta = tuple[frozenset[tuple[str, int, int]], frozenset[tuple[str, int, int]]]
"""DS added and removed."""


@dataclass(slots=True)
class Served:
    """One version of an RRset: from `at` a server may serve it, server i from `arrivals[i]`."""

    at: int
    value: Any
    """DS: tuple of (key, algorithm, digest type); DNSKEY: (keys, signers); ZONE: signers. Symbols throughout."""
    ttl: int
    arrivals: tuple[int, ...]
    everywhere: int
    call: int | None = None
    is_event: bool = False
    delta: Delta | None = None
    """DS that a call adds and removes, where the parent takes single changes and no whole set."""


@dataclass(slots=True)
class Truth:
    """The whole world; times in seconds from `now` of the document."""

    document: Document
    zone: str = ""
    versions: dict[str, list[Served]] = field(default_factory=dict)
    symbols: dict[str, tuple[int, Role]] = field(default_factory=dict)
    """Key symbol to algorithm and role."""
    keys: dict[str, Dnskey] = field(default_factory=dict)
    names: dict[Dnskey, str] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)
    cds: tuple[tuple[Ds, ...], tuple[Dnskey, ...]] = ((), ())
    """The CDS and CDNSKEY that the signer publishes."""
    strange: dict[tuple[str, int, int], Ds] = field(default_factory=dict)
    """DS that no known key stands behind, by symbols made of their digests."""

    def __post_init__(self) -> None:
        start = self.document["start"]
        self.zone = self.document["zone"].rstrip(".").lower()
        self.made = {"DS": 0, "DNSKEY": 0, "ZONE": 0}
        past = self.document["truth"].get("past", [])
        listed = [key for entry in past if entry["rrset"] == "DNSKEY" for key in entry["value"]["keys"]]
        for key in (*start["dnskey"]["keys"], *start.get("unpublished", []), *listed):
            self.learn(key["key"], key["algorithm"], key["role"])
        self.held = [key["key"] for key in (*start["dnskey"]["keys"], *start.get("unpublished", []))]
        ds, dnskey, zone = start["ds"], start["dnskey"], start["zone"]
        self._learn_named(past)
        ttls = {"DS": start["ds_ttl"], "DNSKEY": dnskey["ttl"], "ZONE": zone["ttl"]}
        for rrset, value in (("DS", ds), ("DNSKEY", dnskey), ("ZONE", zone)):
            self._begin(rrset, value, ttls[rrset], [entry for entry in past if entry["rrset"] == rrset])

    def _learn_named(self, past: list[Document]) -> None:
        """Know the keys that stand in no DNSKEY RRset: only a DS names them, or a signature."""
        start = self.document["start"]
        for ds in (*start["ds"], *(ds for entry in past if entry["rrset"] == "DS" for ds in entry["value"])):
            self.learn(ds["key"], ds["algorithm"], "ksk")
        signed = (start["dnskey"], start["zone"], *(entry["value"] for entry in past if entry["rrset"] != "DS"))
        for signer in (signer for value in signed for signer in value["signers"]):
            self.learn(signer, 0, "zsk")  # its algorithm never shows

    def _begin(self, rrset: str, value: Any, ttl: int, past: list[Document]) -> None:
        at = LONG_AGO
        self.versions[rrset] = []
        for entry in sorted(past, key=lambda entry: entry["until"]):
            self._append(rrset, at, self.symbolic(rrset, entry["value"]), entry["ttl"], None, is_event=False)
            at = entry["until"]
        self._append(rrset, at, self.symbolic(rrset, value), ttl, None, is_event=False)

    def learn(self, symbol: str, algorithm: int, role: Role) -> Dnskey:
        """Return the DNSKEY that stands for a symbol; its bytes are made from it."""
        if symbol not in self.keys:
            material = hashlib.sha256(symbol.encode()).digest() * 2
            flags = ZONE_KEY if role == "zsk" else ZONE_KEY | SEP
            key = Dnskey(flags=flags, algorithm=algorithm, public_key=material)
            self.symbols[symbol], self.keys[symbol], self.names[key] = (algorithm, role), key, symbol
        return self.keys[symbol]

    def symbolic(self, rrset: str, value: Any) -> Any:
        """Return a value of the document in the form in which it is kept."""
        if rrset == "DS":
            return tuple(sorted((d["key"], d["algorithm"], d["digest_type"]) for d in value))
        if rrset == "DNSKEY":
            return tuple(sorted(key["key"] for key in value["keys"])), tuple(sorted(value["signers"]))
        return tuple(sorted(value["signers"]))

    def lags(self, rrset: str) -> tuple[int, ...]:
        """Return the lag of each server of an RRset."""
        lag = self.document["truth"]["parent_propagation" if rrset == "DS" else "child_propagation"]
        return tuple(lag) if isinstance(lag, list) else (lag,)

    def change(
        self, rrset: str, at: int, value: Any, *, call: int | None, ttl: int | None = None, delta: Delta | None = None
    ) -> None:
        """Let a new version begin at `at`; several of one run are one."""
        versions = self.versions[rrset]
        newest = versions[-1]
        if newest.call is not None and newest.call == call and newest.at == at:
            versions.pop()
            if newest.is_event and call is not None:
                self.made[rrset] -= 1
        if value == versions[-1].value and ttl is None:
            return
        if ttl is None:
            given = self.document["truth"]["ttl_after"][rrset.lower()]
            ttls = given if isinstance(given, list) else [given]
            ttl = ttls[min(self.made[rrset], len(ttls) - 1)]
            self.made[rrset] += 1
        self._append(rrset, at, value, ttl, call, is_event=True)
        next(version for version in self.versions[rrset] if version.at == at and version.call == call).delta = delta

    def _append(self, rrset: str, at: int, value: Any, ttl: int, call: int | None, *, is_event: bool) -> None:
        side = "parent" if rrset == "DS" else "child"
        arrivals = tuple(self._thawed(side, index, at + lag) for index, lag in enumerate(self.lags(rrset)))
        unseen = self.document["truth"].get("unseen", {}).get(side, 0)
        everywhere = max(arrivals) + unseen
        versions = self.versions[rrset]
        if rrset == "ZONE" and versions and versions[-1].value != value:
            everywhere += self.document["truth"]["resign"]
        versions.append(Served(at, value, ttl, arrivals, everywhere, call, is_event))
        versions.sort(key=lambda version: version.at)

    def _thawed(self, side: str, index: int, arrival: int) -> int:
        for fault in sorted(self.faults("frozen", f"{side}:{index}"), key=lambda fault: int(fault["from"])):
            if fault["from"] <= arrival < fault["until"]:
                arrival = fault["until"]
        return arrival

    def faults(self, kind: str, server: str | None = None) -> list[Document]:
        """Return the faults of a kind, of one server if it is given."""
        known = self.document["truth"].get("faults")
        if not known:
            return []
        return [fault for fault in known if fault["kind"] == kind and (server is None or fault["server"] == server)]

    def has(self, kind: str, server: str, at: int) -> bool:
        """Tell whether a server has a fault at a time."""
        return any(fault["from"] <= at < fault["until"] for fault in self.faults(kind, server))

    def served(self, rrset: str, index: int, at: int) -> Served:
        """Return the version that a server serves."""
        found = self.versions[rrset][0]
        for version in self.versions[rrset]:
            if version.arrivals[index] <= at:
                found = version
        return found

    def edit(self, change: Document) -> None:
        """Let somebody else change a TTL or the DS set."""
        rrset, at = change["rrset"], change["at"]
        current = [version for version in self.versions[rrset] if version.at <= at][-1]
        if "ttl" in change:
            self.change(rrset, at, current.value, call=None, ttl=change["ttl"])
            return
        if "value" in change:
            value = set(self.symbolic("DS", change["value"]))
        else:
            value = set(current.value) | set(self.symbolic("DS", change.get("add", [])))
            value -= set(self.symbolic("DS", change.get("remove", [])))
        for key, algorithm, _ in value:
            self.learn(key, algorithm, "ksk")
        self.change("DS", at, tuple(sorted(value)), call=None, ttl=current.ttl)
        for version in list(self.versions["DS"]):  # single changes under way meet what is there when they take effect
            if version.at > at and version.delta is not None:
                before, value = value, (value | version.delta[0]) - version.delta[1]
                version.value = tuple(sorted(value))
                if value == before:
                    self.versions["DS"].remove(version)

    def moments(self) -> Iterable[int]:
        """Yield every time at which something may look different."""
        for versions in self.versions.values():
            for version in versions:
                yield from version.arrivals
        for change in self.document["truth"].get("changes", []):
            yield change["at"]
        for fault in self.document["truth"].get("faults", []):
            if "from" in fault:
                yield from (fault["from"], fault["until"])

    def ds_records(self, value: Iterable[tuple[str, int, int]]) -> tuple[Ds, ...]:
        """Return DS records of their symbols."""
        return tuple(sorted(self.strange.get(ds) or make_ds(self.zone, self.keys[ds[0]], ds[2]) for ds in value))

    def ds_symbols(self, records: Iterable[Ds]) -> tuple[tuple[str, int, int], ...]:
        """Return the symbols of DS records."""
        known = {
            make_ds(self.zone, key, digest_type): (symbol, key.algorithm, digest_type)
            for symbol, key in self.keys.items()
            for digest_type in DIGEST_TYPES
        }
        found = []
        for record in records:
            symbols = known.get(record) or (record.digest.hex(), record.algorithm, record.digest_type)
            if record not in known:
                self.strange[symbols] = record
            found.append(symbols)
        return tuple(sorted(found))

    def event_value(self, rrset: str, value: Any) -> Any:
        """Return a kept value in the form of the document."""
        if rrset == "DS":
            return [{"key": key, "algorithm": algorithm, "digest_type": digest} for key, algorithm, digest in value]
        if rrset == "DNSKEY":
            keys = [{"key": key, "algorithm": self.symbols[key][0], "role": self.symbols[key][1]} for key in value[0]]
            return {"keys": keys, "signers": list(value[1])}
        return {"signers": list(value)}
