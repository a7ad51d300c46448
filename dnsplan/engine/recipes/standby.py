"""Recipe standby: one more key signs the DNSKEY RRset, without a DS, so that an emergency need not wait for it.

RFC 7583 (standby keys). Stages: S0 create the key · S1 publish it and let it
sign the DNSKEY RRset (gate: none; no DS names it).
"""

from __future__ import annotations

from dnsplan.engine.stages import Proposals, create, publish
from dnsplan.engine.target import target_of
from dnsplan.engine.view import View


def propose(view: View) -> Proposals:
    """Return the next stage; empty when the key signs."""
    target = target_of(view)
    return create(view, target, "S0") or publish(view, target, "S1", op="dnskey.publish")
