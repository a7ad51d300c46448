"""Records of the ledger: who authorised what, what was asked of whom, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from dnsplan.model.portfolio import ZoneName
from dnsplan.model.time import Instant


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorisedBy:
    """The evidence that was read when a rollover's first step ran."""

    pull_request: str = ""
    merge_commit: str = ""
    approvers: tuple[str, ...] = ()
    signature: str = ""
    environment: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepRecord:
    """One side effect; text fields hold canonical JSON or presentation forms."""

    zone: ZoneName
    id: str
    op: str
    intent_at: Instant
    before: tuple[str, ...]
    target: str
    """Canonical JSON of the action."""
    proof: str
    """Canonical JSON of the proof."""
    operation: str = ""
    outcome: str | None = None
    """`performed`, `pending`, `refused`, `failed`, `manual`; None until it is known."""
    outcome_at: Instant | None = None
    reason: str = ""
    after: tuple[str, ...] | None = None
    """As observed; None until a later sweep has seen it."""
    caches_until: Instant | None = None
    """Until when caches may hold what was replaced."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One apply run; `previous` is the SHA-256 (hex) of the file of the record before it, None for the first."""

    id: str
    previous: str | None
    commit: str
    tool_version: str
    actor: str
    run_url: str
    authorised_by: AuthorisedBy
    steps: tuple[StepRecord, ...]
    guards_lifted: tuple[str, ...] = ()
    at: Instant = 0
    kind: str = "apply"
    """`apply`, `confirm` or `lock`."""
    plan: str = ""
