"""Rules beyond a schema: within one file, and between files. A fault in one file causes none in another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dnsplan.model.names import display_name, name_warnings, parse_name
from dnsplan.model.plan import Capabilities
from dnsplan.model.portfolio import Policy, Role
from dnsplan.model.records import parse_dnskey
from dnsplan.model.time import Seconds, format_duration
from dnsplan.portfolio.build import build_policy
from dnsplan.portfolio.faults import Fault, nearest
from dnsplan.portfolio.formats import endpoint, moment
from dnsplan.portfolio.yamlfile import YamlFile

Entry = tuple[YamlFile, tuple[str | int, ...], dict[str, Any]]
MOST_TTL = 2**31 - 1
"""RFC 2181 section 8."""
_KEY_TAG = re.compile(r"key tag (\d+)")


def dsplan_rules(file: YamlFile) -> Iterator[Fault]:
    """Yield faults of dsplan.yaml that its schema cannot see."""
    for index, resolver in enumerate(file.value.get("resolvers", [])):
        doh = resolver.get("protocol") == "doh"
        if ("url" in resolver) != doh or ("address" in resolver) == doh:
            wanted = "url" if doh else "address"
            yield file.fault(("resolvers", index), "BAD_RESOLVER", f"this resolver needs {wanted} and nothing else", "")
            continue
        try:
            if not doh:
                endpoint(resolver["address"], 53)
        except ValueError as error:
            fix = "write an IP address, with a port where it is not 53"
            yield file.fault(("resolvers", index, "address"), "BAD_RESOLVER", str(error), fix)


def policy_rules(file: YamlFile) -> Iterator[Fault]:
    """Yield faults of a policy that its schema cannot see."""
    for index, window in enumerate(file.value.get("windows", {}).get("freeze", [])):
        if moment(window["from"]) >= moment(window["to"], inclusive=True):
            yield file.fault(("windows", "freeze", index), "BAD_TIME", "the window ends before it begins", "swap them")
    yield from _nsec3_rules(file)
    policy = build_policy(file.value, file.file)
    if policy.dnskey_ttl > MOST_TTL:
        yield file.fault(("dnskey", "ttl"), "BAD_VALUE", f"a TTL is at most {MOST_TTL} seconds", "write less than 68y")
        return
    if "signatures" in file.value and policy.signature_min_remaining >= policy.signature_max_validity:
        yield file.fault(("signatures",), "BAD_VALUE", "min_remaining is not below max_validity", "")
    yield from _overlapping(file, policy)


def _overlapping(file: YamlFile, policy: Policy) -> Iterator[Fault]:
    """Yield warnings about lifetimes in which the rollovers of a zone never end, even if the parent acts at once."""
    lifetimes: dict[Role, Seconds | None] = {"ksk": policy.ksk.lifetime, "zsk": policy.zsk.lifetime}
    if policy.scheme == "csk":
        lifetimes = {"csk": policy.csk.lifetime}
    ages = {role: lifetime for role, lifetime in lifetimes.items() if lifetime is not None}
    if min(ages.values(), default=_far_above(policy)) >= _far_above(policy):
        return  # without the engine, which takes longer to import than everything else here
    from dnsplan.engine.duration import rollover_takes

    parent, share = Capabilities(update="replace"), 0.0
    for role, lifetime in ages.items():
        takes = rollover_takes(policy, role, parent)
        share += takes / max(lifetime, 1)
        if lifetime <= takes:
            message = f"a {role.upper()} lives for {format_duration(lifetime)}, and its rollover takes "
            message += f"{format_duration(takes)} with this policy's TTLs and margins: rollovers overlap for ever"
            yield _overlap(file, role, message)
            return
    if share >= 1:
        message = "the rollovers of KSK and ZSK, one after the other, take longer than the keys live: they never end"
        yield _overlap(file, "zsk", message)


def _far_above(policy: Policy) -> Seconds:
    """Return a lifetime in which every rollover ends with room to spare: no recipe waits for anything eight times."""
    timing = policy.timing
    sweeps = timing.sweep_count * max(timing.sweep_spacing, 1)
    ttls = policy.ds_ttl_max + policy.dnskey_ttl + policy.zone_ttl_max
    return 8 * (ttls + timing.child_margin + timing.parent_margin + sweeps)


def _overlap(file: YamlFile, role: Role, message: str) -> Fault:
    return file.warning(
        (role, "lifetime"), "ROLLOVERS_OVERLAP", message, "raise the lifetime, or lower TTLs or margins"
    )


def _nsec3_rules(file: YamlFile) -> Iterator[Fault]:
    for key, value in file.value.get("nsec3", {}).items():
        if value:
            said = f"nsec3: {key} is {value}; it makes answers dearer and nothing safer (RFC 9276 section 3.1)"
            yield file.warning(("nsec3", key), "NSEC3_DISCOURAGED", said, f"write {key}: 0")


def zone_rules(file: YamlFile, path: tuple[str | int, ...], entry: dict[str, Any]) -> Iterator[Fault]:
    """Yield faults and warnings of one zone."""
    for warning in name_warnings(parse_name(entry["zone"])):
        yield file.warning((*path, "zone"), "NAME_WARNING", warning, "make sure that this is the name you mean")
    if entry.get("signers") and "migrate_to" in entry:
        said = "`signers` says that the zone stays with several signers, so `migrate_to` is not carried out"
        yield file.warning((*path, "migrate_to"), "SIGNERS_AND_MOVE", said, "keep one of the two")
    keys = entry.get("keys")
    for index, pinned in enumerate(keys if isinstance(keys, list) else []):
        key, note = parse_dnskey(pinned["dnskey"]), pinned.get("note", "")
        here = (*path, "keys", index)
        if not key.flags & 0x0100 or key.flags & 0x0080:
            yield file.fault((*here, "dnskey"), "BAD_DNSKEY", "a pinned key is a zone key that is not revoked", "")
        match = _KEY_TAG.search(note)
        if match and int(match[1]) != key.key_tag:
            said = f"the note says key tag {match[1]}, the key's is {key.key_tag}"
            yield file.warning((*here, "note"), "KEY_TAG_MISMATCH", said, "correct the note, or check the key")


def portfolio_rules(
    known: Mapping[str, Sequence[YamlFile]], entries: Sequence[Entry], bad: set[str], unsure: frozenset[str]
) -> Iterator[Fault]:
    """Yield faults between files: names that refer to nothing, and zones, policies or suffixes given twice.

    `unsure`: the kinds (policy, signer, parent) whose names a fault elsewhere hides; they are not looked up.
    """
    main = known["dsplan"][0].value if known["dsplan"] else {}
    policies = {str(file.value.get("policy")) for file in known["policy"]} | {"default"}
    yield from _twice(known["policy"], "policy", "DUPLICATE_POLICY")
    yield from _twice(known["parent"], "suffix", "DUPLICATE_SUFFIX")
    yield from _zones_twice(entries)
    names = {
        "policy": policies,
        "signer": set(_names(main, "signers")) | {"manual"},
        "parent": set(_names(main, "parents")) | {"manual"},
    }
    names = {kind: found for kind, found in names.items() if kind not in unsure}
    given = main.get("defaults")
    defaults: dict[str, Any] = given if isinstance(given, dict) else {}
    if known["dsplan"] and known["dsplan"][0].file not in bad:
        for kind, value in defaults.items():
            yield from _reference(known["dsplan"][0], ("defaults", kind), kind, value, names)
    if not known["dsplan"]:
        return
    for file, path, entry in entries:
        if file.file not in bad:
            yield from _zone_references(file, path, entry, defaults, names)


def _zone_references(
    file: YamlFile,
    path: tuple[str | int, ...],
    entry: dict[str, Any],
    defaults: Mapping[str, Any],
    names: Mapping[str, set[str]],
) -> Iterator[Fault]:
    for kind in ("policy", "signer", "parent"):
        if kind in entry:
            yield from _reference(file, (*path, kind), kind, entry[kind], names)
    for index, signer in enumerate(entry.get("signers", [])):
        yield from _reference(file, (*path, "signers", index), "signer", signer, names)
    if "migrate_to" in entry:
        yield from _reference(file, (*path, "migrate_to"), "signer", entry["migrate_to"], names)
    if entry.get("dnssec", "hold") == "hold":
        return
    needed = ["parent"]
    if entry.get("keys", "auto") == "auto" and "signers" not in entry:
        needed.append("signer")
    for kind in needed:
        if kind not in entry and kind not in defaults and kind in names:
            message, fix = f"the zone has no {kind}", f"add {kind}: here or to defaults (type manual exists for both)"
            yield file.fault((*path, "zone"), "MISSING_KEY", message, fix)


def _reference(
    file: YamlFile, path: tuple[str | int, ...], kind: str, value: object, names: Mapping[str, set[str]]
) -> Iterator[Fault]:
    if isinstance(value, str) and value not in names.get(kind, {value}):
        fix = nearest(value, names[kind]) or f"known are {', '.join(sorted(names[kind]))}"
        yield file.fault(path, f"UNKNOWN_{kind.upper()}", f"there is no {kind} {value!r}", fix)


def _names(main: Mapping[str, Any], kind: str) -> list[str]:
    entries = main.get(kind)
    return list(entries) if isinstance(entries, dict) else []


def _twice(files: Sequence[YamlFile], key: str, code: str) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for file in files:
        value = file.value.get(key)
        if not isinstance(value, str):
            continue
        name = value.lower().removesuffix(".") if key == "suffix" else value
        if name in first:
            yield file.fault((key,), code, f"{key} {value!r} stands in {first[name]} already", "keep one of them")
        first.setdefault(name, file.file)


def _zones_twice(entries: Sequence[Entry]) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for file, path, entry in entries:
        try:
            zone = parse_name(str(entry.get("zone", "")))
        except ValueError:
            continue
        where = (*path, "zone")
        if zone in first:
            message = f"the zone {display_name(zone)} stands at {first[zone]} already"
            yield file.fault(
                where, "DUPLICATE_ZONE", message, "keep one of them; U-label, case and final dot are one name"
            )
        line = file.position(where)[0]
        first.setdefault(zone, f"{file.file}:{line}")
