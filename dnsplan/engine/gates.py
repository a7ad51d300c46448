"""Gates: the moment from which no cache holds a version without a property (RFC 7583's intervals, on what was seen).

Always the old TTL: a gate waits for the TTL of what was replaced, never of what replaced it.
"""

from __future__ import annotations

from collections.abc import Callable

from dnsplan.engine.spans import FOREVER, UNKNOWN_KEY, Margins, Span, Spans, ValueT, trust
from dnsplan.engine.validators import DsSet, KeySet, Signers, trusts_keys
from dnsplan.model.history import RRsetName
from dnsplan.model.plan import Gate, GateTerm


def gate(
    rrset: RRsetName, spans: tuple[Span[ValueT], ...], has: Callable[[ValueT], bool], margins: Margins, reason: str
) -> Gate:
    """Return G(R, has): from then on every cache that holds R holds a version with the property."""
    without = [span for span in spans if span.value is None or not has(span.value)]
    if not without:
        return Gate()
    if without[-1] is spans[-1] and spans[-1].end == FOREVER:
        return Gate(terms=(GateTerm(reason=reason, at=None),))
    last = max(without, key=lambda span: span.end)  # the others say nothing more to a reader
    at = None if last.end == FOREVER else last.end
    return Gate(terms=(GateTerm(reason=reason, at=at, base=last.base, margin=margins.of(rrset), ttl=last.ttl),))


def _longest(terms: list[GateTerm]) -> list[GateTerm]:
    """Keep the term that opens last; the others say nothing more to a reader."""
    unknown = [term for term in terms if term.at is None]
    return unknown[:1] or sorted(terms, key=lambda term: -(term.at or 0))[:1]


def trust_gate(spans: Spans, has: Callable[[DsSet], bool], margins: Margins, reason: str) -> Gate:
    """Return K(has): from then on no cache holds a DS without the property, nor a DNSKEY set trusted on account of one.

    A resolver keeps a validated DNSKEY RRset for its TTL beyond its DS, and judges data by both; so whoever takes data
    signatures away waits for this gate, not only for the DS.
    """
    plain = gate("DS", spans.ds, has, margins, reason)
    terms = list(plain.terms)
    for ds in spans.ds:
        if ds.value is not None and (has(ds.value) or not ds.value):
            continue
        for keys in spans.dnskey:
            trusted = trust(ds, keys)
            if trusted is None or not _may_trust(ds, keys):
                continue
            at = None if trusted[1] >= FOREVER else trusted[1]
            why = f"{reason}; a validated DNSKEY RRset is trusted for its TTL beyond its DS"
            terms.append(GateTerm(reason=why, at=at, base=ds.base, margin=margins.parent, ttl=ds.ttl + keys.ttl))
    return Gate(terms=tuple(_longest(terms)))


def _may_trust(ds: Span[DsSet], keys: Span[KeySet]) -> bool:
    return ds.value is None or keys.value is None or trusts_keys("lenient", ds.value, keys.value)


def signs_keys(wanted: frozenset[str]) -> Callable[[KeySet], bool]:
    """Return the property that these keys stand in the DNSKEY RRset and sign it."""
    return lambda keys: wanted <= keys.working


def has_keys(wanted: frozenset[str]) -> Callable[[KeySet], bool]:
    """Return the property that these keys stand in the DNSKEY RRset."""
    return lambda keys: wanted <= keys.ids


def lacks_algorithms(unwanted: frozenset[int]) -> Callable[[KeySet], bool]:
    """Return the property that no key of these algorithms stands in the DNSKEY RRset."""
    return lambda keys: not any(algorithm in unwanted for _, algorithm in keys.keys)


def demands_none_of(unwanted: frozenset[int]) -> Callable[[DsSet], bool]:
    """Return the property that no DS names a key of these algorithms; a DS of no known key never leaves."""
    return lambda ds: not any(d.algorithm in unwanted and not d.key.startswith(UNKNOWN_KEY) for d in ds)


def vouches_for(wanted: frozenset[str]) -> Callable[[DsSet], bool]:
    """Return the property that the DS RRset names all these keys."""
    return lambda ds: wanted <= {d.key for d in ds}


def signed_by(wanted: frozenset[str]) -> Callable[[Signers], bool]:
    """Return the property that data are signed by at least these keys."""
    return lambda signers: wanted <= signers


def empty(ds: DsSet) -> bool:
    """Tell whether there is no DS."""
    return not ds
