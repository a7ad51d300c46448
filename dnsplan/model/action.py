"""What can be asked of a way in: targets, so that asking twice is asking once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dnsplan.model.portfolio import Role
from dnsplan.model.records import Dnskey, Ds, KeyId
from dnsplan.model.time import Seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class SetDs:
    """The parent serves exactly these DS; `keys` are the DNSKEYs behind them, for interfaces that take keys."""

    ds: tuple[Ds, ...]
    keys: tuple[Dnskey, ...] = ()
    expected: tuple[Ds, ...] = ()
    """What the parent serves before; an adapter with compare-and-swap refuses anything else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CreateKey:
    """The signer holds one more key of this role, unpublished and inactive.

    Idempotent: a key of the role and algorithm that is not in `existing` is the one wanted, and nothing is created.
    """

    role: Role
    algorithm: int
    existing: frozenset[KeyId]


@dataclass(frozen=True, kw_only=True, slots=True)
class SetKeys:
    """The signer publishes exactly `published` and lets exactly these sign the DNSKEY RRset and the zone's data.

    A key that the signer has lost may stand among those that sign as long as what it signed does not change: its
    signatures are kept.
    """

    published: tuple[Dnskey, ...]
    sign_keys: frozenset[KeyId]
    sign_zone: frozenset[KeyId]


@dataclass(frozen=True, kw_only=True, slots=True)
class DeleteKey:
    """The signer no longer holds this key, which is unpublished and inactive."""

    key: Dnskey


@dataclass(frozen=True, kw_only=True, slots=True)
class SetCds:
    """The child publishes exactly these CDS and CDNSKEY; both empty means none (RFC 7344)."""

    cds: tuple[Ds, ...]
    cdnskey: tuple[Dnskey, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SetTtl:
    """The DS or DNSKEY RRset is served with this TTL, and with the content that it has."""

    rrset: Literal["DS", "DNSKEY"]
    ttl: Seconds
    ds: tuple[Ds, ...] = ()
    """What the parent serves, for the DS; an adapter with compare-and-swap refuses anything else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SetNsec3:
    """A zone that uses NSEC3 does so with these parameters; whether it uses opt-out stays as it is (RFC 5155)."""

    iterations: int
    salt: str
    """In hexadecimal; empty for none."""


Action = SetDs | CreateKey | SetKeys | DeleteKey | SetCds | SetTtl | SetNsec3
"""A target, not a delta: performing it twice is performing it once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportKeys:
    """The zone publishes `foreign` beside the signer's own keys, and not `gone`: public keys of another (RFC 8901).

    The other fields are what the servers then show; the signer's own keys go on as they are.
    """

    foreign: tuple[Dnskey, ...]
    gone: tuple[Dnskey, ...]
    published: tuple[Dnskey, ...]
    sign_keys: frozenset[KeyId]
    sign_zone: frozenset[KeyId]


@dataclass(frozen=True, kw_only=True, slots=True)
class SetNs:
    """The NS RRset of the zone, at the parent or at the apex of one signer's copy, names exactly these servers."""

    names: tuple[str, ...]
    glue: tuple[tuple[str, str], ...] = ()
    """(name, address) of servers whose names lie in the zone; added where they are missing, none is removed."""
    expected: tuple[str, ...] = ()
    """What stands there before."""


SharedAction = ImportKeys | SetNs
"""What a change of signer asks for beyond what every way in can do."""
AnyAction = Action | SharedAction
