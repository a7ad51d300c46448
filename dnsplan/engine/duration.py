"""How long a rollover takes by a policy alone, told by the recipes and the kernel that would carry it out."""

from __future__ import annotations

from functools import lru_cache

from dnsplan.engine.planner import plan_zone
from dnsplan.model.history import Content, DnskeyContent, DsContent, RRsetVersion, ZoneContent, ZoneHistory
from dnsplan.model.observation import Observation
from dnsplan.model.plan import Capabilities, SignerKey, Situation
from dnsplan.model.portfolio import Policy, Role, Roll, ZoneIntent
from dnsplan.model.records import SEP, ZONE_KEY, Dnskey, make_ds
from dnsplan.model.time import Instant, Seconds

ZONE, TOKEN, NOW = "example", "next", 1 << 40


@lru_cache(maxsize=1024)
def rollover_takes(policy: Policy, role: Role, capabilities: Capabilities, registration: Seconds = 0) -> Seconds:
    """Return the seconds from the first step of a rollover to its confirmed end, in a zone with the policy's TTLs.

    The parent is taken to need `registration` for each change of the DS; a change that the parent or the signer cannot
    make takes no time.
    """
    keys = _keys(policy)
    held = tuple(SignerKey(key=key, role=known, published=True, active=True) for known, key in keys.items())
    plan = plan_zone(
        Situation(
            intent=ZoneIntent(
                zone=ZONE, dnssec="signed", signer="s", parent="p",
                roll=Roll(zsk=TOKEN) if role == "zsk" else Roll(sep=TOKEN),
            ),
            policy=policy,
            capabilities=capabilities,
            history=_history(policy, keys),
            seen=Observation(zone=ZONE, at=NOW, parent_zone=None, parent=(), child=()),
            now=NOW,
            held=held,
        ),
        registration=registration,
    )  # fmt: skip
    return max((step.not_before - NOW for step in plan.timeline if step.not_before is not None), default=0)


def _keys(policy: Policy) -> dict[Role, Dnskey]:
    roles: tuple[Role, ...] = ("csk",) if policy.scheme == "csk" else ("ksk", "zsk")
    flags = {role: ZONE_KEY if role == "zsk" else ZONE_KEY | SEP for role in roles}
    return {role: Dnskey(flags=flags[role], algorithm=policy.algorithm, public_key=role.encode()) for role in roles}


def _history(policy: Policy, keys: dict[Role, Dnskey]) -> ZoneHistory:
    """Return the history of a zone at rest, with nothing in any cache but what is served."""
    sep, data = next(iter(keys.values())), list(keys.values())[-1]
    ds = tuple(sorted(make_ds(ZONE, sep, digest_type) for digest_type in policy.digest_types))
    return ZoneHistory(
        zone=ZONE,
        ds=_version(DsContent(ds=ds), policy.ds_ttl_max),
        dnskey=_version(
            DnskeyContent(keys=tuple(sorted(keys.values())), signers=frozenset({sep.id})), policy.dnskey_ttl
        ),
        zonedata=_version(ZoneContent(signers=frozenset({data.id})), policy.zone_ttl_max),
        tokens=(("sep", ""), ("zsk", "")),
    )


def _version(content: Content, ttl: Seconds) -> tuple[RRsetVersion, ...]:
    first: Instant = 0
    return (RRsetVersion(content=content, first=first, everywhere=first, ttl_star=ttl),)
