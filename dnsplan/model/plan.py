"""What would be done: steps, waits, blocks, and the argument for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from dnsplan.model.action import AnyAction
from dnsplan.model.history import Touched, ZoneHistory
from dnsplan.model.observation import Observation
from dnsplan.model.portfolio import Accepts, Policy, Profile, Role, Source, ZoneIntent, ZoneName
from dnsplan.model.records import Dnskey, Ds
from dnsplan.model.time import Instant, Seconds

Severity = Literal["critical", "error", "warning", "notice", "info"]
Undo = Literal["fast", "slow", "irreversible"]
"""How the way back from a step goes: at once for validators, through gates again, or not at all."""
Headline = Literal["OK", "ACTIVE", "WAITING", "BLOCKED", "MANUAL", "REVIEW", "HOLD"]
Op = Literal[
    "ds.set", "dnskey.create", "dnskey.publish", "dnskey.activate", "dnskey.deactivate", "dnskey.withdraw",
    "dnskey.delete", "cds.set", "ns.set", "ttl.set", "nsec3.set", "signing.enable", "signing.disable", "wait", "manual",
    "review",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Serving:
    """Where a signer's copy of a zone is served: its apex NS, and the addresses of names in the zone itself."""

    names: frozenset[str]
    glue: tuple[tuple[str, str], ...] = ()


# Why ---------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True, slots=True)
class GateTerm:
    """One reason to wait: `at = base + margin + ttl`; None while the base is not known yet."""

    reason: str
    at: Instant | None
    base: Instant | None = None
    margin: Seconds = 0
    ttl: Seconds = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """The moment from which a step is safe: the latest of its terms; None while one is unknown."""

    terms: tuple[GateTerm, ...] = ()

    @property
    def at(self) -> Instant | None:
        """Return when it opens; 0 for a gate without terms."""
        moments = [term.at for term in self.terms]
        if any(moment is None for moment in moments):
            return None
        return max((moment for moment in moments if moment is not None), default=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """The kernel's word that no cache can fail: how many triples it examined, until when, in which profiles."""

    triples: int
    horizon: Instant
    profiles: frozenset[Profile]
    families_missing: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Counterexample:
    """A cached DS, DNSKEY and set of signers that a resolver may combine and that fails."""

    profile: Profile
    ds: tuple[str, ...]
    dnskey: tuple[str, ...]
    key_signers: tuple[str, ...]
    zone_signers: tuple[str, ...]
    start: Instant
    end: Instant | None
    """None: for as long as both are served."""
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something about a zone that a person should know; `summary` holds no user-written text."""

    code: str
    severity: Severity
    summary: str
    servers: tuple[str, ...] = ()
    detail: str = ""
    action: str = ""
    source: str = ""
    expected_until: Instant | None = None


# What now ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A change that is ready and admitted by the kernel."""

    id: str
    op: Op
    rrset: Touched
    action: AnyAction
    gate: Gate
    proof: Proof
    undo: Undo
    stage: str
    summary: str
    signer: str = ""
    """Who is asked, where it is neither the parent nor the zone's own signer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """Nothing to do before `until`; None when only what servers show can tell."""

    until: Instant | None
    reason: str
    stage: str = ""
    rrset: Touched | None = None
    polls: bool = False
    """Only another sweep can tell more; `until` is when it can count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NeedsHuman:
    """A step that is ready and that only a person can carry out."""

    step: Step
    contact: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class NeedsReview:
    """A key whose DS waits until it is listed in the zone file."""

    key: Dnskey
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Blocked:
    """It cannot go on before somebody acts; the findings say who and what. `guard` names what `--allow` would lift."""

    findings: tuple[Finding, ...]
    counterexample: Counterexample | None = None
    guard: str = ""
    stage: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """Goal reached and confirmed."""


Move = Step | Wait | NeedsHuman | NeedsReview | Blocked | Done


@dataclass(frozen=True, kw_only=True, slots=True)
class Capabilities:
    """What the ways in of one zone can do; `None` as `max_ds` is no known limit."""

    update: Literal["replace", "add-remove", "one-at-a-time", "cds", "manual", "none"]
    accepts: Accepts = field(default_factory=Accepts)
    makes_digests: frozenset[int] | None = None
    """Digest types that the parent computes itself; they replace the policy's."""
    guarded_write: bool = False
    """The interface refuses a write when the RRset is no longer what was expected."""
    parent_ns: bool = False
    """The parent's way in changes the delegation as well."""
    signer_manual: bool = False
    can_create_keys: bool = True
    imports_keys: bool = False
    """The signer publishes public keys that it does not hold."""
    signer_ns: bool = False
    """The signer's way in changes the NS at the zone's apex."""
    divides_by_sep: bool = False
    """The signer lets keys with the SEP flag sign the DNSKEY RRset and the others the data, wherever it has both."""
    resign: Seconds = 0
    """Dsgn: delay until all data carry new signatures (RFC 7583 section 3.1)."""
    dnskey_ttl: Literal["fixed", "own", "negative"] = "fixed"
    """Whether the signer can be given the DNSKEY RRset's TTL: by itself, or together with that of negative answers."""
    sets_nsec3: bool = False
    """The signer can be given the parameters of NSEC3."""
    sets_ds_ttl: bool = False
    ds_ttl: Seconds | None = None
    """The TTL that the parent's entry gives every DS that is written; None where it gives none."""
    contact: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SignerKey:
    """A key as the signer itself lists it; one without a private part, which cannot sign, is not listed."""

    key: Dnskey
    role: Role
    published: bool
    active: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """Everything a decision about one zone rests on; `history` has already absorbed `seen`."""

    intent: ZoneIntent
    policy: Policy
    capabilities: Capabilities
    history: ZoneHistory
    seen: Observation
    now: Instant
    held: tuple[SignerKey, ...] | None = None
    """What the signer lists; None when it was not asked (or cannot list)."""
    spread: bool = False
    """The first lifetime of a key ends early, by a part that differs from zone to zone."""
    beside: Capabilities | None = None
    """What the other signer of a zone that moves can do, with the same parent."""
    breaks_chain: bool = False
    """A person has lifted the guard `break_chain` for the zone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineStep:
    """A step of the whole staged change, done or to come."""

    id: str
    op: Op
    stage: str
    summary: str
    not_before: Instant | None
    predicted: bool
    """Rests on margins and sweeps that have not happened yet."""
    gate: Gate
    who: str
    undo: Undo
    action: AnyAction | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """How many of the servers that were asked showed a record in this sweep."""

    kind: Literal["DS", "DNSKEY"]
    record: str
    """Presentation form of the RDATA; empty for the number that gave a usable answer at all."""
    servers: int
    asked: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ZonePlan:
    """What one zone needs: its moves (at most one for each RRset), and everything that is still to come."""

    zone: ZoneName
    parent: str
    policy: str
    source: Source
    recipe: str
    why: str
    """Why this recipe and variant."""
    headline: Headline
    moves: tuple[Move, ...]
    timeline: tuple[TimelineStep, ...]
    findings: tuple[Finding, ...]
    observed_ds: tuple[Ds, ...]
    observed_keys: tuple[Dnskey, ...]
    desired_ds: tuple[Ds, ...]
    desired_keys: tuple[Dnskey, ...]
    history: ZoneHistory
    """The history that the ledger should keep: what was absorbed, and the rollover that begins or ends."""
    fingerprint: str = ""
    """`sha256:…` of what a saved plan must find unchanged: effective configuration, moves, desired state."""
    shown: tuple[Shown, ...] = ()
    """Live evidence, for people; nothing is decided by it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A whole plan, as saved by `plan -o`."""

    plan_id: str
    created: Instant
    expires: Instant
    commit: str
    dirty: bool
    config_digest: str
    selector: tuple[tuple[str, str], ...]
    partial: bool
    observed_at: Instant
    incomplete: tuple[ZoneName, ...]
    zones: tuple[ZonePlan, ...]
    unmanaged: tuple[ZoneName, ...] = ()
    base: str = ""
    """The commit that it is compared with; empty for none."""
    endpoints_changed: tuple[str, ...] = ()
    """Entries that differ from `base` and were not contacted: `signer NAME`, `parent NAME`, or a section."""


# What happened -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """A provider's word on one side effect: never a fact about the DNS."""

    state: Literal["accepted", "pending", "refused", "manual"]
    operation: str = ""
    message: str = ""
    created: Dnskey | None = None
    """The key of a `CreateKey`, new or found."""
