"""What the files in Git ask for: zones, policies, ways in, and the limits around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dnsplan.model.records import Dnskey
from dnsplan.model.time import Instant, Seconds

ZoneName = str
"""A-label, lower case, without the final dot."""

Profile = Literal["lenient", "rfc4509", "hardened", "strict4035"]
Dnssec = Literal["signed", "insecure", "hold"]
Role = Literal["ksk", "zsk", "csk"]
DAY: Seconds = 86400
LASTING = ("dnskey.ttl", "ds.ttl_max", "nsec3.iterations", "nsec3.salt_length", "signatures.max_validity")
"""Keys of a policy that say how a zone at rest is served."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """Where a secret is kept; never the secret itself. Exactly one of the three is set."""

    env: str | None = None
    file: str | None = None
    command: tuple[str, ...] | None = None


Setting = str | int | bool | Secret | tuple["Setting", ...] | Mapping[str, "Setting"]
"""A setting of a way in, as its schema has checked it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where in the portfolio something was said; `line` counts from 1."""

    file: str
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """Margins for instances that no sweep can reach, and how often a state must be seen to be believed."""

    child_margin: Seconds = 3600
    parent_margin: Seconds = 3600
    registration_budget: Seconds = 2 * DAY
    sweep_count: int = 2
    sweep_spacing: Seconds = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyPolicy:
    """How keys of one role are rolled; a lifetime of None means never by age."""

    lifetime: Seconds | None
    rollover: Literal["double-ksk", "double-ds", "double-rrset", "pre-publication"] = "double-ksk"
    standby: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Freeze:
    """A time in which no rollover starts, [start, end)."""

    start: Instant
    end: Instant
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Weekly:
    """A weekly window in wall-clock minutes of a time zone in which rollovers may start."""

    days: frozenset[int]
    """0 is Monday."""
    start: int
    end: int
    time_zone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """How zones are signed, rolled and judged; every default is the documented one."""

    name: str = "default"
    algorithm: int = 13
    scheme: Literal["ksk-zsk", "csk"] = "ksk-zsk"
    ksk: KeyPolicy = KeyPolicy(lifetime=365 * DAY)
    csk: KeyPolicy = KeyPolicy(lifetime=365 * DAY)
    zsk: KeyPolicy = KeyPolicy(lifetime=90 * DAY, rollover="pre-publication")
    algorithm_rollover: Literal["liberal", "conservative"] = "liberal"
    digest_types: frozenset[int] = frozenset({2})
    ds_ttl_max: Seconds = DAY
    dnskey_ttl: Seconds = 3600
    zone_ttl_max: Seconds = DAY
    signature_min_remaining: Seconds = 5 * DAY
    signature_max_validity: Seconds = 30 * DAY
    nsec3_iterations: int = 0
    nsec3_salt_length: int = 0
    cds: Literal["auto", "true", "false"] = "auto"
    bootstrap: Literal["auto", "true", "false"] = "auto"
    notify: Literal["auto", "true", "false"] = "auto"
    timing: Timing = Timing()
    validators: frozenset[Profile] = frozenset({"lenient", "rfc4509", "hardened"})
    ds_change: Literal["automatic", "pinned"] = "automatic"
    min_approvals: int = 0
    signed_commits: bool = False
    freeze: tuple[Freeze, ...] = ()
    weekly: tuple[Weekly, ...] = ()
    unknown_ds: Literal["keep", "remove", "block"] = "keep"
    stated: frozenset[str] = frozenset()
    """Those of `LASTING` that the policy's file itself states; what is only a default changes nothing in a zone."""
    source: Source | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Roll:
    """Tokens that ask for one rollover each; None asks for none."""

    sep: str | None = None
    """For the KSK or CSK."""
    zsk: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ZoneIntent:
    """What the files want for one zone; names refer to entries of the portfolio."""

    zone: ZoneName
    policy: str = "default"
    signer: str | None = None
    parent: str | None = None
    owner: str = ""
    tags: frozenset[str] = frozenset()
    dnssec: Dnssec = "hold"
    keys: Literal["auto", "follow"] | tuple[Dnskey, ...] = "auto"
    signers: tuple[str, ...] = ()
    migrate_to: str | None = None
    compromised: tuple[Dnskey, ...] = ()
    trust_anchor: bool = False
    roll: Roll = Roll()
    source: Source = Source(file="", line=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class WayIn:
    """A signer or a parent: its type and settings, names as in `formats.md`."""

    name: str
    type: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    source: Source = Source(file="", line=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepts:
    """What a parent takes for a suffix or an account; None means unknown or unlimited."""

    form: Literal["ds", "dnskey", "either"] = "ds"
    max_ds: int | None = None
    algorithms: frozenset[int] | None = None
    digest_types: frozenset[int] | None = None
    requires_matching_dnskey: Literal["none", "one", "each"] = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """How the delegation is walked: the root servers, the port of every server, the trust anchors."""

    root_hints: tuple[str, ...]
    port: int = 53
    trust_anchors: tuple[str, ...] | None = None
    """DS or DNSKEY RDATA of the root in text; None means the built-in ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolver:
    """A validating resolver of the panel."""

    name: str
    address: str
    port: int = 53
    protocol: Literal["udp", "tcp", "dot", "doh"] = "udp"
    region: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ObserveSettings:
    """Bounds of an observation; `rate_per_server` is queries per second to one address."""

    timeout_ms: int = 2000
    tries: int = 3
    concurrency: int = 500
    rate_per_server: int = 50
    families: frozenset[int] = frozenset({4, 6})


@dataclass(frozen=True, kw_only=True, slots=True)
class Guards:
    """Limits on what one apply may start or remove."""

    max_zones_per_apply: int = 50
    max_ds_removals_count: int = 20
    max_ds_removals_percent: int = 5
    max_in_flight_per_parent: int = 20
    canary_zones: int = 0
    canary_soak: Seconds = DAY
    spread_first_lifetimes: bool = True
    """Keys that were all met on one day must not all be rolled on one; no setting of the files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """Where the ledger lives and how it is signed."""

    branch: str = "dsplan/audit"
    remote: str = "origin"
    sign: bool = False
    allowed_signers: str = ".dsplan/allowed_signers"


@dataclass(frozen=True, kw_only=True, slots=True)
class Portfolio:
    """Everything the files say, checked; `accepts` is by suffix (A-label, no final dot)."""

    name: str
    zones: Mapping[ZoneName, ZoneIntent]
    policies: Mapping[str, Policy]
    signers: Mapping[str, WayIn]
    parents: Mapping[str, WayIn]
    accepts: Mapping[str, Accepts]
    resolution: Resolution
    resolvers: tuple[Resolver, ...] = ()
    observe: ObserveSettings = ObserveSettings()
    guards: Guards = Guards()
    audit: Audit = Audit()
    config_digest: str = ""
    """`sha256:…` over the canonical form of every file that was read."""

    def policy_of(self, intent: ZoneIntent) -> Policy:
        """Return the policy that holds for a zone."""
        return self.policies[intent.policy]
