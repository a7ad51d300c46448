"""Known-wrong orders are refused, each with the combination that would fail."""

from __future__ import annotations

import pytest

from dnsplan.engine.gates import empty, gate, signed_by, signs_keys, trust_gate, vouches_for
from dnsplan.engine.kernel import Change, Refusal, admit
from dnsplan.engine.spans import FOREVER, Margins, Span, Spans, trust
from dnsplan.engine.unknown import harmless
from dnsplan.engine.validators import DsRef, KeySet
from dnsplan.model.plan import Gate, Proof
from dnsplan.model.portfolio import Profile

K1, K2 = DsRef("k1", 13, 2), DsRef("k2", 13, 2)
USUAL: frozenset[Profile] = frozenset({"lenient", "rfc4509", "hardened"})


def keys(*ids: str, signers: str = "", algorithm: int = 13) -> KeySet:
    return KeySet(frozenset((name, algorithm) for name in ids), frozenset(signers.split() or ids))


OLD, BOTH, NEW = keys("k1", "z", signers="k1"), keys("k1", "k2", "z", signers="k1 k2"), keys("k2", "z", signers="k2")
DATA = frozenset({"z"})


def spans(*, ds=None, dnskey=None, zone=None) -> Spans:  # type: ignore[no-untyped-def]
    return Spans(
        ds=ds or (Span(frozenset({K1}), 0, FOREVER, 90, None),),
        dnskey=dnskey or (Span(OLD, 0, FOREVER, 40, None),),
        zone=zone or (Span(DATA, 0, FOREVER, 60, None),),
    )


def test_adding_a_key_that_signs_is_admitted_at_once() -> None:
    verdict = admit(spans(), Change(dnskey=BOTH), 100, USUAL)

    assert isinstance(verdict, Proof)
    assert verdict.triples == 3
    assert verdict.profiles == USUAL


def test_stopping_to_sign_below_a_ds_is_refused() -> None:
    verdict = admit(spans(), Change(dnskey=KeySet(frozenset(), frozenset()), zone=frozenset()), 100, USUAL)

    assert isinstance(verdict, Refusal)
    assert verdict.reason == "the data do not validate under the DNSKEY RRset"
    assert (verdict.start, verdict.end) == (100, FOREVER)


def test_a_dnskey_set_without_the_key_that_the_ds_names_is_refused() -> None:
    verdict = admit(spans(), Change(dnskey=NEW), 100, USUAL)

    assert isinstance(verdict, Refusal)
    assert verdict.reason == "the DNSKEY RRset does not validate under the DS RRset"


def test_swapping_the_ds_waits_for_the_old_dnskey_ttl() -> None:
    rolled = (Span(OLD, 0, 145, 40, 100), Span(BOTH, 100, FOREVER, 40, None))

    early = admit(spans(dnskey=rolled), Change(ds=frozenset({K2})), 144, USUAL)
    late = admit(spans(dnskey=rolled), Change(ds=frozenset({K2})), 145, USUAL)

    assert isinstance(early, Refusal)
    assert (early.start, early.end) == (144, 145)
    assert isinstance(late, Proof)


def test_withdrawing_the_old_key_waits_for_the_old_ds_ttl() -> None:
    moved = (Span(frozenset({K1}), 0, 300, 90, 200), Span(frozenset({K2}), 200, FOREVER, 90, None))
    served = (Span(BOTH, 100, FOREVER, 40, None),)

    assert isinstance(admit(spans(ds=moved, dnskey=served), Change(dnskey=NEW), 299, USUAL), Refusal)
    assert isinstance(admit(spans(ds=moved, dnskey=served), Change(dnskey=NEW), 300, USUAL), Proof)


def test_data_stay_signed_while_a_dnskey_is_trusted_beyond_its_ds() -> None:
    gone = (Span(frozenset({K1}), 0, 300, 90, 200), Span(frozenset[DsRef](), 200, FOREVER, 90, None))
    unsign = Change(zone=frozenset())

    early = admit(spans(ds=gone), unsign, 339, USUAL)

    assert isinstance(early, Refusal)
    assert early.reason == "the data do not validate under the DNSKEY RRset"
    assert isinstance(admit(spans(ds=gone), unsign, 340, USUAL), Proof)


def test_double_ds_with_a_stronger_digest_is_refused() -> None:
    sha1 = (Span(frozenset({DsRef("k1", 13, 1)}), 0, FOREVER, 90, None),)

    verdict = admit(spans(ds=sha1), Change(ds=frozenset({DsRef("k1", 13, 1), K2})), 100, USUAL)
    hardened = admit(spans(), Change(ds=frozenset({K1, DsRef("k2", 13, 4)})), 100, USUAL)

    assert isinstance(verdict, Refusal)
    assert isinstance(hardened, Refusal)
    assert hardened.profile == "hardened"


def test_a_ds_of_a_new_algorithm_before_its_signatures_is_refused() -> None:
    verdict = admit(spans(), Change(ds=frozenset({K1, DsRef("k8", 8, 2)})), 100, USUAL)

    assert isinstance(verdict, Refusal)
    assert verdict.profile == "hardened"


def test_what_was_bad_already_may_stay_bad_on_the_way_to_repair() -> None:
    broken = (Span(frozenset({DsRef("lost", 13, 2)}), 0, FOREVER, 90, None),)

    assert isinstance(admit(spans(ds=broken), Change(dnskey=BOTH), 100, USUAL), Proof)
    assert isinstance(admit(spans(ds=broken), Change(ds=frozenset({K1})), 100, USUAL), Proof)


def test_versions_that_never_met_are_not_combined() -> None:
    early = Span(frozenset({K1}), 0, 50, 90, 10)
    late = Span(NEW, 60, FOREVER, 40, None)

    assert trust(early, late) is None
    served = spans(ds=(early, Span(frozenset({K2}), 10, FOREVER, 90, None)), dnskey=(late,))
    assert isinstance(admit(served, Change(zone=frozenset({"z", "y"})), 70, USUAL), Proof)


UNKNOWN = Span(None, 0, 200, 90, 100)
CASES = [
    ("an added key keeps an unknown DS valid", (None, BOTH, DATA), (None, OLD, DATA), True),
    ("a withdrawn key may be the one an unknown DS names", (None, NEW, DATA), (None, BOTH, DATA), False),
    (
        "nothing validated under an unsigned zone",
        (None, OLD, DATA),
        (None, KeySet(frozenset(), frozenset()), DATA),
        True,
    ),
    ("a DS added of the same kind", (frozenset({K1, K2}), None, DATA), (frozenset({K1}), None, DATA), True),
    ("a first DS with an unknown DNSKEY", (frozenset({K1}), None, DATA), (frozenset[DsRef](), None, DATA), False),
    ("a DS swapped with an unknown DNSKEY", (frozenset({K2}), None, DATA), (frozenset({K1}), None, DATA), False),
    ("unknown data under an added key", (frozenset({K1}), BOTH, None), (frozenset({K1}), OLD, None), True),
    ("unknown data under fewer keys", (frozenset({K2}), NEW, None), (frozenset({K2}), BOTH, None), False),
    ("unknown data when the DS is swapped", (frozenset({K2}), BOTH, None), (frozenset({K1}), BOTH, None), True),
    ("unknown data with a first DS", (frozenset({K2}), BOTH, None), (frozenset[DsRef](), BOTH, None), False),
    ("more signatures with unknown keys", (None, None, frozenset({"z", "y"})), (None, None, DATA), True),
    ("fewer signatures with unknown keys", (None, None, frozenset[str]()), (None, None, DATA), False),
    ("a known bad pair", (frozenset({K1}), NEW, None), (frozenset({K1}), BOTH, None), False),
]


@pytest.mark.parametrize(("why", "new", "old", "expected"), CASES, ids=[case[0] for case in CASES])
def test_a_change_beside_unknown_versions(why, new, old, expected) -> None:  # type: ignore[no-untyped-def]
    assert harmless("hardened", new, old) is expected


def test_the_strict_profile_takes_no_new_algorithm_beside_an_unknown_version() -> None:
    grown = KeySet(OLD.keys | {("k8", 8)}, OLD.signers | {"k8"})

    assert not harmless("strict4035", (None, grown, DATA), (None, OLD, DATA))
    assert harmless("strict4035", (None, BOTH, DATA), (None, OLD, DATA))
    assert not harmless("hardened", (None, OLD, DATA), (frozenset({K1}), OLD, DATA))


def test_an_unknown_version_holds_a_change_back_until_it_is_gone() -> None:
    served = spans(
        ds=(UNKNOWN, Span(frozenset({K2}), 0, FOREVER, 90, None)), dnskey=(Span(BOTH, 0, FOREVER, 40, None),)
    )

    early = admit(served, Change(dnskey=NEW), 150, USUAL)

    assert isinstance(early, Refusal)
    assert early.reason.startswith("what was served before the first look is unknown")
    assert isinstance(admit(served, Change(dnskey=NEW), 240, USUAL), Proof)


def test_gates_are_open_when_every_version_has_the_property_and_unknown_while_the_newest_has_not() -> None:
    margin = Margins(parent=7, child=5, resign=0)
    served = spans(ds=(Span(frozenset({K1}), 0, FOREVER, 90, None),))
    moved = spans(ds=(Span(frozenset({K1}), 0, 300, 90, 200), Span(frozenset[DsRef](), 200, FOREVER, 90, None)))
    foreign = spans(
        ds=(Span(frozenset({DsRef("x", 13, 2)}), 0, 300, 90, 200), Span(frozenset[DsRef](), 200, FOREVER, 90, None))
    )

    assert gate("DS", served.ds, vouches_for(frozenset({"k1"})), margin, "why") == Gate()
    assert gate("DS", served.ds, empty, margin, "why").at is None
    assert gate("DNSKEY", served.dnskey, signs_keys(frozenset({"k2"})), margin, "why").at is None
    assert gate("ZONE", served.zone, signed_by(frozenset({"z"})), margin, "why").at == 0
    assert trust_gate(moved, empty, margin, "why").at == 340
    assert trust_gate(foreign, empty, margin, "why").at == 300


def test_the_strict_profile_asks_what_unknown_data_are_signed_with() -> None:
    old, wider = keys("k1", signers="k1"), keys("k1", "k2", signers="k1 k2")
    more = KeySet(old.keys | {("k8", 8)}, frozenset({"k1", "k8"}))

    assert harmless("strict4035", (frozenset({K1}), wider, None), (frozenset({K1}), old, None))
    assert not harmless("strict4035", (frozenset({K1}), more, None), (frozenset({K1}), old, None))
