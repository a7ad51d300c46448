"""Which recipe leads from what is served to the keys that will be left."""

from __future__ import annotations

from dnsplan.engine.target import Target, ids, wanted_ds
from dnsplan.engine.view import View
from dnsplan.model.portfolio import Role
from dnsplan.model.records import Dnskey, KeyId


def recipe_for(view: View, final: tuple[Dnskey, ...], creates: tuple[Role, ...], old: frozenset[KeyId]) -> str:
    """Return the recipe that leads to the final keys; empty when all is as wanted."""
    target = Target(
        seps=tuple(key for key in final if view.role_of(key) != "zsk"),
        data=tuple(key for key in final if view.role_of(key) != "ksk"),
        missing=creates,
        leaving=old,
    )
    if not {d.key for d in view.refs} & {key.id for key in (*view.dnskey.keys, *target.seps)}:
        return "bootstrap"
    settled = (
        not creates
        and target.sep_ids <= view.keyset.working
        and (view.zone.signers & ids(view.dnskey.keys)) >= target.data_ids
    )
    if settled and not old:
        return "" if wanted_ds(view, target) == view.ds.ds else "ds-digest"
    return _by_what_changes(view, target, old)


def _by_what_changes(view: View, target: Target, old: frozenset[KeyId]) -> str:
    policy = view.situation.policy
    leaving = [view.keys_by_id[key] for key in old if key in view.keys_by_id]
    coming = {view.role_of(key) for key in target.keys if key not in view.dnskey.keys} | set(target.missing)
    used = {key for key in leaving if key in view.dnskey.keys or key.id in view.zone.signers}
    changed = coming | {view.role_of(key) for key in used}
    wanted = {key.algorithm for key in target.keys} | ({policy.algorithm} if target.missing else set())
    if {key.algorithm for key in leaving} - wanted:
        strict = "strict4035" in policy.validators or policy.algorithm_rollover == "conservative"
        return "algorithm-conservative" if strict else "algorithm-liberal"
    if "csk" in changed:
        return "scheme" if changed - {"csk"} else "csk"
    if "zsk" in changed:
        return "csk" if "ksk" in changed else "zsk"
    return _of_ksk(view, target)


def _of_ksk(view: View, target: Target) -> str:
    """Return the policy's method, or double-ksk where the parent, or what is served, does not allow it."""
    method, capabilities = view.situation.policy.ksk.rollover, view.situation.capabilities
    if method == "double-ksk":
        return method
    accepts = capabilities.accepts
    types = capabilities.makes_digests or view.situation.policy.digest_types
    needed = 2 if accepts.form == "dnskey" else max(2 * len(types), len(view.ds.ds) + len(types))
    room = accepts.max_ds is None or accepts.max_ds >= needed
    uniform = {d.digest_type for d in view.refs} == types
    signing = bool(target.seps) and target.sep_ids <= view.keyset.working
    looks = accepts.requires_matching_dnskey != "none" or signing
    if not room or not uniform or (method == "double-ds" and looks):
        return "double-ksk"
    return method
