"""Rollover recipes by their RFC 7583 names; each orders proposals and knows nothing of the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dnsplan.engine import multi_signer
from dnsplan.engine.recipes import (
    algorithm_conservative,
    algorithm_liberal,
    bootstrap,
    break_chain,
    csk,
    double_ds,
    double_ksk,
    double_rrset,
    ds_digest,
    emergency,
    follow,
    insecure,
    lost_key,
    migration,
    settings,
    standby,
    zsk,
)
from dnsplan.engine.view import Proposal, View
from dnsplan.model.plan import Blocked, Wait

Recipe = Callable[[View], tuple[Proposal | Blocked | Wait, ...]]

RECIPES: Mapping[str, Recipe] = {
    "bootstrap": bootstrap.propose,
    "double-ksk": double_ksk.propose,
    "double-ds": double_ds.propose,
    "double-rrset": double_rrset.propose,
    "zsk": zsk.propose,
    "csk": csk.propose,
    "scheme": csk.propose,
    "algorithm-liberal": algorithm_liberal.propose,
    "algorithm-conservative": algorithm_conservative.propose,
    "ds-digest": ds_digest.propose,
    "emergency": emergency.propose,
    "break-chain": break_chain.propose,
    "lost-key": lost_key.propose,
    "standby": standby.propose,
    "follow": follow.propose,
    "insecure": insecure.propose,
    "migration": migration.propose,
    "multi-signer": multi_signer.propose,
    "settings": settings.propose,
}
