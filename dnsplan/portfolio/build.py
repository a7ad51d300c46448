"""Checked YAML values to the model; every default is written once, in the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dnsplan.model.names import parse_name
from dnsplan.model.portfolio import (
    LASTING,
    Accepts,
    Audit,
    Freeze,
    Guards,
    KeyPolicy,
    ObserveSettings,
    Policy,
    Portfolio,
    Resolution,
    Resolver,
    Roll,
    Secret,
    Setting,
    Source,
    Timing,
    WayIn,
    ZoneIntent,
)
from dnsplan.model.records import ALGORITHMS, DIGEST_TYPES, parse_dnskey
from dnsplan.model.time import parse_duration
from dnsplan.portfolio.formats import endpoint, moment, trust_anchor, weekly
from dnsplan.portfolio.yamlfile import YamlFile

ROOT_HINTS = (
    "198.41.0.4", "170.247.170.2", "192.33.4.12", "199.7.91.13", "192.203.230.10", "192.5.5.241", "192.112.36.4",
    "198.97.190.53", "192.36.148.17", "192.58.128.30", "193.0.14.129", "199.7.83.42", "202.12.27.33",
    "2001:503:ba3e::2:30", "2801:1b8:10::b", "2001:500:2::c", "2001:500:2d::d", "2001:500:a8::e", "2001:500:2f::f",
    "2001:500:12::d0d", "2001:500:1::53", "2001:7fe::53", "2001:503:c27::2:30", "2001:7fd::1", "2001:500:9f::42",
    "2001:dc3::35",
)  # fmt: skip
"""The servers of the real root, https://www.iana.org/domains/root/servers."""

_ALGORITHM = {name: number for number, name in ALGORITHMS.items()}
_DIGEST = {name: number for number, name in DIGEST_TYPES.items()}
Entry = tuple[YamlFile, tuple[str | int, ...], dict[str, Any]]


def build(
    main: YamlFile, entries: Sequence[Entry], policies: Sequence[YamlFile], parents: Sequence[YamlFile], digest: str
) -> Portfolio:
    """Return the portfolio of files without faults."""
    value = main.value
    manual = WayIn(name="manual", type="manual")
    intents = [_intent(file, path, entry, value.get("defaults", {})) for file, path, entry in entries]
    return Portfolio(
        name=value["portfolio"],
        zones={intent.zone: intent for intent in intents},
        policies={
            "default": Policy(),
            **{file.value["policy"]: build_policy(file.value, file.file) for file in policies},
        },
        signers={"manual": manual, **_ways_in(main, "signers")},
        parents={"manual": manual, **_ways_in(main, "parents")},
        accepts={parse_name(file.value["suffix"]): build_accepts(file.value) for file in parents},
        resolution=_resolution(value.get("resolution", {})),
        resolvers=tuple(_resolver(resolver) for resolver in value.get("resolvers", [])),
        observe=_observe(value.get("observe", {})),
        guards=_guards(value.get("guards", {})),
        audit=Audit(**value.get("audit", {})),
        config_digest=digest,
    )


def _intent(
    file: YamlFile, path: tuple[str | int, ...], entry: Mapping[str, Any], defaults: Mapping[str, Any]
) -> ZoneIntent:
    keys: Any = entry.get("keys", "auto")
    roll = entry.get("roll")
    if isinstance(roll, dict):
        tokens = Roll(sep=roll.get("ksk", roll.get("csk")), zsk=roll.get("zsk"))
    else:
        tokens = Roll(sep=roll)
    return ZoneIntent(
        zone=parse_name(entry["zone"]),
        policy=entry.get("policy", defaults.get("policy", "default")),
        signer=entry.get("signer", defaults.get("signer")),
        parent=entry.get("parent", defaults.get("parent")),
        owner=entry.get("owner", ""),
        tags=frozenset(entry.get("tags", [])),
        dnssec=entry.get("dnssec", "hold"),
        keys=tuple(parse_dnskey(pinned["dnskey"]) for pinned in keys) if isinstance(keys, list) else keys,
        signers=tuple(entry.get("signers", [])),
        migrate_to=entry.get("migrate_to"),
        compromised=tuple(parse_dnskey(text) for text in entry.get("compromised", [])),
        trust_anchor=entry.get("trust_anchor", False),
        roll=tokens,
        source=Source(file=file.file, line=file.position((*path, "zone"))[0]),
    )


def build_policy(value: Mapping[str, Any], file: str = "") -> Policy:
    """Return the policy of a mapping with the keys of a policy file; what is left out has its documented default."""
    base = Policy()
    ds, timing, signatures = value.get("ds", {}), value.get("timing", {}), value.get("signatures", {})
    review, windows, signalling = value.get("review", {}), value.get("windows", {}), value.get("signalling", {})
    nsec3 = value.get("nsec3", {})
    return Policy(
        name=value.get("policy", base.name),
        algorithm=_number(value.get("algorithm", base.algorithm), _ALGORITHM),
        scheme=value.get("scheme", base.scheme),
        ksk=_key_policy(value.get("ksk", {}), base.ksk),
        csk=_key_policy(value.get("csk", {}), base.csk),
        zsk=_key_policy(value.get("zsk", {}), base.zsk),
        algorithm_rollover=value.get("algorithm_rollover", base.algorithm_rollover),
        digest_types=_numbers(ds.get("digest_types"), _DIGEST) or base.digest_types,
        ds_ttl_max=_duration(ds, "ttl_max", base.ds_ttl_max),
        dnskey_ttl=_duration(value.get("dnskey", {}), "ttl", base.dnskey_ttl),
        zone_ttl_max=_duration(value.get("zone", {}), "ttl_max", base.zone_ttl_max),
        signature_min_remaining=_duration(signatures, "min_remaining", base.signature_min_remaining),
        signature_max_validity=_duration(signatures, "max_validity", base.signature_max_validity),
        nsec3_iterations=nsec3.get("iterations", base.nsec3_iterations),
        nsec3_salt_length=nsec3.get("salt_length", base.nsec3_salt_length),
        cds=_tristate(signalling.get("cds", "auto")),
        bootstrap=_tristate(signalling.get("bootstrap", "auto")),
        notify=_tristate(signalling.get("notify", "auto")),
        timing=_timing(timing, base.timing),
        validators=frozenset(value.get("validators", base.validators)),
        ds_change=review.get("ds_change", base.ds_change),
        min_approvals=review.get("min_approvals", base.min_approvals),
        signed_commits=review.get("signed_commits", base.signed_commits),
        freeze=tuple(_freeze(window) for window in windows.get("freeze", [])),
        weekly=tuple(weekly(window) for window in windows.get("weekly", [])),
        unknown_ds=value.get("unknown_ds", base.unknown_ds),
        stated=frozenset(name for name in LASTING if _states(value, *name.split("."))),
        source=Source(file=file, line=1),
    )


def _states(value: Mapping[str, Any], table: str, key: str) -> bool:
    return key in value.get(table, {})


def _timing(value: Mapping[str, Any], base: Timing) -> Timing:
    sweeps = value.get("sweeps", {})
    return Timing(
        child_margin=_duration(value, "child_margin", base.child_margin),
        parent_margin=_duration(value, "parent_margin", base.parent_margin),
        registration_budget=_duration(value, "registration_budget", base.registration_budget),
        sweep_count=sweeps.get("count", base.sweep_count),
        sweep_spacing=_duration(sweeps, "spacing", base.sweep_spacing),
    )


def _key_policy(value: Mapping[str, Any], base: KeyPolicy) -> KeyPolicy:
    return KeyPolicy(
        lifetime=parse_duration(value["lifetime"]) if "lifetime" in value else base.lifetime,
        rollover=value.get("rollover", base.rollover),
        standby=value.get("standby", base.standby),
    )


def _freeze(window: Mapping[str, str]) -> Freeze:
    end = moment(window["to"], inclusive=True)
    return Freeze(start=moment(window["from"]), end=end, reason=window.get("reason", ""))


def build_accepts(value: Mapping[str, Any]) -> Accepts:
    """Return what a parent takes, of a mapping with the keys of `accepts`."""
    return Accepts(
        form=value.get("form", "ds"),
        max_ds=value.get("max_ds"),
        algorithms=_numbers(value.get("algorithms"), _ALGORITHM),
        digest_types=_numbers(value.get("digest_types"), _DIGEST),
        requires_matching_dnskey=value.get("requires_matching_dnskey", "none"),
    )


def _ways_in(main: YamlFile, kind: str) -> dict[str, WayIn]:
    result = {}
    for name, settings in main.value.get(kind, {}).items():
        rest = {key: _setting(value) for key, value in settings.items() if key != "type"}
        source = Source(file=main.file, line=main.position((kind, name), key=True)[0])
        result[name] = WayIn(name=name, type=settings["type"], settings=rest, source=source)
    return result


def _setting(value: Any) -> Setting:
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in {"env", "file", "command"}:
            return Secret(env=value.get("env"), file=value.get("file"), command=_command(value))
        return {key: _setting(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_setting(item) for item in value)
    setting: Setting = value
    return setting


def _command(value: Mapping[str, Any]) -> tuple[str, ...] | None:
    return tuple(value["command"]) if "command" in value else None


def _resolution(value: Mapping[str, Any]) -> Resolution:
    anchors = value.get("trust_anchors", "builtin")
    return Resolution(
        root_hints=tuple(value.get("root_hints", ROOT_HINTS)),
        port=value.get("port", 53),
        trust_anchors=None if anchors == "builtin" else tuple(trust_anchor(anchor) for anchor in anchors),
    )


def _resolver(value: Mapping[str, Any]) -> Resolver:
    port = value.get("port", 53)
    address, port = endpoint(value["address"], port) if "address" in value else (value["url"], port)
    return Resolver(
        name=value["name"], address=address, port=port, protocol=value.get("protocol", "udp"),
        region=value.get("region", ""),
    )  # fmt: skip


def _observe(value: Mapping[str, Any]) -> ObserveSettings:
    base = ObserveSettings()
    return ObserveSettings(
        timeout_ms=_duration(value, "timeout", base.timeout_ms // 1000) * 1000,
        tries=value.get("tries", base.tries),
        concurrency=value.get("concurrency", base.concurrency),
        rate_per_server=value.get("rate_per_server", base.rate_per_server),
        families=frozenset(value.get("families", base.families)),
    )


def _guards(value: Mapping[str, Any]) -> Guards:
    base = Guards()
    removals, canary = value.get("max_ds_removals", {}), value.get("canary", {})
    return Guards(
        max_zones_per_apply=value.get("max_zones_per_apply", base.max_zones_per_apply),
        max_ds_removals_count=removals.get("count", base.max_ds_removals_count),
        max_ds_removals_percent=removals.get("percent", base.max_ds_removals_percent),
        max_in_flight_per_parent=value.get("max_in_flight_per_parent", base.max_in_flight_per_parent),
        canary_zones=canary.get("zones", 1) if "canary" in value else base.canary_zones,
        canary_soak=_duration(canary, "soak", base.canary_soak),
    )


def _duration(value: Mapping[str, Any], key: str, default: int) -> int:
    return parse_duration(value[key]) if key in value else default


def _number(value: str | int, names: Mapping[str, int]) -> int:
    return value if isinstance(value, int) else names[value]


def _numbers(values: Sequence[str | int] | None, names: Mapping[str, int]) -> frozenset[int] | None:
    return None if values is None else frozenset(_number(value, names) for value in values)


def _tristate(value: object) -> Any:
    return str(value).lower()
