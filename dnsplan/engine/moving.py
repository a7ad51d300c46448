"""A zone between two signers: which of them it leaves, what each must publish, and until when the old one counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from dnsplan.engine.gates import gate, has_keys, vouches_for
from dnsplan.engine.parent_side import not_accepted
from dnsplan.engine.reach import clipped
from dnsplan.engine.spans import FOREVER, Span, ValueT
from dnsplan.engine.target import ids
from dnsplan.engine.view import View
from dnsplan.model.action import ImportKeys, SetNs
from dnsplan.model.history import Beside, NsContent, RRsetName, RRsetVersion, ZoneHistory
from dnsplan.model.plan import Blocked, Finding, Gate, GateTerm, Serving
from dnsplan.model.portfolio import ZoneIntent
from dnsplan.model.records import Dnskey, Ds


@dataclass(frozen=True, slots=True)
class Move:
    """The signer that the zone leaves, and the one that it goes to; `back` where the files want it back."""

    source: View
    target: View
    beside: Beside
    back: bool


def move_between(view: View) -> Move | None:
    """Return the move of a zone with two signers; None while the other one has not been seen."""
    beside, there = view.history.beside, view.other
    if beside is None or there is None:
        return None
    back = view.situation.intent.migrate_to != beside.signer
    return Move(there, view, beside, back) if back else Move(view, there, beside, back)


def meet(history: ZoneHistory, intent: ZoneIntent, serving: Serving | None) -> ZoneHistory:
    """Return the history with the signer to which the files want the zone to move, as it says where it serves."""
    if serving is None or intent.migrate_to is None or history.beside is not None:
        return history
    return replace(history, beside=Beside(signer=intent.migrate_to, names=serving.names, glue=serving.glue))


def moves(intent: ZoneIntent, history: ZoneHistory) -> bool:
    """Tell whether the files want the zone at a signer where it is not."""
    where = settled(intent, history).signer
    if intent.signers:  # several for good: nothing moves
        return False
    return intent.dnssec == "signed" and intent.migrate_to is not None and intent.migrate_to != where


def repeating(history: ZoneHistory) -> bool:
    """Tell whether a change that was asked for is still seen nowhere: it comes first."""
    return not all(versions[-1].seen for versions in (history.ds, history.dnskey, history.zonedata))


def moved(view: View) -> ZoneHistory:
    """Return the history of a zone that has arrived, with the versions of the signer where it is now as its own."""
    history, move = view.history, move_between(view)
    if move is None or move.back:
        return replace(history, rollover=None, beside=None)
    beside = move.beside
    return replace(
        history,
        dnskey=beside.dnskey,
        zonedata=beside.zonedata,
        servers=beside.servers,
        departed=tuple(server for server in history.departed if server.side == "parent"),
        held=(),
        rollover=None,
        beside=None,
        signed_at=beside.signer,
    )


def settled(intent: ZoneIntent, history: ZoneHistory) -> ZoneIntent:
    """Return the intent with the signer to which the zone has moved, while the file still says that it moves."""
    arrived = intent.migrate_to is not None and history.signed_at == intent.migrate_to
    return replace(intent, signer=intent.migrate_to) if arrived else intent


def not_the_signer(view: View) -> Blocked | None:
    """Return that the files name a signer that the zone has left; None where that signer holds the keys that sign."""
    held, now = view.situation.held, view.history.signed_at
    if held is not None and {key.key for key in held} >= {*view.working_seps, *view.data_keys}:
        return None
    finding = Finding(
        code="SIGNER_LEFT",
        severity="error",
        summary="The zone has moved to another signer, and the file names one that does not hold its keys",
        detail=f"it is at signer {now}",
        action=f"write `signer: {now}`; to move it back, add `migrate_to` with the signer that is to have it",
    )
    return Blocked(findings=(finding,))


# What is to be served ----------------------------------------------------------------------------------------------
def shared(at: View, of: View, published: tuple[Dnskey, ...]) -> ImportKeys:
    """Return the action that lets one signer publish these keys, where they differ from its own by the other's."""
    keys = set(of.data_keys) - {key for key in at.dnskey.keys if key.id in at.dnskey.signers | at.zone.signers}
    return ImportKeys(
        foreign=tuple(sorted(keys & set(published))),
        gone=tuple(sorted(keys - set(published))),
        published=tuple(sorted(published)),
        sign_keys=at.dnskey.signers,
        sign_zone=at.zone.signers,
    )


def lacking(at: View, of: View) -> tuple[Dnskey, ...]:
    """Return the other signer's keys for data that one does not publish."""
    return tuple(key for key in of.data_keys if key not in at.dnskey.keys)


def borrowed(at: View, of: View) -> tuple[Dnskey, ...]:
    """Return the other signer's keys for data that one publishes without using them."""
    used = at.dnskey.signers | at.zone.signers
    return tuple(key for key in of.data_keys if key in at.dnskey.keys and key.id not in used)


def old_ds(move: Move) -> tuple[Ds, ...]:
    """Return the DS at the parent that vouch for keys of the signer that the zone leaves."""
    held = ids(listed.key for listed in move.source.situation.held or ())
    old = (ids(move.source.dnskey.keys) | held) - ids(move.target.working_seps)
    return move.source.ds_at_parent(old)


def ns_changes(move: Move) -> Iterator[tuple[str, SetNs]]:
    """Yield who must change an NS RRset, and to what: the parent (an empty name) and the copies of both signers."""
    beside = move.beside
    names, glue = (beside.home, ()) if move.back else (beside.names, beside.glue)
    own = move.target if move.back else move.source
    home = own.situation.intent.signer or "manual"
    for signer, versions in (("", beside.ns_parent), (home, beside.ns_home), (beside.signer, beside.ns_there)):
        served = newest_names(versions)
        if served is not None and served != names:
            yield signer, SetNs(names=tuple(sorted(names)), glue=glue, expected=tuple(sorted(served)))


def newest_names(versions: tuple[RRsetVersion, ...]) -> frozenset[str] | None:
    """Return the names of the newest NS RRset, the one asked for included; None where none was seen."""
    content = versions[-1].content if versions else None
    return content.names if isinstance(content, NsContent) else None


# What is waited for ------------------------------------------------------------------------------------------------
def ready(move: Move) -> Gate:
    """Return the gate of the NS change: whatever a cache holds of one signer validates beside data of the other."""
    source, target = move.source, move.target
    vouched = "no cache holds a DS RRset without the new signer's DS"
    known = "no cache holds a DNSKEY RRset of the old signer without the new one's key for data"
    gates = (
        gate("DS", source.spans.ds, vouches_for(ids(target.working_seps)), source.margins, vouched),
        gate("DNSKEY", source.own.dnskey, has_keys(ids(target.data_keys)), source.margins, known),
        _shown(target, "DNSKEY", target.history.dnskey),
        _shown(target, "ZONE", target.history.zonedata),
    )
    return Gate(terms=tuple(term for one in gates for term in one.terms))


def _shown(view: View, rrset: RRsetName, versions: tuple[RRsetVersion, ...]) -> Gate:
    """Return the gate that opens when no server of a signer shows an older version, those that no sweep reaches too."""
    base, margin = versions[-1].everywhere, view.margins.of(rrset)
    reason = f"every server of the new signer shows the {'DNSKEY RRset' if rrset == 'DNSKEY' else 'signatures'}"
    at = None if base is None else base + margin
    return Gate(terms=(GateTerm(reason=reason, at=at, base=base, margin=margin),))


def keys_gone(view: View) -> Gate:
    """Return the gate that opens when no cache holds a DNSKEY RRset of a signer that the zone leaves."""
    spans = clipped(view.own.dnskey, view.reach)
    return _gone(spans, "no cache holds a DNSKEY RRset of the old signer")


def data_gone(view: View) -> Gate:
    """Return the gate that opens when no cache holds data of a signer that the zone leaves."""
    spans = clipped(view.own.zone, view.reach)
    return _gone(spans, "no cache holds data of the old signer")


def _gone(spans: tuple[Span[ValueT], ...], reason: str) -> Gate:
    last = max(spans, key=lambda span: (span.end, span.ttl))
    if last.end >= FOREVER:
        return Gate(terms=(GateTerm(reason="no cache holds an NS RRset that names the old servers", at=None),))
    return Gate(terms=(GateTerm(reason=reason, at=last.end, base=last.end - last.ttl, ttl=last.ttl),))


# Whether it can be done --------------------------------------------------------------------------------------------
def refusal(move: Move) -> Blocked | None:
    """Return why the zone cannot move safely, and what would be safe; None if the move can be carried through."""
    source, target = move.source, move.target
    if not target.working_seps or not target.data_keys:
        return _refused(
            "the zone does not stand signed at the new signer", "sign it there, with keys of its own, and plan again"
        )
    algorithms = [{key.algorithm for key in (*view.working_seps, *view.data_keys)} for view in (source, target)]
    if algorithms[0] != algorithms[1]:
        return _refused(
            f"the signers use different algorithms: {_numbers(algorithms[0])} and {_numbers(algorithms[1])}; "
            "validators may demand signatures of both over everything",
            f"roll the zone to algorithm {_numbers(algorithms[1])} where it is now (`algorithm` in the policy), or let "
            f"the new signer sign it with {_numbers(algorithms[0])}",
        )
    return _names_clash(move) or _cannot_import(move) or _cannot_delegate(move)


def _names_clash(move: Move) -> Blocked | None:
    common = move.beside.names & (newest_names(move.beside.ns_parent) or frozenset())
    if not move.beside.names or not move.beside.home or common:
        return _refused(
            f"the zone is delegated to servers that the new signer's copy names too: {', '.join(sorted(common))}"
            if common
            else "one of the signers names no server of its own in the apex NS",
            "let the copy at the new signer name its own servers, and no others, in its NS RRset",
        )
    return None


def _cannot_import(move: Move) -> Blocked | None:
    for at, of in ((move.source, move.target), (move.target, move.source)):
        if lacking(at, of) and not at.situation.capabilities.imports_keys:
            name = at.signer or at.situation.intent.signer or "manual"
            tags = ", ".join(str(key.key_tag) for key in lacking(at, of))
            return _refused(
                f"signer {name} cannot publish a key that it does not hold (key tag {tags})",
                "add the DNSKEY to its copy by its own tools and plan again; or go insecure first, move, and sign anew",
            )
    return None


def _cannot_delegate(move: Move) -> Blocked | None:
    source = move.source
    if source.situation.capabilities.update == "cds":
        return _refused(
            "the parent takes the DS from the CDS of one signer, and would delete the other one's",
            "name a way in that sets DS at the parent; `type: manual` is one",
        )
    both = tuple(sorted({*source.ds.ds, *source.ds_of(move.target.working_seps)}))
    return not_accepted(source, both)


def _numbers(algorithms: set[int]) -> str:
    return ", ".join(map(str, sorted(algorithms)))


def _refused(detail: str, action: str) -> Blocked:
    summary = "The zone cannot move to the other signer without validators failing"
    finding = Finding(
        code="MIGRATION_REFUSED", severity="error", summary=summary, detail=detail, action=action, source="RFC 8901"
    )
    return Blocked(findings=(finding,))
