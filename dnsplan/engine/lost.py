"""Whether a lost key can be replaced before its signatures expire, without breaking the chain."""

from __future__ import annotations

from dnsplan.engine.parent_side import count
from dnsplan.engine.view import View
from dnsplan.engine.wish import lost
from dnsplan.model.observation import ChildAnswer
from dnsplan.model.plan import Blocked, Finding
from dnsplan.model.time import Instant, Seconds, format_duration, format_instant


def hopeless(view: View) -> Blocked | None:
    """Return why lost keys cannot be replaced while the zone stays secure; None if they can."""
    keys = [view.keys_by_id[key] for key in lost(view)]
    if any(key.algorithm != view.situation.policy.algorithm for key in keys):
        return _blocked("the algorithm cannot change together with it", "give `algorithm` in the policy its old value")
    if any(key.id in view.dnskey.signers for key in keys) and (why := _parent_cannot(view)):
        return _blocked(why, _break(view))
    ends, needed = signatures_end(view), needed_for(view)
    if ends is not None and ends < view.situation.now + needed:
        why = f"its signatures end at {format_instant(ends)}, and caches need {format_duration(needed)}"
        return _blocked(why, _break(view))
    return None


def _parent_cannot(view: View) -> str:
    """Return what keeps the parent from taking the new DS before its key signs; empty if nothing does."""
    capabilities = view.situation.capabilities
    types = len(capabilities.makes_digests or view.situation.policy.digest_types)
    needed = count(view, view.ds.ds) + (1 if capabilities.accepts.form == "dnskey" else types)
    if capabilities.update == "cds":
        return "no key is left that could sign CDS records; the DS must be handed in by another way"
    if capabilities.accepts.requires_matching_dnskey != "none":
        return "the parent looks for the key before it takes a DS"
    if capabilities.accepts.max_ds is not None and capabilities.accepts.max_ds < needed:
        return f"the parent takes {capabilities.accepts.max_ds} DS, the safe way needs {needed}"
    return ""


def _break(view: View) -> str:
    zone = view.situation.intent.zone
    return f"restore the key; or list it under `compromised:` and break the chain: apply --allow break_chain:{zone}"


def signatures_end(view: View) -> Instant | None:
    """Return when the first of the signatures that were seen expires; None if none says."""
    answers = (answer for answer in view.situation.seen.child if isinstance(answer, ChildAnswer))
    return min((answer.signatures_end for answer in answers if answer.signatures_end is not None), default=None)


def needed_for(view: View) -> Seconds:
    """Return the sum of the gates and sweeps until caches need no signature of a lost key any more."""
    margins, spans, keys = view.margins, view.spans, lost(view)
    ds, dnskey = max(span.ttl for span in spans.ds), max(span.ttl for span in spans.dnskey)
    needed = 0
    if keys & view.dnskey.signers:
        needed += margins.parent + ds + margins.child + dnskey
    if keys & view.zone.signers:
        needed += 2 * margins.child + dnskey + margins.resign + max(span.ttl for span in spans.zone)
    timing = view.situation.policy.timing
    return needed + 3 * timing.sweep_spacing * timing.sweep_count


def _blocked(why: str, action: str) -> Blocked:
    finding = Finding(
        code="KEY_LOST", severity="critical", summary="A lost key cannot be replaced while the zone stays secure",
        detail=why, action=action, source="RFC 7583 3.3.2",
    )  # fmt: skip
    return Blocked(findings=(finding,))
