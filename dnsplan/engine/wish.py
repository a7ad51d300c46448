"""What the files want of a signed zone, and which change leads there: keys to keep, keys to create, keys that leave."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dnsplan.engine.target import Target, ids, wanted_ds
from dnsplan.engine.validators import is_bogus
from dnsplan.engine.view import View
from dnsplan.model.plan import Blocked, Finding
from dnsplan.model.portfolio import Role
from dnsplan.model.records import Dnskey, KeyId


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """A change that the zone needs; `recipe` is empty when it is as the files want it."""

    recipe: str
    why: str
    final: tuple[KeyId, ...] = ()
    creates: tuple[Role, ...] = ()
    old: tuple[KeyId, ...] = ()
    token: str | None = None


def wish_of(view: View, asked: frozenset[Role], token: str | None) -> Wish | Blocked:
    """Return what the zone needs; `asked` are the roles whose keys are to be replaced, as `token` wants."""
    pinned = view.situation.intent.keys
    if isinstance(pinned, tuple):
        return _towards(view, _pinned(view, pinned), (), "the pinned keys differ from those in use", None)
    if asked and (not view.ds.ds or broken(view)):
        asked, token = frozenset(), None  # a zone that does not validate is repaired first
    final: list[Dnskey] = []
    creates: list[Role] = []
    for role in roles(view):
        best = () if role in asked else _best(view, role)
        if len(best) > 1:
            return _alike(best)
        final.extend(best)
        creates.extend([role] if not best else [])
    why = f"the zone file asks for rollover {token!r}" if asked else "the keys differ from what the policy wants"
    return _towards(view, tuple(final), tuple(creates), why, token if asked else None)


def roles(view: View) -> tuple[Role, ...]:
    """Return the roles of the policy's scheme."""
    return ("csk",) if view.situation.policy.scheme == "csk" else ("ksk", "zsk")


def ours(view: View) -> tuple[Dnskey, ...]:
    """Return the served keys that are not somebody else's; all of them as long as the signer was not asked."""
    held = view.situation.held
    if held is None:
        working = view.dnskey.signers | view.zone.signers
        manual = view.situation.capabilities.signer_manual
        return tuple(key for key in view.dnskey.keys if not manual or key.id in working)
    known = {key.key for key in held} | {key.key for key in view.history.held}
    return tuple(key for key in view.dnskey.keys if key in known)


def _pinned(view: View, pinned: tuple[Dnskey, ...]) -> tuple[Dnskey, ...]:
    if any(view.role_of(key) != "ksk" for key in pinned):
        return pinned
    data = tuple(key for key in view.dnskey.keys if key.id in view.zone.signers and key not in pinned)
    return (*pinned, *(key for key in data if not key.is_sep))


def _best(view: View, role: Role) -> tuple[Dnskey, ...]:
    """Return the key of a role that stays: the one with the DS that works, and of several alike all of them."""
    policy = view.situation.policy
    good = [key for key in ours(view) if key.algorithm == policy.algorithm and view.role_of(key) == role]
    if role != "ksk":
        signing = [key for key in good if key.id in view.zone.signers]
        good = signing or good
    if role == "zsk":
        return tuple(sorted(good, key=lambda key: key.id)[:1])
    vouched = {key for key in view.ring.values() if any(d.key == key for d in view.refs)}
    ranks = {key: (key.id in view.keyset.working, key.id in vouched) for key in good}
    best = max(ranks.values(), default=None)
    return tuple(key for key in good if ranks[key] == best)


def _alike(keys: Iterable[Dnskey]) -> Blocked:
    names = " and ".join(str(key.key_tag) for key in keys)
    return Blocked(
        findings=(
            Finding(
                code="KEY_AMBIGUOUS",
                severity="error",
                summary="Several keys have a DS and sign alike; nothing that the DNS shows says which one is to stay",
                detail=f"key tags {names}",
                action="list the key that is to stay under `keys:` in the zone file, or ask for a rollover with `roll`",
                source="RFC 7583 3.3.1",
            ),
        ),
    )


def _towards(view: View, final: tuple[Dnskey, ...], creates: tuple[Role, ...], why: str, token: str | None) -> Wish:
    old = _leaving(view, final)
    recipe = _recipe(view, final, creates, old)
    return Wish(
        recipe=recipe,
        why=_why(view, recipe, why),
        final=tuple(key.id for key in final),
        creates=creates,
        old=tuple(sorted(old)),
        token=token,
    )


def _leaving(view: View, final: tuple[Dnskey, ...]) -> frozenset[KeyId]:
    """Return the keys that leave: ours beyond the final ones, whether served, signing, or only named by a DS."""
    served = ids(view.dnskey.keys)
    mine = ids(ours(view))
    extra = {key for key in (*view.dnskey.signers, *view.zone.signers) if key not in served}
    held = {key.key.id for key in view.situation.held or ()} | {key.key.id for key in view.history.held}
    named = {KeyId(d.key) for d in view.refs if d.key in held or d.key in mine}
    spare = _standby(view, final)
    return frozenset((mine | extra | named) - ids(final) - spare)


def _standby(view: View, final: tuple[Dnskey, ...]) -> frozenset[KeyId]:
    """Return the standby keys that the policy keeps: further keys that sign the DNSKEY RRset beside the one in use."""
    policy = view.situation.policy
    count = policy.csk.standby if policy.scheme == "csk" else policy.ksk.standby
    spare = [key for key in view.working_seps if key not in final and key.algorithm == policy.algorithm]
    return ids(sorted(spare, key=lambda key: key.id)[:count])


def _recipe(view: View, final: tuple[Dnskey, ...], creates: tuple[Role, ...], old: frozenset[KeyId]) -> str:
    """Return the recipe that leads to the final keys; empty when all is as wanted."""
    target = Target(
        seps=tuple(key for key in final if view.role_of(key) != "zsk"),
        data=tuple(key for key in final if view.role_of(key) != "ksk"),
        missing=creates,
        leaving=old,
    )
    vouched = {d.key for d in view.refs} & {key.id for key in (*view.dnskey.keys, *target.seps)}
    if not vouched or broken(view):
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
    going = {view.role_of(key) for key in leaving if key.id in ids(view.dnskey.keys)}
    changed = coming | going
    wanted = {key.algorithm for key in target.keys} | ({policy.algorithm} if target.missing else set())
    if {key.algorithm for key in leaving} - wanted:
        strict = "strict4035" in policy.validators or policy.algorithm_rollover == "conservative"
        return "algorithm-conservative" if strict else "algorithm-liberal"
    if "csk" in changed:
        return "scheme" if changed - {"csk"} else "csk"
    if "zsk" in changed:
        return "csk" if "ksk" in changed else "zsk"
    return _ksk_recipe(view, target)


def _ksk_recipe(view: View, target: Target) -> str:
    """Return the policy's method, or double-ksk where the parent, or what is served, does not allow it."""
    method = view.situation.policy.ksk.rollover
    if method == "double-ksk":
        return method
    accepts = view.situation.capabilities.accepts
    types = len(view.situation.capabilities.makes_digests or view.situation.policy.digest_types)
    count = 2 if accepts.form == "dnskey" else 2 * types
    room = accepts.max_ds is None or accepts.max_ds >= max(count, len(view.ds.ds) + types)
    uniform = {d.digest_type for d in view.refs} == set(
        view.situation.capabilities.makes_digests or view.situation.policy.digest_types
    )
    if not room or not uniform:
        return "double-ksk"
    if method == "double-ds" and (accepts.requires_matching_dnskey != "none" or target.sep_ids <= view.keyset.working):
        return "double-ksk"
    return method


def _why(view: View, recipe: str, why: str) -> str:
    if not recipe:
        return "the keys and DS are as the files want them"
    if recipe == "bootstrap":
        return "no DS vouches for the zone" if not view.ds.ds else "no validator accepts the zone as it is"
    if recipe == "ds-digest":
        return "the policy wants other digest types"
    method = view.situation.policy.ksk.rollover
    if recipe == "double-ksk" and method != recipe:
        return (
            f"{why}; {method} needs room for both DS, of the same digest types, and a parent that does not look first"
        )
    return why


def broken(view: View) -> bool:
    """Tell whether no validator accepts the zone although its own keys sign it."""
    return is_bogus("lenient", view.refs, view.keyset, view.zone.signers) and bool(view.working_seps)
