"""A situation as recipes read it: what is served, since when, who vouches for whom, and what is asked for.

`now` content is the newest version, the one in flight included; whether it is everywhere is a gate's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from dnsplan.engine.reach import ALWAYS, Reach, both, history_there, reaches, split
from dnsplan.engine.silence import ACKNOWLEDGED_MARGIN, is_blind
from dnsplan.engine.spans import Margins, Ring, Spans, key_ring, known_keys, margins, spans_of
from dnsplan.engine.validators import DsSet, KeySet
from dnsplan.model.action import AnyAction
from dnsplan.model.history import Beside, DnskeyContent, DsContent, Rollover, RRsetVersion, ZoneContent, ZoneHistory
from dnsplan.model.plan import Gate, GateTerm, Op, Situation, Undo
from dnsplan.model.portfolio import Profile, Role
from dnsplan.model.records import SEP, Dnskey, Ds, KeyId, make_ds
from dnsplan.model.time import Instant

EMERGENCIES = frozenset({"emergency", "break-chain"})
"""Recipes for keys that somebody else may hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """What a recipe would do next, and what it waits for; the kernel picks the first candidate that it admits."""

    stage: str
    op: Op
    candidates: tuple[AnyAction, ...]
    gate: Gate
    undo: Undo
    summary: str
    signer: str = ""
    """Who is asked, where it is neither the parent nor the zone's own signer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """Everything a recipe may look at."""

    situation: Situation
    ring: Ring
    keys_by_id: dict[str, Dnskey]
    roles: dict[Dnskey, Role]
    """Of the keys that were created here or that the signer lists."""
    margins: Margins
    spans: Spans
    """Of all that caches may hold, of both signers where there are two; the newest of this one stand last."""
    ds: DsContent
    dnskey: DnskeyContent
    zone: ZoneContent
    own: Spans
    """Of this signer's servers alone, whoever may ask them."""
    signer: str = ""
    """Whose servers these are; empty for the zone's own signer."""
    reach: Reach = ALWAYS
    other: View | None = None
    """The other signer of a zone that moves, once its servers have been seen."""

    @property
    def history(self) -> ZoneHistory:
        """Return the history."""
        return self.situation.history

    @property
    def rollover(self) -> Rollover:
        """Return the rollover under way; one without keys when there is none."""
        return self.history.rollover or Rollover(id="", recipe="", started=self.situation.now)

    @property
    def profiles(self) -> frozenset[Profile]:
        """Return the validators that must not fail: the policy's, and the strict one in a conservative rollover."""
        strict = self.rollover.recipe == "algorithm-conservative"
        return self.situation.policy.validators | (frozenset({"strict4035"}) if strict else frozenset())

    @property
    def refs(self) -> DsSet:
        """Return the newest DS RRset resolved to keys."""
        return self.spans.ds[-1].value or frozenset()

    @property
    def keyset(self) -> KeySet:
        """Return the newest DNSKEY RRset as identities."""
        return self.spans.dnskey[-1].value or KeySet(frozenset(), frozenset())

    @property
    def working_seps(self) -> tuple[Dnskey, ...]:
        """Return the SEP keys that stand in the DNSKEY RRset and sign it."""
        return tuple(key for key in self.dnskey.keys if key.is_sep and key.id in self.dnskey.signers)

    @property
    def data_keys(self) -> tuple[Dnskey, ...]:
        """Return the keys of the DNSKEY RRset that sign data."""
        return tuple(key for key in self.dnskey.keys if key.id in self.zone.signers)

    @property
    def shown_ds(self) -> tuple[Ds, ...]:
        """Return the newest DS RRset that a server has shown; one that was only asked for does not count."""
        contents = [version.content for version in self.history.ds if version.seen]
        return contents[-1].ds if isinstance(contents[-1], DsContent) else ()

    @property
    def shown_keys(self) -> tuple[Dnskey, ...]:
        """Return the newest DNSKEY RRset that a server has shown."""
        contents = [version.content for version in self.history.dnskey if version.seen]
        return contents[-1].keys if isinstance(contents[-1], DnskeyContent) else ()

    @property
    def foreign_ds(self) -> tuple[Ds, ...]:
        """Return the DS that match no key that was ever seen or held."""
        return tuple(ds for ds in self.ds.ds if ds not in self.ring)

    def role_of(self, key: Dnskey) -> Role:
        """Return the role of a key: as it was created or as the signer lists it, else by its flags and signatures."""
        role = self.roles.get(key)
        if role is not None:
            return role
        if not key.flags & SEP:
            return "zsk"
        return "csk" if key.id in self.zone.signers or self.situation.policy.scheme == "csk" else "ksk"

    def ds_of(self, keys: Iterable[Dnskey]) -> tuple[Ds, ...]:
        """Return the DS that the policy (or the parent, where it makes digests itself) wants for these keys."""
        types = self.situation.capabilities.makes_digests or self.situation.policy.digest_types
        return tuple(sorted(make_ds(self.situation.intent.zone, key, t) for key in keys for t in types))

    def ds_at_parent(self, keys: frozenset[KeyId]) -> tuple[Ds, ...]:
        """Return the DS served, or under way, that vouch for these keys."""
        return tuple(ds for ds in self.ds.ds if self.ring.get(ds) in keys)

    def everywhere(self, versions: tuple[RRsetVersion, ...], reason: str) -> Gate:
        """Return the gate that opens when the newest version is on every server (T_all)."""
        moment: Instant | None = versions[-1].everywhere
        return Gate(terms=(GateTerm(reason=reason, at=moment, base=moment),))


def is_emergency(history: ZoneHistory) -> bool:
    """Tell whether a compromised key is being replaced, so that margins and repeated sweeps would only help a thief."""
    return history.rollover is not None and history.rollover.recipe in EMERGENCIES


def side_of(view: View, proposal: Proposal) -> View:
    """Return the view of the signer that a proposal is about."""
    return view.other if view.other is not None and proposal.signer == view.other.signer else view


def view_of(situation: Situation) -> View | None:
    """Return the view; None while some RRset has not been seen at all."""
    beside = situation.history.beside
    if beside is None:
        return _view(situation)
    here, there = split(situation.seen, beside)
    own = _view(replace(situation, seen=here))
    history = history_there(situation.history, beside)
    capabilities = situation.beside or situation.capabilities
    other = _view(replace(situation, seen=there, history=history, capabilities=capabilities, held=None), own)
    if own is None or other is None:
        return own
    return _together(own, other, beside)


def _together(own: View, other: View, beside: Beside) -> View:
    """Return the view of the zone's own signer, with that of the other one; each knows what caches hold of both."""
    home, there = reaches(beside, own.margins)
    other = replace(other, signer=beside.signer, reach=there, spans=both(other.own, there, own.own, home))
    own = replace(own, reach=home, spans=both(own.own, home, other.own, there))
    return replace(own, other=replace(other, other=own))


def _view(situation: Situation, beside: View | None = None) -> View | None:
    """Return the view of one signer; it knows the keys of the one `beside` it."""
    history = situation.history
    ds, dnskey, zone = (
        versions[-1].content if versions else None for versions in (history.ds, history.dnskey, history.zonedata)
    )
    if not (isinstance(ds, DsContent) and isinstance(dnskey, DnskeyContent) and isinstance(zone, ZoneContent)):
        return None
    pinned = situation.intent.keys if isinstance(situation.intent.keys, tuple) else ()
    keys = known_keys(history) | frozenset(pinned) | {held.key for held in situation.held or ()}
    keys |= frozenset(beside.keys_by_id.values()) if beside is not None else frozenset()
    ring = key_ring(situation.intent.zone, keys)
    roles: dict[Dnskey, Role] = {listed.key: listed.role for listed in situation.held or ()}
    roles.update({held.key: held.role for held in history.held if held.rollover})
    margin = margins(situation.policy, situation.capabilities, situation.seen.families_missing)
    if is_emergency(history):
        margin = replace(margin, parent=0, child=0)
    if is_blind(history):
        margin = replace(
            margin, parent=max(margin.parent, ACKNOWLEDGED_MARGIN), child=max(margin.child, ACKNOWLEDGED_MARGIN)
        )
    spans = spans_of(history, margin, ring)
    return View(
        situation=situation,
        ring=ring,
        keys_by_id={key.id: key for key in keys},
        roles=roles,
        margins=margin,
        spans=spans,
        ds=ds,
        dnskey=dnskey,
        zone=zone,
        own=spans,
    )
