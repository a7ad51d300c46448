"""What the files want of a signed zone, and which change leads there: keys to keep, keys to create, keys that leave."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dnsplan.engine.method import recipe_for
from dnsplan.engine.target import ids
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
    back: bool = False
    """It is the way back from a rollover."""


def wish_of(view: View, asked: frozenset[Role], token: str | None) -> Wish | Blocked:
    """Return what the zone needs; `asked` are the roles whose keys are to be replaced, as `token` wants."""
    pinned = view.situation.intent.keys
    if isinstance(pinned, tuple):
        if ids(pinned) & compromised(view):
            return _contradiction(view)
        return _towards(view, _pinned(view, pinned), (), "the pinned keys differ from those in use", None)
    if asked and (not view.ds.ds or is_broken(view)):
        asked, token = frozenset(), None  # a zone that does not validate is repaired first
    final: list[Dnskey] = []
    creates: list[Role] = []
    for role in roles(view):
        best = _successor(view, role) if role in asked else _best(view, role) or _kept(view, role)
        if len(best) > 1:
            return _alike(best)
        final.extend(best)
        creates.extend([role] if not best else [])
    why = _asked_for(token) if asked else "the keys differ from what the policy wants"
    wish = _towards(view, tuple(final), tuple(creates), why, token if asked else None)
    return wish if wish.recipe else _with_standby(view, wish)


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


def compromised(view: View) -> frozenset[KeyId]:
    """Return the served keys that the files call compromised."""
    return ids(view.situation.intent.compromised) & ids(view.dnskey.keys)


def lost(view: View) -> frozenset[KeyId]:
    """Return the keys whose signatures are served and that the signer, who held them, no longer lists."""
    held = view.situation.held
    if held is None:
        return frozenset()
    served = {key.key for key in view.history.held} & set(view.dnskey.keys)
    missing = served - {key.key for key in held}
    return ids(missing) & (view.dnskey.signers | view.zone.signers)


def is_broken(view: View) -> bool:
    """Tell whether no validator accepts the zone although its own keys sign it."""
    return is_bogus("lenient", view.refs, view.keyset, view.zone.signers) and bool(view.working_seps)


def _asked_for(token: str | None) -> str:
    return f"the zone file asks for rollover {token!r}" if token else "the key is older than the policy's lifetime"


def _pinned(view: View, pinned: tuple[Dnskey, ...]) -> tuple[Dnskey, ...]:
    if any(view.role_of(key) != "ksk" for key in pinned):
        return pinned
    data = tuple(key for key in view.dnskey.keys if key.id in view.zone.signers and key not in pinned)
    return (*pinned, *(key for key in data if not key.is_sep))


def _best(view: View, role: Role) -> tuple[Dnskey, ...]:
    """Return the key of a role that stays: the one with the DS that works, and of several alike all of them."""
    policy, bad = view.situation.policy, compromised(view) | lost(view)
    good = [
        key
        for key in ours(view)
        if key.algorithm == policy.algorithm and view.role_of(key) == role and key.id not in bad
    ]
    if role != "ksk":
        signing = [key for key in good if key.id in view.zone.signers]
        good = signing or good
    if role == "zsk":
        return tuple(sorted(good, key=lambda key: key.id)[:1])
    vouched = {d.key for d in view.refs}
    ranks = {key: (key.id in view.keyset.working, key.id in vouched) for key in good}
    best = max(ranks.values(), default=None)
    return tuple(key for key in good if ranks[key] == best)[: None if not bad else 1]


def _kept(view: View, role: Role) -> tuple[Dnskey, ...]:
    """Return the key that the zone was signed with before it was to become insecure, if the signer still holds it."""
    if view.rollover.recipe != "insecure":
        return ()
    before = set(view.rollover.before) - ids(view.situation.intent.compromised)
    listed = [held.key for held in view.situation.held or () if held.role == role and held.key.id in before]
    fitting = [key for key in listed if key.algorithm == view.situation.policy.algorithm]
    vouched = {d.key for span in view.spans.ds for d in span.value or ()}
    return tuple(sorted(fitting, key=lambda key: (key.id not in vouched, key.id))[:1])


def _contradiction(view: View) -> Blocked:
    tags = ", ".join(str(key.key_tag) for key in view.situation.intent.compromised if key.id in compromised(view))
    finding = Finding(
        code="CAPABILITY_MISSING",
        severity="error",
        summary="This change cannot be made",
        detail=f"`compromised` and pinned `keys:` contradict each other (key tag {tags})",
        action="take the key out of `keys:`, or `keys:` as a whole, so that it is replaced",
    )
    return Blocked(findings=(finding,))


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
    recipe = "bootstrap" if is_broken(view) else recipe_for(view, final, creates, old)
    if old & compromised(view) and recipe not in {"", "bootstrap"}:
        recipe = "break-chain" if view.situation.breaks_chain else "emergency"
        why = "the zone file calls a key compromised"
    if old & lost(view) and recipe not in {"", "bootstrap", "break-chain"}:
        recipe, why = "lost-key", "the signer has lost a key whose signatures are still served"
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
    spare = ids(spare_keys(view, ids(final))[: standby_count(view)])
    return frozenset((mine | extra | named) - ids(final) - spare)


def standby_count(view: View) -> int:
    """Return how many standby keys the policy wants."""
    policy = view.situation.policy
    return policy.csk.standby if policy.scheme == "csk" else policy.ksk.standby


def spare_keys(view: View, final: frozenset[KeyId]) -> tuple[Dnskey, ...]:
    """Return further keys that sign the DNSKEY RRset beside those in use, without a DS; the oldest first."""
    policy, taken = view.situation.policy, final | compromised(view) | lost(view) | {d.key for d in view.refs}
    spare = [key for key in view.working_seps if key.id not in taken and key.algorithm == policy.algorithm]
    created = {held.key: (held.created, bool(held.rollover)) for held in view.history.held}  # found ones are older
    return tuple(sorted(spare, key=lambda key: (created.get(key, (0, False)), key.id)))


def _successor(view: View, role: Role) -> tuple[Dnskey, ...]:
    """Return the standby key that a rollover puts to use; none where one must be created for it."""
    if role == "zsk" or not standby_count(view):
        return ()
    return tuple(key for key in spare_keys(view, frozenset()) if view.role_of(key) == role)[:1]


def _with_standby(view: View, wish: Wish) -> Wish:
    """Return the wish for one more standby key where the policy wants more than there are."""
    if len(spare_keys(view, frozenset(wish.final))) >= standby_count(view):
        return wish
    role = roles(view)[0]
    why = "the policy wants a standby key"
    return Wish(recipe="standby", why=why, final=wish.final, creates=(role,), old=())


def _why(view: View, recipe: str, why: str) -> str:
    if not recipe:
        return "the keys and DS are as the files want them"
    if recipe == "bootstrap":
        return "no DS vouches for the zone" if not view.ds.ds else "no validator accepts the zone as it is"
    if recipe == "ds-digest":
        return "the DS are not those of the keys in the digest types of the policy"
    method = view.situation.policy.ksk.rollover
    if recipe == "double-ksk" and method != recipe:
        return (
            f"{why}; {method} needs room for both DS, of the same digest types, and a parent that does not look first"
        )
    return why
