"""What the DNS cannot tell again: which RRset versions were served when, with which TTLs, and what was submitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dnsplan.model.portfolio import Role, ZoneName
from dnsplan.model.records import Dnskey, Ds, KeyId
from dnsplan.model.time import Instant, Seconds

RRsetName = Literal["DS", "DNSKEY", "ZONE"]
Touched = Literal["DS", "DNSKEY", "ZONE", "KEY", "CDS", "NS", "DS-TTL", "DNSKEY-TTL", "DENIAL"]
"""What a side effect touches; `KEY` changes nothing that is served, `DENIAL` is how negative answers are proven."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DsContent:
    """The DS RRset as served; sorted."""

    ds: tuple[Ds, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DnskeyContent:
    """The DNSKEY RRset (sorted) and the keys that sign it."""

    keys: tuple[Dnskey, ...]
    signers: frozenset[KeyId]


@dataclass(frozen=True, kw_only=True, slots=True)
class ZoneContent:
    """The keys that sign the zone's data."""

    signers: frozenset[KeyId]


@dataclass(frozen=True, kw_only=True, slots=True)
class NsContent:
    """The names of an NS RRset, at the parent or at the apex."""

    names: frozenset[str]


Content = DsContent | DnskeyContent | ZoneContent | NsContent


@dataclass(frozen=True, kw_only=True, slots=True)
class RRsetVersion:
    """Exact content of an RRset and when caches may have taken it up."""

    content: Content | None
    """None: served before the first look, and unknown."""
    first: Instant
    """The earliest moment at which it may have been served."""
    everywhere: Instant | None
    """T_all: end of the last of the required clean sweeps that showed it on every server; None before that."""
    ttl_star: Seconds
    """The largest TTL ever seen for it, nominal TTL included; never lowered."""
    seen: bool = True
    """False for a version that was asked for and that no server has shown yet."""
    clean: int = 0
    """Clean sweeps so far, each at least the spacing after the one before."""
    clean_at: Instant | None = None
    ttl: Seconds | None = None
    """The TTL for which it began, with the content of the version before it; None where the content made it new."""
    asked_of: str | None = None
    """The parent that was asked for this DS RRset at `first`; None for a version that was found."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Registration:
    """How long a parent took for one change of a DS: from the first submission until every server showed it."""

    parent: str
    """Name of the way in."""
    submitted: Instant
    shown: Instant
    """The first of the clean sweeps that confirmed it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Departed:
    """A server address that left the NS sets and may still be asked by resolvers until `until`."""

    address: str
    side: Literal["parent", "child"]
    until: Instant | None
    """None while the NS RRset without it is not yet everywhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Silent:
    """A server address that gave no usable answer in the last sweep, or that was acknowledged not long ago."""

    address: str
    since: Instant
    """The first of the sweeps in a row in which it was silent."""
    acknowledged: Instant | None = None
    """When a person lifted `silent_server:ADDRESS`: sweeps count without it, with wide margins."""
    until: Instant | None = None
    """Of one that answers again: until when what it served meanwhile may be in caches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldKey:
    """A key that the signer holds, learnt when it was created or listed."""

    key: Dnskey
    role: Role
    created: Instant
    rollover: str = ""
    """Id of the rollover for which dsplan created it; empty for a key found."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollover:
    """A change of keys under way; its stage is derived, never stored."""

    id: str
    recipe: str
    started: Instant
    token: str | None = None
    final: tuple[KeyId, ...] = ()
    """The keys that will be left, as far as they exist."""
    creates: tuple[Role, ...] = ()
    """Roles of the keys that it creates."""
    old: tuple[KeyId, ...] = ()
    """The keys that leave."""
    before: tuple[KeyId, ...] = ()
    """The keys in use when it began, to which the way back leads."""
    back: bool = False
    """It is the way back from another one."""
    authorised_by: str = ""
    config: str = ""
    """The configuration that asked for it; empty for one that no merge asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A change that the files ask for and that has not begun."""

    since: Instant
    """The merge that brought it, as far as Git tells; else the first run that met it."""
    commit: str
    """The configuration with which it first came up: what one merge asks of several zones has the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """The last rollover that reached its end."""

    at: Instant
    config: str = ""
    """The configuration that asked for it; empty for one that no merge asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """A side effect that was about to be, or was, performed; `outcome` is None until it is known."""

    id: str
    step: str
    """Canonical JSON of the step, as `codec` writes it."""
    rrset: Touched
    at: Instant
    outcome: Literal["performed", "pending", "refused", "failed", "manual"] | None = None
    outcome_at: Instant | None = None
    operation: str = ""
    """The provider's own id of the operation."""
    reason: str = ""
    role: Role | None = None
    """Of the key that it creates."""
    target: str = ""
    """What it asks for, where no version of an RRset says so."""
    signer: str = ""
    """Whose servers it changes, where the zone has two signers; empty for the zone's own, and for the parent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """The other signer of a zone that moves: what its servers show, and whose servers the NS RRsets name.

    The history's own versions are those of the signer where the zone was before.
    """

    signer: str
    names: frozenset[str]
    """Of its servers: the apex NS that it serves."""
    glue: tuple[tuple[str, str], ...] = ()
    """(name, address) of those of its servers whose names lie in the zone; sorted."""
    home: frozenset[str] = frozenset()
    """Names of the servers that the zone was delegated to when the other signer was first looked at."""
    servers: frozenset[str] = frozenset()
    """Addresses of its servers at the last sweep."""
    home_servers: frozenset[str] = frozenset()
    """Addresses of the servers where the zone was before: asked until the move ends, delegated to or not."""
    dnskey: tuple[RRsetVersion, ...] = ()
    zonedata: tuple[RRsetVersion, ...] = ()
    ns_parent: tuple[RRsetVersion, ...] = ()
    ns_home: tuple[RRsetVersion, ...] = ()
    """The apex NS at the servers where the zone was before."""
    ns_there: tuple[RRsetVersion, ...] = ()
    """The apex NS at the other signer's servers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """What a person says was done; it never advances anything."""

    at: Instant
    by: str
    evidence: str
    step: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ZoneHistory:
    """The ledger's memory of one zone; the newest version stands last in each tuple."""

    zone: ZoneName
    ds: tuple[RRsetVersion, ...] = ()
    dnskey: tuple[RRsetVersion, ...] = ()
    zonedata: tuple[RRsetVersion, ...] = ()
    last_sweep: Instant | None = None
    servers: frozenset[str] = frozenset()
    """Child addresses at the last sweep."""
    parent_servers: frozenset[str] = frozenset()
    ns_ttl_star: Seconds = 0
    departed: tuple[Departed, ...] = ()
    silent: tuple[Silent, ...] = ()
    held: tuple[HeldKey, ...] = ()
    rollover: Rollover | None = None
    asked: Asked | None = None
    ended: Ended | None = None
    tokens: tuple[tuple[str, str], ...] = ()
    """(`sep` or `zsk`, last token done)."""
    intents: tuple[Intent, ...] = ()
    """Those without an outcome, and the newest with one for each RRset and signer."""
    notes: tuple[Note, ...] = ()
    next_at: Instant | None = None
    """When the next run may find something to do; None when nothing is under way."""
    beside: Beside | None = None
    """None unless the zone moves from one signer to another."""
    signed_at: str = ""
    """The signer to which the zone has moved; empty while it is where the files said at first."""
    registrations: tuple[Registration, ...] = ()
    """The newest changes of the DS that showed, the newest last."""
    planned: str = ""
    """Digest of the zone's effective configuration when it was last planned."""
