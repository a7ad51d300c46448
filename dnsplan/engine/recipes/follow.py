"""Recipe K, follow: the signer rolls its keys itself, and the parent's DS follow what it publishes.

RFC 7344 section 4.1 (acceptance of new keys by the chain that is there) and RFC 7583 section 3.3. A key is a candidate
when it stands in the DNSKEY RRset and signs it, on every server. Stages: K2a add its DS (gate: every server shows it;
for a new algorithm, no cache holds a DNSKEY RRset or data without it) · K2 or K2b the DS of a key that no longer signs
leaves, or both are swapped (gate: no cache holds a DNSKEY RRset that the new key does not sign). Never the last DS that
works. A zone whose keys have nothing to do with those before is not followed: a person says whether that was meant.
"""

from __future__ import annotations

from dnsplan.engine.stages import Proposals, both_of, keys_cached, keys_everywhere, move_ds, signatures_cached
from dnsplan.engine.target import target_of
from dnsplan.engine.view import View


def propose(view: View) -> Proposals:
    """Return the next change of the DS RRset; empty when it names the keys that sign."""
    target = target_of(view)
    swap = keys_cached(view, target)
    known = {d.algorithm for d in view.refs}
    if {key.algorithm for key in target.seps} <= known:
        return move_ds(view, target, "K2", add=keys_everywhere(view), swap=swap)
    new = both_of(swap, signatures_cached(view, target))
    return move_ds(view, target, "K2", add=new, swap=new)
