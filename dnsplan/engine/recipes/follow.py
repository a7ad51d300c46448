"""Recipe K, follow: the signer rolls its keys itself, and the parent's DS follow what it publishes.

RFC 7344 section 4.1 (acceptance of new keys by the chain that is there) and RFC 7583 section 3.3. A key is a candidate
when it stands in the DNSKEY RRset and signs it, on every server. Stages: K2a add its DS (gate: every server shows it;
for a new algorithm, no cache holds a DNSKEY RRset or data without it) · K2 or K2b the DS of a key that no longer signs
leaves, or both are swapped (gate: no cache holds a DNSKEY RRset that the new key does not sign). Never the last DS that
works. A new algorithm, or several new keys at once, is no everyday rollover: it must have signed for a day, in which a
person may notice it. Where no key with a DS signs any more that day is not waited for. A zone whose keys have nothing
to do with those before is not followed: a person says whether that was meant.
"""

from __future__ import annotations

from itertools import takewhile

from dnsplan.engine.stages import OPEN, Proposals, both_of, keys_cached, keys_everywhere, move_ds, signatures_cached
from dnsplan.engine.target import Target, ids, target_of
from dnsplan.engine.view import View
from dnsplan.model.history import DnskeyContent, RRsetVersion
from dnsplan.model.plan import Gate, GateTerm
from dnsplan.model.records import KeyId
from dnsplan.model.time import Instant, Seconds

FOLLOW_HOLD: Seconds = 86400
"""How long keys that are out of the ordinary must have signed on every server."""


def propose(view: View) -> Proposals:
    """Return the next change of the DS RRset; empty when it names the keys that sign."""
    target = target_of(view)
    swap, hold = keys_cached(view, target), _hold(view, target)
    known = {d.algorithm for d in view.refs}
    if {key.algorithm for key in target.seps} <= known:
        return move_ds(view, target, "K2", add=both_of(keys_everywhere(view), hold), swap=both_of(swap, hold))
    new = both_of(swap, signatures_cached(view, target), hold)
    return move_ds(view, target, "K2", add=new, swap=new)


def _hold(view: View, target: Target) -> Gate:
    """Return the gate that opens when keys out of the ordinary have signed for long enough."""
    vouched = {d.key for d in view.refs}
    new = [key for key in target.seps if key.id not in vouched]
    ordinary = len(new) < 2 and {key.algorithm for key in new} <= {d.algorithm for d in view.refs}
    if ordinary or not vouched & view.keyset.working:
        return OPEN
    since = _signing_since(view, ids(new))
    reason = "a new algorithm, or several new keys at once, is followed when it has signed for a day"
    at = None if since is None else since + FOLLOW_HOLD
    return Gate(terms=(GateTerm(reason=reason, at=at, base=since, margin=FOLLOW_HOLD),))


def _signing_since(view: View, keys: frozenset[KeyId]) -> Instant | None:
    """Return when every server showed that these keys sign, without a break since; None if not all do yet."""

    def signing(version: RRsetVersion) -> bool:
        content = version.content
        return isinstance(content, DnskeyContent) and keys <= content.signers & ids(content.keys)

    unbroken = takewhile(signing, reversed(view.history.dnskey))
    return min((version.everywhere for version in unbroken if version.everywhere is not None), default=None)
