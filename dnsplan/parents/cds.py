"""A parent that scans its children for CDS and CDNSKEY (RFC 7344).

Never writes: the child's signer publishes the CDS and CDNSKEY, and the parent fetches them when it likes.
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
class ScanningParent:
    """A parent that is told nothing and looks for itself."""

    settings: Settings
    timeout: Seconds = 0

    def capabilities(self, zone: ZoneName, accepts: Accepts) -> Capabilities:  # noqa: ARG002  # the same for all zones
        """Return that the parent scans."""
        return Capabilities(update="cds", accepts=accepted_by_account(accepts, self.settings))

    def read(self, zone: ZoneName) -> tuple[Ds, ...] | None:  # noqa: ARG002  # nobody to ask
        """Return None: only the DNS can tell."""
        return None

    def perform(self, zone: ZoneName, action: SetDs | SetTtl) -> Receipt:  # noqa: ARG002  # the signer publishes
        """Leave it to the parent's next scan."""
        return Receipt(state="pending", message=f"waiting for the parent of {zone} to scan its CDS and CDNSKEY")


def connect(way_in: WayIn) -> ScanningParent:
    """Return the parent of an entry of type `cds`."""
    return ScanningParent(settings=settings_of(way_in, "parents"))
