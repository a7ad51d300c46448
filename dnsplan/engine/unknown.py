"""When a change is harmless whatever an unknown, possibly cached version holds.

Nothing is known of what was served before the first look. A change that only adds to what is served (no algorithm or
digest type that was not there) keeps every combination valid that was valid; anything else must wait until the unknown
version has left the caches.
"""

from __future__ import annotations

from dnsplan.engine.validators import DsSet, KeySet, Signers, accepts_data, considered, trusts_keys
from dnsplan.model.portfolio import Profile

Values = tuple[DsSet | None, KeySet | None, Signers | None]


def harmless(profile: Profile, new: Values, old: Values) -> bool:
    """Tell whether `new` validates for every value of its unknown (None) members for which `old` does.

    `old` is `new` with each changed member replaced by what was served before; at least one member is unknown.
    """
    return _never_valid(profile, old) or (
        _keys_still_trusted(profile, new, old) and _data_still_accepted(profile, new, old)
    )


def _never_valid(profile: Profile, old: Values) -> bool:
    """Tell whether `old` validates for no value of its unknown members, except under DS that demand nothing."""
    ds, keys, signers = old
    if keys is None or (ds is not None and not considered(profile, ds)):
        return False
    if not keys.working or (ds is not None and not trusts_keys(profile, ds, keys)):
        return True
    return signers is not None and not _algorithms(keys, signers)


def _keys_still_trusted(profile: Profile, new: Values, old: Values) -> bool:
    ds, keys, _ = new
    was_ds, was_keys, _ = old
    if ds is not None and keys is not None:
        return trusts_keys(profile, ds, keys)
    if keys is not None and was_keys is not None:
        return was_keys.working <= keys.working and (
            profile != "strict4035" or {a for _, a in keys.keys} <= _algorithms(keys, keys.signers)
        )
    if ds is not None and was_ds is not None:
        return _vouches_alike(profile, ds, was_ds)
    return ds is None and keys is None


def _vouches_alike(profile: Profile, ds: DsSet, was: DsSet) -> bool:
    """Tell whether every DNSKEY RRset that validates under `was` does so under `ds`, whatever its digests."""
    before, after = considered(profile, was), considered(profile, ds)
    if not before or not {(d.key, d.algorithm) for d in before} <= {(d.key, d.algorithm) for d in after}:
        return False
    return profile != "hardened" or {d.algorithm for d in after} <= {d.algorithm for d in before}


def _data_still_accepted(profile: Profile, new: Values, old: Values) -> bool:
    ds, keys, signers = new
    was_ds, was_keys, was_signers = old
    if keys is not None and signers is not None and (profile != "hardened" or ds is not None):
        return accepts_data(profile, ds or frozenset(), keys, signers)  # only `hardened` asks what the DS demand
    if keys is not None and signers is not None and was_keys is not None and was_signers is not None:
        return ds == was_ds and _algorithms(was_keys, was_signers) <= _algorithms(keys, signers)
    return (
        _same_demands(profile, ds, was_ds)
        and (keys == was_keys or _grows(profile, keys, was_keys))
        and (signers == was_signers or (signers is not None and was_signers is not None and was_signers <= signers))
    )


def _same_demands(profile: Profile, ds: DsSet | None, was: DsSet | None) -> bool:
    """Tell whether the DS set asks for signatures of no algorithm that the one before did not ask for."""
    if ds is None or was is None or ds == was:
        return ds == was
    before = considered(profile, was)
    return bool(before) and {d.algorithm for d in considered(profile, ds)} <= {d.algorithm for d in before}


def _grows(profile: Profile, keys: KeySet | None, was: KeySet | None) -> bool:
    return keys is not None and was is not None and was.keys <= keys.keys and _no_more_demanded(profile, keys, was)


def _no_more_demanded(profile: Profile, keys: KeySet, was: KeySet) -> bool:
    """Tell whether the DNSKEY RRset brings no algorithm that everything would have to be signed with."""
    if profile != "strict4035":
        return True
    return {algorithm for _, algorithm in keys.keys} <= {algorithm for _, algorithm in was.keys}


def _algorithms(keys: KeySet, signers: Signers) -> frozenset[int]:
    return frozenset(algorithm for key, algorithm in keys.keys if key in signers)
