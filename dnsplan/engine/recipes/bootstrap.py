"""Recipe A, bootstrap: sign the zone, and add the DS when every cache can validate by it.

RFC 6781 section 4.4.1 (initial introduction), with RFC 7583's intervals. Stages: A0 create the keys · A1 publish and
sign (gate: none, there is no DS) · A3 add the DS (gate: no cache holds a DNSKEY answer without the key, nor unsigned
data). A zone that is already broken is repaired the same way: the kernel admits what makes no validator worse off.
"""

from __future__ import annotations

from dnsplan.engine.gates import gate, signed_by, signs_keys
from dnsplan.engine.parent_side import ds_proposal
from dnsplan.engine.view import Proposal, View
from dnsplan.model.plan import Blocked, CreateKey, Gate, SetKeys
from dnsplan.model.portfolio import Role
from dnsplan.model.records import Dnskey


def propose(view: View) -> tuple[Proposal | Blocked, ...]:
    """Return the next stage; empty when the DS of every working SEP key is asked for."""
    if not _is_signed(view):
        missing = [role for role in _roles(view) if not _created(view, role)]
        if missing:
            return (_create(view, missing[0]),)
        return (_sign(view),)
    wanted = tuple(sorted({*view.ds.ds, *view.ds_of(view.working_seps)}))
    if wanted == view.ds.ds:
        return ()
    seps = frozenset(key.id for key in view.working_seps)
    terms = (
        *gate(
            "DNSKEY",
            view.spans.dnskey,
            signs_keys(seps),
            view.margins,
            "no cache holds a DNSKEY answer without the key",
        ).terms,
        *gate(
            "ZONE",
            view.spans.zone,
            signed_by(view.zone.signers),
            view.margins,
            "no cache holds data without signatures",
        ).terms,
    )
    chosen = Gate(terms=terms)
    if view.ds.ds:  # broken: no cache validates now, so that waiting for caches helps nobody
        chosen = view.everywhere(view.history.dnskey, "every server shows the DNSKEY RRset")
    return (ds_proposal(view, stage="A3", wanted=wanted, gate=chosen, undo="fast", summary="add the DS"),)


def _is_signed(view: View) -> bool:
    ids = {key.id for key in view.dnskey.keys}
    return bool(view.working_seps) and bool(view.zone.signers & ids)


def _roles(view: View) -> tuple[Role, ...]:
    return ("csk",) if view.situation.policy.scheme == "csk" else ("ksk", "zsk")


def _created(view: View, role: Role) -> tuple[Dnskey, ...]:
    return tuple(held.key for held in view.history.held if held.role == role and held.key.id in view.rollover.new)


def _create(view: View, role: Role) -> Proposal:
    existing = frozenset(held.key.id for held in view.history.held)
    action = CreateKey(role=role, algorithm=view.situation.policy.algorithm, existing=existing)
    return Proposal(
        stage=f"A0-{role}",
        op="dnskey.create",
        candidates=(action,),
        gate=Gate(),
        undo="fast",
        summary=f"create a {role.upper()}",
    )


def _sign(view: View) -> Proposal:
    new = {role: _created(view, role) for role in _roles(view)}
    seps = frozenset(key.id for role in ("ksk", "csk") for key in new.get(role, ()))
    zone_keys = frozenset(key.id for role in ("zsk", "csk") for key in new.get(role, ()))
    action = SetKeys(
        published=tuple(sorted({*view.dnskey.keys, *(key for keys in new.values() for key in keys)})),
        sign_keys=view.dnskey.signers | seps,
        sign_zone=view.zone.signers | zone_keys,
    )
    return Proposal(
        stage="A1",
        op="signing.enable",
        candidates=(action,),
        gate=Gate(),
        undo="fast",
        summary="publish the keys and sign the zone",
    )
