"""A parent whose DS a person changes, at a portal or by a letter.

Never acts: it hands the step over, and what the parent's servers show decides when it is done.
"""

from __future__ import annotations

from dataclasses import dataclass

from dnsplan.model.action import SetDs, SetTtl
from dnsplan.model.plan import Capabilities, Receipt
from dnsplan.model.portfolio import Accepts, WayIn, ZoneName
from dnsplan.model.records import Ds
from dnsplan.model.settings import Settings, accepted_by_account, settings_of
from dnsplan.model.time import Seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class ManualParent:
    """The person who changes a DS, and how to reach them."""

    settings: Settings
    contact: str
    timeout: Seconds = 0

    def capabilities(self, zone: ZoneName, accepts: Accepts) -> Capabilities:  # noqa: ARG002  # the same for all zones
        """Return that a person acts, and who."""
        return Capabilities(update="manual", accepts=accepted_by_account(accepts, self.settings), contact=self.contact)

    def read(self, zone: ZoneName) -> tuple[Ds, ...] | None:  # noqa: ARG002  # nobody to ask
        """Return None: only the DNS can tell."""
        return None

    def perform(self, zone: ZoneName, action: SetDs | SetTtl) -> Receipt:  # noqa: ARG002  # the runbook holds the values
        """Hand the step over to the person."""
        message = f"waiting for {self.contact} to change the DS of {zone}"
        return Receipt(state="manual", message=message)


def connect(way_in: WayIn) -> ManualParent:
    """Return the parent of an entry of type `manual`."""
    settings = settings_of(way_in, "parents")
    contact = settings.text("contact", "") or settings.text("portal", "") or way_in.name
    return ManualParent(settings=settings, contact=contact)
