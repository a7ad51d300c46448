"""What stands in the way of any change: silent servers, lying servers, and a change that is still in flight."""

from __future__ import annotations

from dnsplan.engine.silence import uncounted
from dnsplan.engine.sweep import counting, is_unsigned, sweeps, unsigned_contents
from dnsplan.engine.view import EMERGENCIES, View
from dnsplan.model.history import DnskeyContent, DsContent, Intent, RRsetVersion, Touched, ZoneContent
from dnsplan.model.observation import ChildAnswer, ParentAnswer, Unreachable
from dnsplan.model.plan import Blocked, Finding, Wait
from dnsplan.model.time import Instant, format_instant


def obstacle(view: View, touched: frozenset[Touched], stage: str) -> Wait | Blocked | None:
    """Return why these RRsets may not be changed now; None if nothing stands in the way."""
    lying = lies(view)
    if lying:
        return Blocked(findings=lying, stage=stage)
    dying = expiring(view)
    if dying and view.rollover.recipe not in EMERGENCIES | {"insecure", "lost-key"}:
        return Blocked(findings=dying, stage=stage)
    silent = silent_servers(view)
    if silent:
        reason = f"no usable answer from {', '.join(silent)}"
        return Wait(until=next_sweep(view), reason=reason, stage=stage, polls=True)
    for name, versions in in_flight(view):
        if name in touched and not is_found(versions) and not is_given_up(view, name):
            reason = f"the last change of {name} is not yet on every server"
            reason = f"{reason}: {_clean(view, versions)}{_lagging(view, versions[-1])}"
            return Wait(until=next_sweep(view), reason=reason, stage=stage, polls=True)
    return None


def is_found(versions: tuple[RRsetVersion, ...]) -> bool:
    """Tell whether it is the state of the first look, shown by every server in a whole sweep: nothing is in flight.

    A state with a smaller TTL than what was there before it is confirmed first: its T_all ends that one's time.
    """
    if len(versions) != 2 or versions[0].content is not None:
        return False
    return versions[1].clean > 0 and versions[1].ttl_star >= versions[0].ttl_star


def in_flight(view: View) -> tuple[tuple[Touched, tuple[RRsetVersion, ...]], ...]:
    """Return the RRsets whose newest version is not confirmed on every server."""
    history = view.history
    rrsets: tuple[tuple[Touched, tuple[RRsetVersion, ...]], ...] = (
        ("DS", history.ds),
        ("DNSKEY", history.dnskey),
        ("ZONE", history.zonedata),
    )
    return tuple((name, versions) for name, versions in rrsets if versions[-1].everywhere is None)


def is_given_up(view: View, name: Touched) -> bool:
    """Tell whether a change that nobody shows was asked for by a rollover that was taken back since.

    A person need not be waited for, nor a call that came to nothing within its budget: what they may yet bring about
    stays among the versions that the kernel reckons with.
    """
    intent = next((known for known in view.history.intents if known.rrset == name), None)
    if not view.rollover.back or intent is None or intent.at >= view.rollover.started:
        return False
    versions = {"DS": view.history.ds, "DNSKEY": view.history.dnskey, "ZONE": view.history.zonedata}[name]
    return not versions[-1].seen and (intent.outcome == "manual" or is_overdue(view, intent))


def is_overdue(view: View, intent: Intent | None) -> bool:
    """Tell whether the last call left no outcome, or promised what did not show within the registration budget."""
    if intent is None or intent.outcome is None:
        return intent is None or view.situation.now > intent.at
    since = intent.outcome_at if intent.outcome_at is not None else intent.at
    return view.situation.now - since >= view.situation.policy.timing.registration_budget


def silent_servers(view: View) -> tuple[str, ...]:
    """Return the addresses that count and gave no usable answer, with the reason."""
    seen = view.situation.seen
    waiting = {address for side in ("parent", "child") for address in counting(seen, view.history.departed, side)}
    gone = (seen.extra - waiting) | uncounted(view.history, seen)
    silent = [
        f"{answer.address} ({answer.reason})"
        for answer in (*seen.parent, *seen.child)
        if isinstance(answer, Unreachable) and answer.address not in gone
    ]
    if not seen.parent or not seen.child:
        silent.append(seen.problem or "the servers of the zone")
    return tuple(silent)


def lies(view: View) -> tuple[Finding, ...]:
    """Return findings about servers whose answers do not validate while others' do."""
    seen = view.situation.seen
    findings = []
    bogus = tuple(v.address for v in seen.parent if isinstance(v, ParentAnswer) and v.trust == "bogus")
    if bogus:
        details = {v.detail for v in seen.parent if isinstance(v, ParentAnswer) and v.trust == "bogus"}
        findings.append(
            Finding(
                code="DS_PARENT_UNVALIDATED",
                severity="error",
                summary="The parent's answer about the DS does not validate",
                servers=bogus,
                detail="; ".join(sorted(details)),
                action="ask the operator of these servers; nothing is changed while they say something else",
                source="RFC 4035 5.2",
            )
        )
    own = {content.keys for content in unsigned_contents(view.history)}
    answers = [v for v in seen.child if isinstance(v, ChildAnswer) and is_unsigned(v)]
    false = tuple(v.address for v in answers if v.keys not in own)
    if false and any(version.content is not None for version in view.history.dnskey) and view.working_seps:
        findings.append(
            Finding(
                code="KEY_MISSING_ON_SERVER",
                severity="error",
                summary="A server's DNSKEY RRset is signed by none of its keys",
                servers=false,
                action="ask the operator of these servers; nothing is changed while they say something else",
                source="RFC 4035 2.2",
            )
        )
    return tuple(findings)


def expiring(view: View) -> tuple[Finding, ...]:
    """Return a finding about signatures that end before the policy's least validity: the signer is not well."""
    least = view.situation.now + view.situation.policy.signature_min_remaining
    answers = [v for v in view.situation.seen.child if isinstance(v, ChildAnswer)]
    dying = [v for v in answers if v.signatures_end is not None and v.signatures_end < least]
    if not dying:
        return ()
    first = min(v.signatures_end for v in dying if v.signatures_end is not None)
    return (
        Finding(
            code="SIG_EXPIRES_SOON",
            severity="error",
            summary="Signatures end sooner than the policy allows; nothing is changed until the signer renews them",
            servers=tuple(v.address for v in dying),
            detail=f"the first ends at {format_instant(first)}",
            action="see to the signer, or lower `signatures: min_remaining` in the policy",
            source="RFC 6781 4.4.2",
        ),
    )


def _lagging(view: View, newest: RRsetVersion) -> str:
    """Return which addresses answer with something else; empty if none does."""
    parent, child = sweeps(view.situation.seen, view.history)
    side = {DsContent: parent.ds, DnskeyContent: child.dnskey, ZoneContent: child.zone}
    answers = side.get(type(newest.content), {})
    other = sorted(address for address, answer in answers.items() if answer and answer[0] != newest.content)
    return f"; not on {', '.join(other)}" if other else ""


def _clean(view: View, versions: tuple[RRsetVersion, ...]) -> str:
    return f"{versions[-1].clean} of {view.situation.policy.timing.sweep_count} clean sweeps"


def next_sweep(view: View) -> Instant:
    """Return when another sweep can count: one spacing after the last that did, at once for what was just asked for."""
    now, spacing = view.situation.now, max(view.situation.policy.timing.sweep_spacing, 1)
    moments = [now + spacing]
    for _, versions in in_flight(view):
        newest = versions[-1]
        if newest.clean_at is not None:
            moments.append(newest.clean_at + spacing)
        elif not newest.seen and newest.first >= (view.history.last_sweep or 0):  # no sweep has looked for it yet
            moments.append(now + 1)
    return min(moment for moment in moments if moment > now)
