"""Knot as the primary of signed or unsigned zones that a person edits with knotc, or an update with TSIG."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lab_dns import Server, answers, rrset
from lab_process import Daemon, run, start

from dnsplan.model.records import Ds

KEY_NAME = "upd"

CONFIG = """\
server:
    rundir: "{folder}"
    listen: {address}@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{folder}/db"
    journal-db-max-size: 16M
    kasp-db-max-size: 16M
    timer-db-max-size: 2M
control:
    listen: "{folder}/knot.sock"
log:
  - target: stderr
    any: info
key:
  - id: {key}
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: updates
    key: {key}
    action: update
    update-type: DS
policy:
  - id: lab
    algorithm: ecdsap256sha256
    single-type-signing: on
    ksk-lifetime: 0
    dnskey-ttl: 5
    zone-max-ttl: 60
    propagation-delay: 1
    nsec3: off
zone:
  - domain: {apex}
    storage: "{folder}"
    file: primary.zone
    zonefile-load: difference-no-serial
    zonefile-sync: -1
    journal-content: all
    acl: updates
    dnssec-signing: {signing}
    dnssec-policy: lab
"""


@dataclass(frozen=True)
class KnotPrimary:
    """A running primary of one zone, its update key, and the clerk who edits it by hand."""

    daemon: Daemon
    server: Server
    zone: str
    secret: str
    folder: Path

    def knotc(self, *argv: str) -> str:
        """Return the output of a control command."""
        return run("knotc", "-s", f"{self.folder}/knot.sock", "-b", *argv)

    def edit_ds(self, child: str, ds: Iterable[Ds], ttl: int = 5) -> None:
        """Let the registry's clerk replace the DS of a child, whatever they were."""
        apex = f"{self.zone}."
        self.knotc("zone-begin", apex)
        if rrset(self.server, f"{child}.", "DS") is not None:
            self.knotc("zone-unset", apex, f"{child}.", "DS")
        for record in ds:
            self.knotc("zone-set", apex, f"{child}.", str(ttl), "DS", *str(record).split())
        self.knotc("zone-commit", apex)


def start_knot(folder: Path, server: Server, zone: str, text: str, *, signed: bool = True) -> KnotPrimary:
    """Return a primary that answers for a zone (empty: the root) with this text as its zone file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "db").mkdir()
    secret = base64.b64encode(secrets.token_bytes(32)).decode()
    (folder / "primary.zone").write_text(text)
    config = CONFIG.format(
        folder=folder, address=server.address, port=server.port, key=KEY_NAME, secret=secret, apex=f"{zone}.",
        signing="on" if signed else "off",
    )  # fmt: skip
    (folder / "knot.conf").write_text(config)
    daemon = start(f"knot-{zone or 'root'}", folder, "knotd", "-c", str(folder / "knot.conf"))
    daemon.wait_until(lambda: answers(server, f"{zone}.", "SOA"), "answering")
    if signed:
        daemon.wait_until(lambda: rrset(server, f"{zone}.", "DNSKEY") is not None, "signed")
    return KnotPrimary(daemon=daemon, server=server, zone=zone, secret=secret, folder=folder)
