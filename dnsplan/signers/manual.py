"""A zone that a person signs and changes by hand.

Never acts: it hands the step over, and what the child's servers show decides when it is done.
"""

from __future__ import annotations

from dataclasses import dataclass

from dnsplan.model.action import Action
from dnsplan.model.plan import Capabilities, Receipt, SignerKey
from dnsplan.model.portfolio import WayIn, ZoneName
from dnsplan.model.settings import settings_of
from dnsplan.model.time import Seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class ManualSigner:
    """The person who changes a zone's keys, and how to reach them."""

    contact: str
    resign: Seconds
    timeout: Seconds = 0

    def capabilities(self, zone: ZoneName) -> Capabilities:  # noqa: ARG002  # the same for all zones
        """Return that a person acts, and who."""
        return Capabilities(
            update="none",
            signer_manual=True,
            imports_keys=True,
            resign=self.resign,
            dnskey_ttl="own",
            sets_nsec3=True,
            contact=self.contact,
        )

    def read(self, zone: ZoneName) -> tuple[SignerKey, ...] | None:  # noqa: ARG002  # nobody to ask
        """Return None: only the DNS can tell."""
        return None

    def perform(self, zone: ZoneName, action: Action) -> Receipt:  # noqa: ARG002  # the runbook holds the values
        """Hand the step over to the person."""
        return Receipt(state="manual", message=f"waiting for {self.contact} to change the keys of {zone}")


def connect(way_in: WayIn) -> ManualSigner:
    """Return the signer of an entry of type `manual`."""
    settings = settings_of(way_in, "signers")
    return ManualSigner(contact=settings.text("contact", way_in.name), resign=settings.seconds("resign", 0))
