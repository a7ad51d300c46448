"""What a signer that rolls its keys itself wants of the parent: the DS of the keys that sign."""

from __future__ import annotations

from dnsplan.engine.target import Target, ids, wanted_ds
from dnsplan.engine.view import View
from dnsplan.engine.wish import Wish
from dnsplan.model.history import DnskeyContent
from dnsplan.model.observation import ChildAnswer
from dnsplan.model.plan import Blocked, Finding
from dnsplan.model.records import Dnskey, KeyId, make_ds


def followed(view: View) -> Wish | Blocked:
    """Return the wish for the DS of the keys that sign, or why they cannot be trusted without a person."""
    keys = _candidates(view)
    if not keys and view.ds.ds:
        return _strangers(view)
    old = frozenset(KeyId(d.key) for d in view.refs if d.key in view.keys_by_id) - ids(keys)
    if view.ds.ds and not _continuous(view, keys):
        return _strangers(view)
    data = tuple(k for k in view.dnskey.keys if k.id in view.zone.signers and (k in keys or not k.is_sep))
    wish = Wish(
        recipe="follow",
        why="the DS follow the keys with which the signer signs",
        final=tuple(sorted(ids((*keys, *data)))),
        old=tuple(sorted(old)),
    )
    target = Target(seps=keys, data=data, missing=(), leaving=old)
    if wanted_ds(view, target) != view.ds.ds or view.rollover.recipe == "follow":  # also until it is confirmed
        return wish
    return Wish(recipe="", why="the DS match the keys that sign")


def _candidates(view: View) -> tuple[Dnskey, ...]:
    """Return the keys that sign the DNSKEY RRset; where CDS or CDNSKEY are published, those of them that these name."""
    answers = [answer for answer in view.situation.seen.child if isinstance(answer, ChildAnswer)]
    named = {(answer.cds, answer.cdnskey) for answer in answers}
    if len(named) == 1 and len(answers) == len(view.situation.seen.child):
        cds, cdnskey = named.pop()
        chosen = tuple(
            key
            for key in view.working_seps
            if key in cdnskey or any(make_ds(view.situation.intent.zone, key, ds.digest_type) == ds for ds in cds)
        )
        if chosen:
            return chosen
    return view.working_seps


def _continuous(view: View, keys: tuple[Dnskey, ...]) -> bool:
    """Tell whether a key of today's DS vouched for a DNSKEY RRset with every new key (RFC 7344 section 4.1)."""
    vouched = {d.key for d in view.refs}
    for version in view.history.dnskey:
        content = version.content
        if isinstance(content, DnskeyContent) and content.signers & vouched & ids(content.keys):
            keys = tuple(key for key in keys if key not in content.keys)
    return not keys


def _strangers(view: View) -> Blocked:
    return Blocked(
        findings=(
            Finding(
                code="KEY_DISCONTINUITY",
                severity="critical",
                summary="The keys that sign were never vouched for by a key that has a DS",
                detail=", ".join(str(key.key_tag) for key in view.working_seps) or "no key signs the DNSKEY RRset",
                action="pin the keys under `keys:` if the zone was made anew at its provider; else think of an attack",
                source="RFC 7344 4.1",
            ),
        ),
    )
