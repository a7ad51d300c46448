"""The validator profiles are what real resolvers do: a table of triples, each a zone, asked of five resolvers.

A triple that a profile calls bogus is SERVFAIL at the resolvers of that profile, one that it calls secure has AD, and
one of which it considers no DS is answered without. `strict4035` has no resolver, as RFC 6840 section 5.11 forbids it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from lab_triples import UNPUBLISHED, Triple, child_zone, delegations, edge_triples, make_all_keys, small_triples
from lab_validators import CHILDREN, RESOLVERS, TLD, Verdict, ask_everywhere, running_world

from dnsplan.engine.validators import considered, is_bogus
from dnsplan.model.portfolio import Policy, Profile
from dnsplan.model.records import DIGEST_TYPES

PROFILES: dict[str, Profile] = {
    "unbound": "lenient",
    "unbound-hardened": "hardened",
    "bind": "rfc4509",
    "knot-resolver": "rfc4509",
    "pdns-recursor": "rfc4509",
}
Record = Callable[[str, object], None]


@dataclass(frozen=True)
class Rule:
    """Cells at which a resolver is known to differ from its profile."""

    resolver: str
    when: Callable[[Triple], bool]
    says: Verdict
    why: str


def two_unpublished_first(triple: Triple) -> bool:
    return sorted(triple.signers)[:2] == sorted(triple.signers & set(UNPUBLISHED))[:2] and len(triple.signers) > 2


def sha2_of_no_algorithm_beside_sha1(triple: Triple) -> bool:
    usable = {ref.digest_type for ref in considered("lenient", triple.ds)}
    return usable == {1} and any(ref.digest_type in DIGEST_TYPES and ref.digest_type > 1 for ref in triple.ds)


RULES = (
    Rule(
        resolver="knot-resolver",
        when=sha2_of_no_algorithm_beside_sha1,
        says=Verdict.BOGUS,
        why="it ignores SHA-1 beside any SHA-256 or SHA-384, even of an algorithm that it does not support",
    ),
    Rule(
        resolver="pdns-recursor",
        when=two_unpublished_first,
        says=Verdict.BOGUS,
        why="max-rrsigs-per-record = 2: it gives up after two signatures by keys that are not in the DNSKEY RRset",
    ),
)


def expected(profile: Profile, triple: Triple) -> Verdict:
    if not considered(profile, triple.ds):
        return Verdict.INSECURE
    bogus = is_bogus(profile, triple.ds, triple.keys, triple.signers)
    return Verdict.BOGUS if bogus else Verdict.SECURE


def test_every_profile_is_what_real_resolvers_do(tmp_path: Path, record_property: Record) -> None:
    began = time.monotonic()
    keys = make_all_keys()
    zones = {f"t{number:04}.tld": triple for number, triple in enumerate([*small_triples(), *edge_triples()])}
    children = {zone: child_zone(zone, triple, keys) for zone, triple in zones.items()}
    tld = delegations(zones, keys, own=TLD.address, children=CHILDREN.address)
    with running_world(tmp_path, tld, children) as world:
        asked = time.monotonic()
        answers = ask_everywhere(world.resolvers, [f"data.{zone}." for zone in zones])
        answered = time.monotonic()
    table = {
        resolver: [(triple, said.get(f"data.{zone}.")) for zone, triple in zones.items()]
        for resolver, said in answers.items()
    }
    figures = [
        f"{len(zones)} triples, {sum(len(said) for said in answers.values())} cells, "
        f"asked in {answered - asked:.1f} s of {answered - began:.1f} s"
    ]
    unexplained: list[str] = []
    explained: Counter[Rule] = Counter()
    for resolver, cells in table.items():
        counts = Counter(said.value if said else "unanswered" for _, said in cells)
        differ = {
            profile: sum(said is not expected(profile, triple) for triple, said in cells)
            for profile in get_args(Profile)
        }
        figures.append(f"{resolver:17} {dict(counts)}, differs from {differ}")
        for triple, said in cells:
            wanted = expected(PROFILES[resolver], triple)
            rule = next((rule for rule in RULES if rule.resolver == resolver and rule.when(triple)), None)
            if rule and said is rule.says:
                explained[rule] += 1
            elif rule or said is not wanted:
                unexplained.append(f"{resolver} ({PROFILES[resolver]}): {triple}: {wanted}, but {said}")
        # the table tells the profiles apart: no other profile explains this resolver
        assert min(differ, key=lambda profile: differ[profile]) == PROFILES[resolver]
        assert sorted(differ.values())[1] > 50
    figures.append(f"{len(unexplained)} disagreements, and {sum(explained.values())} by rule:")
    figures += [f"{rule.resolver}: {count}: {rule.why}" for rule, count in explained.items()]
    strict = [triple for triple in zones.values() if _is_good(triple) and expected("strict4035", triple) is Verdict.BOGUS]
    figures.append(f"{len(strict)} triples that only strict4035 calls bogus: secure at every resolver")
    record_property("figures", "\n".join(figures))
    print("\n" + "\n".join(figures))
    assert unexplained == []
    assert set(explained) == set(RULES)
    assert set(table) == set(RESOLVERS)
    assert len(strict) > 50


def _is_good(triple: Triple) -> bool:
    required = Policy(name="any").validators
    return all(expected(profile, triple) is Verdict.SECURE for profile in required)
