"""Rollover recipes by their RFC 7583 names; each orders proposals and knows nothing of the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dnsplan.engine.recipes import bootstrap, double_ksk, insecure
from dnsplan.engine.view import Proposal, View
from dnsplan.model.plan import Blocked

Recipe = Callable[[View], tuple[Proposal | Blocked, ...]]

RECIPES: Mapping[str, Recipe] = {
    "bootstrap": bootstrap.propose,
    "double-ksk": double_ksk.propose,
    "insecure": insecure.propose,
}
