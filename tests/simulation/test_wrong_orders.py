"""Orders that are known to break zones: the kernel refuses each one and names what a resolver would combine."""

from __future__ import annotations

import pytest

from dnsplan.engine.kernel import Change, Refusal, admit
from dnsplan.engine.spans import FOREVER, Span, Spans
from dnsplan.engine.validators import DsRef, KeySet
from dnsplan.model.portfolio import Profile

USUAL: frozenset[Profile] = frozenset({"lenient", "rfc4509", "hardened"})
K1, K2, K8 = DsRef("k1", 13, 2), DsRef("k2", 13, 2), DsRef("k8", 8, 2)
K1_SHA1, K2_SHA384 = DsRef("k1", 13, 1), DsRef("k2", 13, 4)
OLD = KeySet(frozenset({("k1", 13), ("z1", 13)}), frozenset({"k1"}))
BOTH = KeySet(OLD.keys | {("k2", 13)}, frozenset({"k1", "k2"}))
NEW = KeySet(frozenset({("k2", 13), ("z1", 13)}), frozenset({"k2"}))
TWO = KeySet(OLD.keys | {("k8", 8), ("z8", 8)}, frozenset({"k1", "k8"}))
ONLY8 = KeySet(frozenset({("k8", 8), ("z8", 8)}), frozenset({"k8"}))
NONE = KeySet(frozenset(), frozenset())
Z1, Z18, Z8 = frozenset({"z1"}), frozenset({"z1", "z8"}), frozenset({"z8"})


def served(ds: frozenset[DsRef], dnskey: KeySet = OLD, zone: frozenset[str] = Z1) -> Spans:
    return Spans(
        ds=(Span(ds, 0, FOREVER, 90, None),),
        dnskey=(Span(dnskey, 0, FOREVER, 40, None),),
        zone=(Span(zone, 0, FOREVER, 60, None),),
    )


SWAPPED = Spans(
    ds=(Span(frozenset({K1}), 0, 280, 90, 190), Span(frozenset({K2}), 190, FOREVER, 10, None)),
    dnskey=(Span(BOTH, 0, FOREVER, 40, None),),
    zone=(Span(Z1, 0, FOREVER, 60, None),),
)
WRONG = {
    "disable, then remove the DS": (served(frozenset({K1})), Change(dnskey=NONE, zone=frozenset()), "lenient"),
    "old-algorithm keys dropped while their DS is served": (
        served(frozenset({K1, K8}), TWO, Z18), Change(dnskey=ONLY8, zone=Z8), "hardened",
    ),
    "SHA-1 to SHA-256 double-DS": (
        served(frozenset({K1_SHA1})), Change(ds=frozenset({K1_SHA1, K2})), "rfc4509",
    ),
    "SHA-256 to SHA-384 double-DS": (served(frozenset({K1})), Change(ds=frozenset({K1, K2_SHA384})), "hardened"),
    "migration with another algorithm": (
        served(frozenset({K1})), Change(ds=frozenset({K8}), dnskey=ONLY8, zone=Z8), "lenient",
    ),
    "a new-algorithm DS before its signatures": (
        served(frozenset({K1}), TWO), Change(ds=frozenset({K1, K8})), "hardened",
    ),
    "waiting on the new TTL": (SWAPPED, Change(dnskey=NEW), "lenient"),
}  # fmt: skip


@pytest.mark.parametrize("order", WRONG)
def test_a_wrong_order_is_refused_with_its_counterexample(order: str) -> None:
    spans, change, profile = WRONG[order]

    refused = admit(spans, change, 200, frozenset({profile}))
    usual = admit(spans, change, 200, USUAL)

    assert isinstance(refused, Refusal)
    assert isinstance(usual, Refusal)
    assert 200 <= refused.start < refused.end
    assert refused.reason
    print(f"\n{order}: {refused.profile} [{refused.start}, {refused.end}) {refused.reason}: {refused.triple}")
