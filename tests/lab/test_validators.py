"""The validator profiles are what real resolvers do: a table of triples, each a zone, asked of five resolvers.

A triple that a profile calls bogus is SERVFAIL at the resolvers of that profile, one that it calls secure has AD, and
one of which it considers no DS is answered without. `strict4035` has no resolver, as RFC 6840 section 5.11 forbids it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
"""By resolver, the profile that it is."""
Record = Callable[[str, object], None]


@dataclass(frozen=True)
class Rule:
    """Cells at which a resolver is known to differ from its profile: there, it must say this."""

    resolver: str
    when: Callable[[Triple], bool]
    says: Verdict
    why: str


def sha2_of_an_unsupported_algorithm_beside_sha1(triple: Triple) -> bool:
    usable = {ref.digest_type for ref in considered("lenient", triple.ds)}
    return usable == {1} and any(ref.digest_type in DIGEST_TYPES and ref.digest_type > 1 for ref in triple.ds)


def two_unpublished_signatures_first(triple: Triple) -> bool:
    return len(triple.signers) > 2 and set(sorted(triple.signers)[:2]) <= set(UNPUBLISHED)


RULES = (
    Rule(
        resolver="knot-resolver",
        when=sha2_of_an_unsupported_algorithm_beside_sha1,
        says=Verdict.BOGUS,
        why="ignores SHA-1 beside SHA-256 or SHA-384 even if it does not support the algorithm of the latter",
    ),
    Rule(
        resolver="pdns-recursor",
        when=two_unpublished_signatures_first,
        says=Verdict.BOGUS,
        why="gives up after two signatures by keys that are not in the DNSKEY RRset (max-rrsigs-per-record = 2)",
    ),
)


def expected(profile: Profile, triple: Triple) -> Verdict:
    if is_bogus(profile, triple.ds, triple.keys, triple.signers):
        return Verdict.BOGUS
    return Verdict.SECURE if considered(profile, triple.ds) else Verdict.INSECURE


@dataclass
class Comparison:
    """What the profiles expect of every zone, beside what the resolvers said."""

    zones: Mapping[str, Triple]
    answers: Mapping[str, Mapping[str, Verdict]]
    wanted: dict[Profile, dict[str, Verdict]] = field(init=False)
    explained: Counter[Rule] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wanted = {
            profile: {f"data.{zone}.": expected(profile, triple) for zone, triple in self.zones.items()}
            for profile in get_args(Profile)
        }
        for resolver, said in self.answers.items():
            for zone, triple in self.zones.items():
                self._compare(resolver, triple, said.get(f"data.{zone}."), self.profile(resolver)[f"data.{zone}."])

    def profile(self, resolver: str) -> dict[str, Verdict]:
        return self.wanted[PROFILES[resolver]]

    def _compare(self, resolver: str, triple: Triple, said: Verdict | None, wanted: Verdict) -> None:
        rule = next((rule for rule in RULES if rule.resolver == resolver and rule.when(triple)), None)
        if rule and said is rule.says:
            self.explained[rule] += 1
        elif rule or said is not wanted:
            self.unexplained.append(f"{resolver} ({PROFILES[resolver]}): {triple}: {wanted} expected, {said} seen")

    def distances(self, resolver: str) -> dict[Profile, int]:
        """Return at how many zones a resolver differs from each profile."""
        said = self.answers[resolver]
        return {
            profile: sum(said.get(name) is not verdict for name, verdict in wanted.items())
            for profile, wanted in self.wanted.items()
        }

    def admitted(self) -> list[str]:
        """Return the names that are secure in every profile that a policy requires unless it says otherwise."""
        required = [self.wanted[profile] for profile in Policy().validators]
        return [name for name in required[0] if all(wanted[name] is Verdict.SECURE for wanted in required)]

    def failing(self, names: list[str]) -> int:
        """Return how many of these names some resolver does not validate."""
        return sum(any(said[name] is not Verdict.SECURE for said in self.answers.values()) for name in names)

    def lines(self) -> list[str]:
        lines = []
        for resolver, said in self.answers.items():
            counts = Counter(verdict.value for verdict in said.values())
            lines.append(f"{resolver:17} {dict(counts)}; differs from {self.distances(resolver)}")
        lines.append(f"disagreements: {len(self.unexplained)}, by rule {sum(self.explained.values())}")
        lines += [f"{count} at {rule.resolver}, which {rule.why}" for rule, count in self.explained.items()]
        return lines


def test_every_profile_is_what_real_resolvers_do(tmp_path: Path, record_property: Record) -> None:
    began = time.monotonic()
    keys = make_all_keys()
    zones = {f"t{number:04}.tld": triple for number, triple in enumerate([*small_triples(), *edge_triples()])}
    children = {zone: child_zone(zone, triple, keys) for zone, triple in zones.items()}
    tld = delegations(zones, keys, own=TLD.address, children=CHILDREN.address)
    with running_world(tmp_path, tld, children) as world:
        up = time.monotonic()
        answers = ask_everywhere(world.resolvers, [f"data.{zone}." for zone in zones])
        asked = time.monotonic()
    found = Comparison(zones=zones, answers=answers)
    cells = sum(len(said) for said in answers.values())
    assert cells == len(zones) * len(RESOLVERS)
    admitted = found.admitted()
    strict = [name for name in admitted if found.wanted["strict4035"][name] is Verdict.BOGUS]
    failing = found.failing(admitted)
    figures = [
        f"{len(zones)} triples, {cells} cells, signed in {up - began:.1f} s, asked in {asked - up:.1f} s",
        *found.lines(),
        f"{len(admitted)} triples are secure in every required profile; by rule, {failing} fail somewhere",
        f"{len(strict)} of them are bogus in strict4035; {found.failing(strict)} fail somewhere",
    ]
    record_property("figures", "\n".join(figures))
    print("\n" + "\n".join(figures))
    assert found.unexplained == []
    assert set(found.explained) == set(RULES)
    for resolver, profile in PROFILES.items():
        # no other profile would do: the table tells them apart
        distances = found.distances(resolver)
        assert min(distances, key=lambda each: distances[each]) == profile
        assert sorted(distances.values())[1] > 50
    assert failing == found.explained.total()
    assert found.failing(strict) == 0
    assert len(strict) > 50
