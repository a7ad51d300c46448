"""A validating lookup of the loopback world that caches as a resolver does, and a watch that asks it all the time.

Every RRset is kept with its signatures for its TTL and validated again with whatever else is in the cache, so that any
combination a resolver may hold comes to light. It never retries what fails validation, as kinder resolvers do.
Every ancestor of a zone that it is asked about must be a zone of its own, as in this world.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataset
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS

Verdict = Literal["secure", "insecure", "bogus", "unreachable"]
TIMEOUT = 1.0
Keys = dict[dns.name.Name, dns.rdataset.Rdataset]


class _BogusError(Exception):
    """The chain of trust does not hold."""


class _InsecureError(Exception):
    """The chain of trust ends at a delegation that is proven to have no DS."""


class _UnreachableError(Exception):
    """No server gave an answer."""


@dataclass(frozen=True, slots=True)
class _Cached:
    """An answer as it came: an RRset with its RRSIGs, or a proof of its absence."""

    rrset: dns.rrset.RRset | None
    rrsigs: dns.rrset.RRset | None
    denial: tuple[tuple[dns.rrset.RRset, dns.rrset.RRset | None], ...]
    until: float


@dataclass(slots=True)
class Probe:
    """One validating resolver with one cache."""

    root_hints: tuple[str, ...]
    port: int
    trust_anchor: str
    queries: int = 0
    _cache: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], _Cached] = field(default_factory=dict)

    def look_up(self, zone: str) -> tuple[Verdict, str]:
        """Return what a validating resolver says of a zone's SOA now, and why when that is not `secure`."""
        try:
            name = dns.name.from_text(zone)
            cached = self._get(name, dns.rdatatype.SOA, name)
            self._verify(cached.rrset, cached.rrsigs, self._keys(name))
        except _InsecureError as reason:
            return "insecure", str(reason)
        except _BogusError as reason:
            return "bogus", str(reason)
        except _UnreachableError as reason:
            return "unreachable", str(reason)
        return "secure", ""

    def _keys(self, zone: dns.name.Name) -> Keys:
        """Return the zone's DNSKEY RRset, validated from the trust anchor down."""
        if zone == dns.name.root:
            trusted = [dns.rdata.from_text("IN", "DS", self.trust_anchor)]
        else:
            ds = self._get(zone, dns.rdatatype.DS, zone.parent())
            parent_keys = self._keys(zone.parent())
            if ds.rrset is None:
                self._verify_no_ds(zone, ds, parent_keys)
                raise _InsecureError(f"{zone} is proven to have no DS")
            self._verify(ds.rrset, ds.rrsigs, parent_keys)
            trusted = list(ds.rrset)
        cached = self._get(zone, dns.rdatatype.DNSKEY, zone)
        vouched = [key for key in cached.rrset or () if any(_matches(zone, key, ds) for ds in trusted)]
        if not vouched:
            raise _BogusError(f"no DNSKEY of {zone} matches a DS")
        self._verify(cached.rrset, cached.rrsigs, {zone: dns.rdataset.from_rdata_list(0, vouched)})
        return {zone: cached.rrset.to_rdataset()} if cached.rrset else {}

    def _verify(self, rrset: dns.rrset.RRset | None, rrsigs: dns.rrset.RRset | None, keys: Keys) -> None:
        if rrset is None or rrsigs is None:
            raise _BogusError(f"an answer below {next(iter(keys))} is missing or has no signature")
        try:
            dns.dnssec.validate(rrset, rrsigs, dict(keys))
        except dns.exception.ValidationFailure:
            kind = dns.rdatatype.to_text(rrset.rdtype)
            raise _BogusError(f"no signature of {rrset.name} {kind} validates under the cached DNSKEY") from None

    def _verify_no_ds(self, zone: dns.name.Name, cached: _Cached, keys: Keys) -> None:
        for rrset, rrsigs in cached.denial:
            if rrset.rdtype == dns.rdatatype.NSEC and rrset.name == zone:
                self._verify(rrset, rrsigs, keys)
                types = rrset[0].to_text().split()[1:]
                if "NS" in types and not {"DS", "SOA"} & set(types):
                    return
        raise _BogusError(f"the absence of a DS of {zone} is not proven")

    def _get(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, zone: dns.name.Name) -> _Cached:
        """Return an RRset from the cache, or from the servers of the zone that holds it."""
        cached = self._cache.get((name, rdtype))
        if cached is None or cached.until <= time.monotonic():
            cached = self._ask(name, rdtype, self._servers(zone))
            self._cache[name, rdtype] = cached
        return cached

    def _servers(self, zone: dns.name.Name) -> tuple[str, ...]:
        """Return the addresses of a zone's servers, as the referral of its parent gives them."""
        if zone == dns.name.root:
            return self.root_hints
        cached = self._cache.get((zone, dns.rdatatype.NS))
        if cached is None or cached.until <= time.monotonic():
            response = self._exchange(zone, dns.rdatatype.SOA, self._servers(zone.parent()))
            glue = [rrset for rrset in response.additional if rrset.rdtype == dns.rdatatype.A]
            if not glue:
                raise _UnreachableError(f"{zone} has no delegation with addresses")
            addresses = dns.rrset.from_rdata_list(zone, min(r.ttl for r in glue), [rdata for r in glue for rdata in r])
            cached = _Cached(addresses, None, (), time.monotonic() + addresses.ttl)
            self._cache[zone, dns.rdatatype.NS] = cached
        return tuple(rdata.address for rdata in cached.rrset or ())

    def _ask(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, addresses: tuple[str, ...]) -> _Cached:
        response = self._exchange(name, rdtype, addresses)
        found = {(rrset.rdtype, rrset.covers): rrset for rrset in response.answer if rrset.name == name}
        signatures = {(r.name, r.covers): r for r in response.authority if r.rdtype == dns.rdatatype.RRSIG}
        plain = [rrset for rrset in response.authority if rrset.rdtype != dns.rdatatype.RRSIG]
        denial = tuple((rrset, signatures.get((rrset.name, rrset.rdtype))) for rrset in plain)
        rrset = found.get((rdtype, dns.rdatatype.NONE))
        ttl = rrset.ttl if rrset else min((rrset.ttl for rrset in plain), default=0)
        return _Cached(rrset, found.get((dns.rdatatype.RRSIG, rdtype)), denial, time.monotonic() + ttl)

    def _exchange(
        self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, addresses: tuple[str, ...]
    ) -> dns.message.Message:
        query = dns.message.make_query(name, rdtype, want_dnssec=True, payload=1232, flags=0)
        for address in random.sample(addresses, len(addresses)):
            self.queries += 1
            try:
                response, _ = dns.query.udp_with_fallback(query, address, TIMEOUT, self.port)
            except (dns.exception.DNSException, OSError):
                continue
            if response.rcode() in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
                return response
        raise _UnreachableError(f"no server of {name} answers")


def _matches(zone: dns.name.Name, key: dns.rdata.Rdata, ds: dns.rdata.Rdata) -> bool:
    return isinstance(key, DNSKEY) and isinstance(ds, DS) and dns.dnssec.make_ds(zone, key, ds.digest_type) == ds


@dataclass(frozen=True, slots=True)
class Figures:
    """What a watch saw: verdicts by zone, and each fall from `secure` with its reason."""

    verdicts: dict[str, Counter[str]]
    falls: tuple[str, ...]
    queries: int

    @property
    def lookups(self) -> int:
        """Return the number of lookups."""
        return sum(counter.total() for counter in self.verdicts.values())

    @property
    def clean(self) -> bool:
        """Tell whether nothing was ever bogus and no zone once secure ceased to be so."""
        return not self.falls and not any(counter["bogus"] for counter in self.verdicts.values())


class Watch:
    """Looks zones up in a thread, several times a second each, until it is stopped."""

    def __init__(self, probe: Probe, zones: Iterable[str], *, interval: float = 0.2) -> None:
        self._probe = probe
        self._interval = interval
        self._verdicts: dict[str, Counter[str]] = {zone: Counter() for zone in zones}
        self._falls: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="loopback-probe", daemon=True)

    def start(self) -> None:
        """Look up from now on."""
        self._thread.start()

    def stop(self) -> Figures:
        """End, and return what was seen."""
        self._ended.set()
        self._thread.join()
        return self.figures()

    def figures(self) -> Figures:
        """Return what was seen so far."""
        verdicts = {zone: Counter(counter) for zone, counter in self._verdicts.items()}
        return Figures(verdicts, tuple(self._falls), self._probe.queries)

    def _run(self) -> None:
        while not self._ended.wait(self._interval):
            for zone, counter in self._verdicts.items():
                verdict, reason = self._probe.look_up(zone)
                if verdict != "secure" and (counter["secure"] or verdict == "bogus"):
                    self._falls.append(f"{zone}: {verdict}: {reason}")
                counter[verdict] += 1
