"""Recipe D, zsk: the new ZSK is published before it signs, and the old one stays until its signatures are gone.

RFC 7583 section 3.2.1 (Pre-Publication); RFC 6781 section 4.1.1.1. No other DS changes. Stages: D0 create the key · D1
publish it · D2 it signs in place of the old one (gate: no cache holds a DNSKEY RRset without it) · D3 the old key
leaves (gate: all data are signed anew, and no cache holds data that only the old key signs), and so does the DS of a
key that the signer only holds · D4 the signer forgets it.
"""

from __future__ import annotations

from dnsplan.engine.stages import (
    Proposals,
    create,
    data_keys_cached,
    forget,
    keys_cached,
    keys_everywhere,
    move_ds,
    publish,
    signatures_cached,
    switch_data,
    withdraw,
)
from dnsplan.engine.target import target_of
from dnsplan.engine.view import View


def propose(view: View) -> Proposals:
    """Return the next stage; empty when only the new key is left."""
    target = target_of(view)
    summary = "sign with the new ZSK in place of the old one"
    return (
        create(view, target, "D0")
        or publish(view, target, "D1", op="dnskey.publish")
        or switch_data(view, target, "D2", when=data_keys_cached(view, target), summary=summary)
        or withdraw(view, target, "D3", when=signatures_cached(view, target))
        or move_ds(view, target, "D3", add=keys_everywhere(view), swap=keys_cached(view, target))
        or forget(view, target, "D4")
    )
