"""What a policy states of a zone at rest beyond its keys: TTLs, parameters of NSEC3, how long signatures are valid.

Only what the policy's own file states is asked for; and nothing is, where the servers differ or one says nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, TypeVar

from dnsplan.engine.view import View
from dnsplan.model.action import SetNsec3
from dnsplan.model.observation import ChildAnswer, ChildView, Denial, ParentAnswer, ParentView
from dnsplan.model.time import Seconds

OLDER_THAN_NSEC3 = frozenset({1, 3, 5})
"""Algorithms whose number tells a validator that the zone uses NSEC (RFC 5155 section 2)."""

Named = Literal["DS", "DNSKEY"]
T = TypeVar("T", int, str)


@dataclass(frozen=True, slots=True)
class TtlChange:
    """An RRset that every server serves with one TTL, and the TTL that the policy wants."""

    rrset: Named
    served: Seconds
    wanted: Seconds

    @property
    def is_lower(self) -> bool:
        """Tell whether the policy wants less than is served."""
        return self.wanted < self.served


def served_ttl(view: View, rrset: Named) -> Seconds | None:
    """Return the TTL of an RRset; None where it is not there, servers differ, or one says nothing."""
    seen = view.situation.seen
    views: tuple[ParentView | ChildView, ...] = seen.parent if rrset == "DS" else seen.child
    ttls = {_ttl_of(answer) for answer in views if answer.address not in seen.extra}
    return ttls.pop() if len(ttls) == 1 else None


def _ttl_of(answer: ParentView | ChildView) -> Seconds | None:
    if isinstance(answer, ParentAnswer):
        return answer.ttl if answer.ds and answer.trust != "bogus" else None
    return answer.key_ttl if isinstance(answer, ChildAnswer) and answer.keys else None


def ttl_changes(view: View) -> tuple[TtlChange, ...]:
    """Return the TTLs that the policy states and that nobody has asked for yet, of the DNSKEY RRset first."""
    wanted: tuple[tuple[Named, Seconds | None], ...] = (("DNSKEY", _key_ttl(view)), ("DS", _ds_ttl(view)))
    newest = {"DNSKEY": view.history.dnskey[-1], "DS": view.history.ds[-1]}
    changes = []
    for rrset, ttl in wanted:
        served = served_ttl(view, rrset)
        if ttl is not None and served is not None and ttl not in {served, newest[rrset].ttl}:
            changes.append(TtlChange(rrset, served, ttl))
    return tuple(changes)


def _key_ttl(view: View) -> Seconds | None:
    policy = view.situation.policy
    return policy.dnskey_ttl if "dnskey.ttl" in policy.stated else None


def _ds_ttl(view: View) -> Seconds | None:
    """Return the TTL for the DS where that served is above the policy's limit; a lower one is as wanted."""
    policy, own = view.situation.policy, view.situation.capabilities.ds_ttl
    served = served_ttl(view, "DS")
    if "ds.ttl_max" not in policy.stated or served is None or served <= policy.ds_ttl_max:
        return None
    return policy.ds_ttl_max if own is None else min(own, policy.ds_ttl_max)


def why_not_ttl(view: View, change: TtlChange) -> tuple[str, str]:
    """Return why a TTL cannot be set and what a person can do; two empty texts if it can be."""
    capabilities = view.situation.capabilities
    if change.rrset == "DS":
        if not capabilities.sets_ds_ttl:
            return "the way in to the parent cannot set the TTL of the DS", "ask the parent, or raise `ds: ttl_max`"
        if capabilities.ds_ttl is not None and capabilities.ds_ttl > view.situation.policy.ds_ttl_max:
            return (
                "the parent's entry gives every DS a higher TTL",
                "lower `ds_ttl` of the entry, or raise `ds: ttl_max`",
            )
        return "", ""
    return _why_not_signer(view, can=capabilities.dnskey_ttl != "fixed", setting="dnskey: ttl")


def wanted_nsec3(view: View) -> SetNsec3 | None:
    """Return the parameters that the policy states, in a zone whose every server uses NSEC3 and not all use these.

    The policy does not choose between NSEC and NSEC3: a zone that uses NSEC keeps it.
    """
    policy, seen = view.situation.policy, view.situation.seen
    found = {_denial_of(answer) for answer in seen.child if answer.address not in seen.extra}
    denials = {denial for denial in found if denial is not None and denial.nsec3}
    if not denials or denials != found:
        return None
    counts, salts = {denial.iterations for denial in denials}, {denial.salt for denial in denials}
    iterations = policy.nsec3_iterations if "nsec3.iterations" in policy.stated else _only(counts)
    salt = _only(salts)
    if "nsec3.salt_length" in policy.stated and (salt is None or len(salt) != 2 * policy.nsec3_salt_length):
        salt = hashlib.shake_256(view.situation.intent.zone.encode()).hexdigest(policy.nsec3_salt_length)
    if iterations is None or salt is None or (counts == {iterations} and salts == {salt}):
        return None
    return SetNsec3(iterations=iterations, salt=salt)


def _denial_of(answer: ChildView) -> Denial | None:
    return answer.denial if isinstance(answer, ChildAnswer) else None


def _only(values: set[T]) -> T | None:
    return next(iter(values)) if len(values) == 1 else None


def why_not_nsec3(view: View) -> tuple[str, str]:
    """Return why the parameters of NSEC3 cannot be set and what a person can do; two empty texts if they can be."""
    old = sorted({key.algorithm for key in view.dnskey.keys} & OLDER_THAN_NSEC3)
    if old:
        return f"a key has algorithm {old[0]}, which is not used with NSEC3", "change `algorithm` in the policy first"
    return _why_not_signer(view, can=view.situation.capabilities.sets_nsec3, setting="nsec3")


def _why_not_signer(view: View, *, can: bool, setting: str) -> tuple[str, str]:
    action = f"set it at the signer, or change `{setting}` in the policy"
    if view.situation.intent.keys == "follow":
        return "the signer rolls by itself and is not told anything", action
    return ("", "") if can else ("the signer's interface cannot set it", action)


def validity_above(view: View) -> Seconds | None:
    """Return for how long a signature is valid where that is longer than the policy states; None if it is not."""
    policy = view.situation.policy
    if "signatures.max_validity" not in policy.stated:
        return None
    answers = [answer for answer in view.situation.seen.child if isinstance(answer, ChildAnswer)]
    longest = max((answer.signatures_validity for answer in answers), default=0)
    return longest if longest > policy.signature_max_validity else None
