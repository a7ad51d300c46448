"""Recipe H, ds-digest: other digest types for the same keys.

RFC 4509 section 3 and RFC 8624 say which digests; no key changes. Stages: H1a add DS of the new types for
every key at once (gate: every server shows the key and its signature) · H1b remove those of the old
types (gate: every parent server shows the new ones, so that the DS RRset is never empty). Where the parent takes no
more DS they are swapped (H1): each of the two RRsets is valid alone.
"""

from __future__ import annotations

from dnsplan.engine.obstacles import is_found
from dnsplan.engine.stages import OPEN, Proposals, both_of, keys_everywhere, move_ds
from dnsplan.engine.target import target_of
from dnsplan.engine.view import View


def propose(view: View) -> Proposals:
    """Return the next stage; empty when the DS have the digest types of the policy and no others."""
    target = target_of(view)
    signed = OPEN if is_found(view.history.dnskey) else keys_everywhere(view)
    shown = OPEN
    if not is_found(view.history.ds):
        shown = view.everywhere(view.history.ds, "every parent server shows the new DS")
    return move_ds(view, target, "H1", add=signed, swap=both_of(signed, shown))
