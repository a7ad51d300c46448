"""What a policy asks the child to say to its parent, beside what is done: CDS and CDNSKEY, RFC 9615, NOTIFY(CDS)."""

from __future__ import annotations

from dnsplan.engine.view import View
from dnsplan.model.plan import Finding


def unsaid(view: View) -> list[Finding]:
    """Return a finding about each signal that the policy asks for by `true` and that is not given."""
    policy, scans = view.situation.policy, view.situation.capabilities.update == "cds"
    if view.situation.intent.dnssec != "signed":
        return []
    asked = (
        (policy.cds == "true" and not scans, "cds", "CDS and CDNSKEY are published only for a parent of type cds"),
        (policy.bootstrap == "true", "bootstrap", "no RFC 9615 signalling records are written"),
        (policy.notify == "true", "notify", "no NOTIFY(CDS) is sent; the parent finds CDS by its own scan"),
    )
    return [
        Finding(
            code="SIGNALLING_NOT_DONE",
            severity="warning",
            summary="The policy asks for a signal to the parent that this version does not give",
            detail=f"signalling.{name}: {why}",
            action=f"set `signalling: {{{name}: auto}}` in the policy, or see to it at the signer",
            source="RFC 7344" if name == "cds" else "RFC 9615" if name == "bootstrap" else "RFC 9859",
        )
        for wanted, name, why in asked
        if wanted
    ]
