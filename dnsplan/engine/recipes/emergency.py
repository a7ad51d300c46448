"""Recipe I, emergency: a key that somebody else may hold is replaced as fast as no cache fails.

RFC 6781 section 4.2 (compromise of KSK or ZSK), RFC 7583 section 3 for the intervals. The stages are those of E, with
margins of nothing and one sweep for each confirmation: I0 create the keys · I1 publish them · I2 the DS moves, and I3
the data's signatures · I4 the compromised keys leave · I5 the signer forgets them. With a standby key (in the DNSKEY
RRset and signing it) I0 and I1 are done already, and the DS moves at once. The kernel is never overridden: until the
old DS and signatures have left the caches whoever holds the key can forge, however fast the files change; short TTLs
beforehand are the only help.
"""

from __future__ import annotations

from dnsplan.engine.recipes.csk import stages
from dnsplan.engine.stages import Proposals
from dnsplan.engine.view import View


def propose(view: View) -> Proposals:
    """Return the stages that may go on side by side; empty when no compromised key is left."""
    return stages(view, "I")
