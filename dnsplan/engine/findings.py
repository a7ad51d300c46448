"""What a person should know about a zone beyond its moves; facts of this observation, in plain words."""

from __future__ import annotations

from dnsplan.engine.anchored import kept_by_hand
from dnsplan.engine.back import gone, taken_back
from dnsplan.engine.lost import signatures_end
from dnsplan.engine.obstacles import expiring, lies, silent_servers
from dnsplan.engine.signalling import unsaid
from dnsplan.engine.silence import may_be_acknowledged_from
from dnsplan.engine.tuning import ttl_changes, validity_above, wanted_nsec3, why_not_nsec3, why_not_ttl
from dnsplan.engine.validators import is_bogus
from dnsplan.engine.view import EMERGENCIES, View
from dnsplan.engine.wish import lost
from dnsplan.model.observation import ParentAnswer
from dnsplan.model.plan import Finding, TimelineStep
from dnsplan.model.time import format_duration, format_instant


def findings(view: View) -> tuple[Finding, ...]:
    """Return the findings, the worst first."""
    found = [
        *_foreign_ds(view),
        *_foreign_keys(view),
        *_acknowledged(view),
        *_late(view),
        *_insecure(view),
        *kept_by_hand(view),
        *_too_late(view),
        *_unlike_policy(view),
        *_moved(view),
        *unsaid(view),
        *_lost(view),
    ]
    for at in (view, view.other):
        if at is not None:
            found += [*lies(at), *_silent(at), *expiring(at), *_broken(at)]
    order = ("critical", "error", "warning", "notice", "info")
    return tuple(sorted(found, key=lambda finding: (order.index(finding.severity), finding.code)))


def _broken(view: View) -> list[Finding]:
    asked = view.reach.first <= view.situation.now < view.reach.until
    if not asked or not is_bogus("lenient", view.refs, view.keyset, view.zone.signers):
        return []
    return [
        Finding(
            code="CHAIN_NO_MATCH",
            severity="critical",
            summary="No DS matches a key that signs the zone: validating resolvers refuse it",
            action="see the plan: what makes no validator worse off may be done at once",
            source="RFC 4035 5.2",
        )
    ]


def _foreign_ds(view: View) -> list[Finding]:
    if not view.foreign_ds:
        return []
    return [
        Finding(
            code="CHAIN_DANGLING_DS",
            severity="warning",
            summary="The parent serves a DS that matches no known key; it is kept",
            detail=", ".join(str(ds) for ds in view.foreign_ds),
            action="remove it at the parent if it is not a standby key's, or set `unknown_ds: remove`",
            source="RFC 6840 5.11",
        )
    ]


def _foreign_keys(view: View) -> list[Finding]:
    held = view.situation.held
    if held is None:
        return []
    ours = {key.key for key in held} | {key.key for key in view.history.held}
    ours |= set(view.other.data_keys) if view.other is not None else set()
    foreign = [key for key in view.dnskey.keys if key not in ours]
    if not foreign:
        return []
    return [
        Finding(
            code="KEY_FOREIGN",
            severity="notice",
            summary="The zone publishes a DNSKEY that its signer does not hold; it is kept",
            detail=", ".join(str(key.key_tag) for key in foreign),
            source="RFC 8901",
        )
    ]


def _late(view: View) -> list[Finding]:
    """Return that the parent took a change and does not show it within the time that the policy gives it."""
    intent = next((known for known in view.history.intents if known.rrset == "DS"), None)
    if view.history.ds[-1].seen or intent is None or intent.outcome not in {"performed", "pending"}:
        return []
    since = intent.outcome_at if intent.outcome_at is not None else intent.at
    if view.situation.now - since < view.situation.policy.timing.registration_budget:
        return []
    return [
        Finding(
            code="DS_NOT_PUBLISHED",
            severity="error",
            summary="The parent took a change of the DS, and no server shows it within the registration budget",
            detail=f"operation {intent.operation}" if intent.operation else "",
            action="ask the registrar what became of it; it is asked for again once per budget",
            source="RFC 7583",
        )
    ]


def _silent(view: View) -> list[Finding]:
    silent = silent_servers(view)
    if not silent:
        return []
    servers = tuple(name.split(" ")[0] for name in silent)
    since = [at for server in servers if (at := may_be_acknowledged_from(view.history, server)) is not None]
    lifted = ""
    if since:
        lifted = (
            "mend it, or take it out of the NS sets; if it is dead: from "
            f"{format_instant(min(since))} on `apply --allow silent_server:ADDRESS` goes on without it, with margins "
            "of a day, while an address of every other name answers"
        )
    return [
        Finding(
            code="NS_UNREACHABLE",
            severity="warning",
            summary="A server gives no usable answer; nothing is changed until it does",
            servers=servers,
            detail=", ".join(silent),
            action=lifted,
        )
    ]


def _acknowledged(view: View) -> list[Finding]:
    known = [silent for silent in view.history.silent if silent.acknowledged is not None]
    if not known:
        return []
    return [
        Finding(
            code="NS_ACKNOWLEDGED",
            severity="notice",
            summary="Sweeps count without a silent server that a person acknowledged; margins are a day or more",
            servers=tuple(silent.address for silent in known),
            detail=", ".join(f"{s.address} since {format_instant(s.acknowledged or s.since)}" for s in known),
        )
    ]


def _lost(view: View) -> list[Finding]:
    keys = sorted(str(view.keys_by_id[key].key_tag) for key in lost(view))
    if not keys:
        return []
    ends = signatures_end(view)
    until = "" if ends is None else f"; the first signature ends at {format_instant(ends)}"
    return [
        Finding(
            code="KEY_LOST",
            severity="error",
            summary="The signer no longer holds a key whose signatures are still served and cannot be renewed",
            detail=f"key tag {', '.join(keys)}{until}",
            action="restore it if there is a copy; else it is replaced as the plan shows (`follow`: by its signer)",
        )
    ]


def forgery_window(view: View, steps: tuple[TimelineStep, ...]) -> tuple[Finding, ...]:
    """Return until when a compromised key can be used to forge, as far as the steps to come tell."""
    if view.rollover.recipe not in EMERGENCIES:
        return ()
    leaves = next((step for step in steps if step.op == "dnskey.withdraw"), None)
    if leaves is None or leaves.not_before is None:
        return ()
    zone = view.situation.intent.zone
    action = "short TTLs beforehand are the only help"
    if view.rollover.recipe == "emergency":
        action = f"if forged answers are worse than unsigned ones: dsplan apply --allow break_chain:{zone}"
    return (
        Finding(
            code="FORGERY_WINDOW",
            severity="critical",
            summary="Whoever holds the compromised key can forge answers until no cache trusts it any more",
            detail=f"until {format_instant(leaves.not_before)}, if every step is taken at its earliest",
            action=action,
            source="RFC 6781 4.2",
            expected_until=leaves.not_before,
        ),
    )


def _too_late(view: View) -> list[Finding]:
    """Return that a rollover was taken back when a key of before was gone for good."""
    rollover = view.history.rollover
    keys = () if rollover is None or not taken_back(view, rollover) else gone(view, rollover)
    if not keys:
        return []
    return [
        Finding(
            code="NO_WAY_BACK",
            severity="warning",
            summary="The rollover was taken back when it could no longer be: the signer has deleted a key of before",
            detail=f"key tag {', '.join(str(key.key_tag) for key in keys)}",
            action="let it end; for other keys than the new ones ask for another rollover",
        )
    ]


def _moved(view: View) -> list[Finding]:
    """Return what a person may do once a zone has moved: the copy at the old signer is no longer asked by anybody."""
    intent = view.situation.intent
    if not view.history.signed_at or view.history.signed_at != intent.migrate_to:
        return []
    return [
        Finding(
            code="SIGNER_MOVED",
            severity="info",
            summary="The zone has moved; its copy at the old signer may be deleted",
            detail=f"it is at signer {intent.migrate_to}",
            action=f"delete the old copy; write `signer: {intent.migrate_to}` and take `migrate_to` out",
            source="RFC 8901",
        )
    ]


def _insecure(view: View) -> list[Finding]:
    parents = [v for v in view.situation.seen.parent if isinstance(v, ParentAnswer)]
    if not parents or any(v.trust != "insecure" for v in parents):
        return []
    return [
        Finding(
            code="PARENT_INSECURE",
            severity="warning",
            summary="The parent itself is not secure, so that no validator will use the DS",
            detail=parents[0].detail,
            source="RFC 4035 4.3",
        )
    ]


def _unlike_policy(view: View) -> list[Finding]:
    """Return what the policy states, the zone does not show, and no way in can set."""
    if view.situation.intent.dnssec != "signed" or not view.situation.policy.stated:
        return []
    found = []
    for change in ttl_changes(view):
        why, action = why_not_ttl(view, change)
        if why:
            code = "POLICY_DS_TTL" if change.rrset == "DS" else "POLICY_DNSKEY_TTL"
            ttls = f"{format_duration(change.served)} and not {format_duration(change.wanted)}"
            found.append(
                _unmet(
                    code, f"The TTL of the {change.rrset} RRset is not what the policy states", f"{ttls}; {why}", action
                )
            )
    nsec3, (why, action) = wanted_nsec3(view), why_not_nsec3(view)
    if nsec3 is not None and why:
        found.append(
            _unmet("POLICY_NSEC3", "The parameters of NSEC3 are not those that the policy states", why, action)
        )
    longest = validity_above(view)
    if longest is not None:
        detail = f"for {format_duration(longest)}; no signer's interface sets it for a zone"
        action = "change the signer's own setting where it has one, or raise `signatures: max_validity`"
        found.append(
            _unmet("POLICY_SIGNATURES", "Signatures are valid for longer than the policy states", detail, action)
        )
    return found


def _unmet(code: str, summary: str, detail: str, action: str) -> Finding:
    return Finding(code=code, severity="warning", summary=summary, detail=detail, action=action)
