"""Recipe F, algorithm rollover, conservative: at every moment each algorithm in the DNSKEY RRset signs everything.

RFC 6781 section 4.1.4 (conservative approach), for validators that read RFC 4035 section 2.2 strictly. Stages: F0
create the keys · F1 sign the data with both algorithms while the new keys are unpublished · F2 publish the new keys
(gate: no cache holds data without the new signatures) · F3 the DS moves (gate: no cache holds a DNSKEY RRset that the
new key does not sign) · F4 the old keys leave, their signatures stay (gate: no cache holds a DS of the old algorithm) ·
F5 the signatures leave (gate: no cache holds a DNSKEY RRset with an old key) · F6 the signer forgets the keys.
"""

from __future__ import annotations

from dnsplan.engine.gates import demands_none_of, gate, lacks_algorithms
from dnsplan.engine.stages import (
    Proposals,
    create,
    forget,
    keys_cached,
    leaving_algorithms,
    move_ds,
    publish,
    sign_with,
    signatures_cached,
    switch_data,
    withdraw,
)
from dnsplan.engine.target import Target, target_of
from dnsplan.engine.view import View


def propose(view: View) -> Proposals:
    """Return the next stage; empty when only the new algorithm is left."""
    target = target_of(view)
    when = keys_cached(view, target)
    return (
        create(view, target, "F0")
        or sign_with(view, target, "F1", "sign the data with both algorithms")
        or publish(view, target, "F2", when=signatures_cached(view, target), op="dnskey.publish")
        or move_ds(view, target, "F3", add=when, swap=when)
        or _leave(view, target)
        or forget(view, target, "F6")
    )


def _leave(view: View, target: Target) -> Proposals:
    old = leaving_algorithms(view, target)
    gone = gate("DS", view.spans.ds, demands_none_of(old), view.margins, "no cache holds a DS of the old algorithm")
    reason = "no cache holds a DNSKEY RRset with an old key"
    unused = gate("DNSKEY", view.spans.dnskey, lacks_algorithms(old), view.margins, reason)
    summary = "stop signing with the old algorithm"
    return withdraw(view, target, "F4", when=gone) or switch_data(view, target, "F5", when=unused, summary=summary)
