"""A zone with several signers for good (RFC 8901, model 2): judged server by server, and the DS is the union over them.

Every signer's DNSKEY RRset needs a DS that works, and every key that signs data anywhere must stand in all of them: a
resolver may take the DNSKEY RRset from one signer and data from another. The DS of a KSK that one of the signers holds
is added (M2); keys for data are exchanged by a person (M1).
"""

from __future__ import annotations

from dnsplan.engine.parent_side import ds_proposal
from dnsplan.engine.stages import OPEN, Proposals
from dnsplan.engine.view import View
from dnsplan.model.observation import ChildAnswer
from dnsplan.model.plan import Blocked, Finding
from dnsplan.model.records import Dnskey, Ds, KeyId


def union(view: View) -> tuple[Ds, ...]:
    """Return the DS RRset with those of every KSK that works at some server; of others as they are."""
    return tuple(sorted({*view.ds.ds, *view.ds_of(key for key in _seps(view) if not _vouched(view, key))}))


def propose(view: View) -> Proposals:
    """Return the addition of the DS that are missing, and what a person must do; empty when all fit together."""
    wanted, held = union(view), {listed.key for listed in view.situation.held or ()}
    result: Proposals = ()
    strange = [key for key in _seps(view) if not _vouched(view, key) and key not in held]
    if strange:
        result = (_blocked("a KSK signs that none of the signers holds, and it has no DS", _tags(strange), ()),)
    elif wanted != view.ds.ds:
        summary = "add the DS of every signer's KSK"
        result = (ds_proposal(view, stage="M2", wanted=wanted, gate=OPEN, undo="fast", summary=summary),)
    return (*result, *_unshared(view))


def fits(view: View) -> bool:
    """Tell whether every server's DNSKEY RRset has a DS that shows, and all keys that sign data anywhere."""
    return union(view) == view.ds.ds and view.history.ds[-1].seen and not _unshared(view)


def _answers(view: View) -> tuple[ChildAnswer, ...]:
    seen = view.situation.seen
    return tuple(v for v in seen.child if isinstance(v, ChildAnswer) and v.address not in seen.extra)


def _seps(view: View) -> tuple[Dnskey, ...]:
    """Return the SEP keys that sign the DNSKEY RRset at some server."""
    found = {key for answer in _answers(view) for key in answer.keys if key.is_sep and key.id in answer.key_signers}
    return tuple(sorted(found))


def _vouched(view: View, key: Dnskey) -> bool:
    return bool(view.ds_at_parent(frozenset({key.id})))


def _unshared(view: View) -> tuple[Blocked, ...]:
    """Return which servers lack a key that signs data somewhere."""
    answers = _answers(view)
    signing = frozenset[KeyId]().union(*(answer.zone_signers for answer in answers))
    lacking = {answer.address: signing - {key.id for key in answer.keys} for answer in answers}
    keys = sorted({view.keys_by_id[key] for some in lacking.values() for key in some if key in view.keys_by_id})
    if not keys:
        return ()
    servers = tuple(sorted(address for address, some in lacking.items() if some))
    what = "a key signs data at one signer, and stands not in the DNSKEY RRset of another"
    return (_blocked(what, _tags(keys), servers),)


def _tags(keys: list[Dnskey]) -> str:
    return "; ".join(f"key tag {key.key_tag}: {key}" for key in keys)


def _blocked(summary: str, detail: str, servers: tuple[str, ...]) -> Blocked:
    finding = Finding(
        code="SIGNERS_DIFFER",
        severity="error",
        summary=f"The signers do not fit together: {summary}",
        servers=servers,
        detail=detail,
        action="add the DNSKEY to the copies that lack it before it signs; a KSK must be held by one of the `signers`",
        source="RFC 8901",
    )
    return Blocked(findings=(finding,), stage="M1")
