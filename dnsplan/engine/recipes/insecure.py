"""Recipe G, insecure: the DS goes first, signing last.

Stages: G1 remove every DS · G2 stop signing (gate: no cache holds a DS, nor a DNSKEY RRset that it trusts on account of
one) · G3 the signer forgets the keys. Never the other way round: a zone whose signatures vanish below a DS is dark for
every validator.
"""

from __future__ import annotations

from dnsplan.engine.gates import empty, trust_gate
from dnsplan.engine.parent_side import ds_proposal
from dnsplan.engine.view import Proposal, View
from dnsplan.model.action import DeleteKey, SetKeys
from dnsplan.model.plan import Blocked, Finding, Gate


def propose(view: View) -> tuple[Proposal | Blocked, ...]:
    """Return the next stage; empty when there is no DS, no DNSKEY and no signature."""
    if view.ds.ds:
        if view.foreign_ds and view.situation.policy.unknown_ds != "remove":
            return (foreign_left(view, "G1"),)
        return (ds_proposal(view, stage="G1", wanted=(), gate=Gate(), undo="fast", summary="remove every DS"),)
    if view.dnskey.keys or view.zone.signers:
        reason = "no cache holds a DS, nor trusts a DNSKEY RRset on account of one"
        action = SetKeys(published=(), sign_keys=frozenset(), sign_zone=frozenset())
        return (
            Proposal(
                stage="G2",
                op="signing.disable",
                candidates=(action,),
                gate=trust_gate(view.spans, empty, view.margins, reason),
                undo="slow",
                summary="withdraw the keys and stop signing",
            ),
        )
    return tuple(
        Proposal(
            stage="G3",
            op="dnskey.delete",
            candidates=(DeleteKey(key=held.key),),
            gate=view.everywhere(view.history.dnskey, "no server shows a DNSKEY"),
            undo="irreversible",
            summary="delete a key at the signer",
        )
        for held in view.situation.held or ()
        if not held.published and not held.active
    )[:1]


def foreign_left(view: View, stage: str) -> Blocked:
    """Return why no DS is removed where one of them would stay."""
    records = ", ".join(str(ds) for ds in view.foreign_ds)
    return Blocked(
        stage=stage,
        findings=(
            Finding(
                code="CHAIN_DANGLING_DS",
                severity="error",
                summary="A DS that matches no known key would be left alone and make the zone bogus",
                detail=records,
                action="remove it at the parent, or set `unknown_ds: remove` in the policy",
                source="RFC 4035 5.2",
            ),
        ),
    )
