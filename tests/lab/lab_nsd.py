"""NSD as the secondary of signed child zones, and as the primary of zones that a test has written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab_dns import Server, answers
from lab_process import Daemon, run, start

CONFIG = """\
server:
    ip-address: {address}
    port: {port}
    server-count: 1
    username: ""
    chroot: ""
    pidfile: ""
    zonesdir: "{folder}"
    zonelistfile: "{folder}/zone.list"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    database: ""
    do-ip6: no
    xfrd-reload-timeout: 0
    rrl-ratelimit: 0
    verbosity: 1
remote-control:
    control-enable: {control}
    control-interface: "{folder}/nsd.sock"
"""

SECONDARY = """\
zone:
    name: "{zone}"
    zonefile: "{zone}.zone"
    request-xfr: AXFR {primary}@{primary_port} NOKEY
    allow-notify: 127.0.0.0/8 NOKEY
"""

FOLLOWED = """\
    notify: {secondary} NOKEY
    provide-xfr: 127.0.0.0/8 NOKEY
"""


@dataclass(frozen=True)
class NsdPrimary:
    """A running primary of zone files, which a test may rewrite."""

    daemon: Daemon
    server: Server
    folder: Path

    def replace(self, zones: Mapping[str, str]) -> None:
        """Serve other zone files from now on."""
        for zone, text in zones.items():
            (self.folder / f"{zone or 'root'}.zone").write_text(text)
        for zone in zones:
            run("nsd-control", "-c", str(self.folder / "nsd.conf"), "reload", zone or ".")


def start_primary(
    folder: Path, server: Server, zones: Mapping[str, str], *, secondary: Server | None = None
) -> NsdPrimary:
    """Return a primary of these zone files by zone (empty: the root) that answers for the last of them."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for zone, text in zones.items():
        (folder / f"{zone or 'root'}.zone").write_text(text)
        lines.append(f'zone:\n    name: "{zone or "."}"\n    zonefile: "{zone or "root"}.zone"\n')
        if secondary:
            lines.append(FOLLOWED.format(secondary=secondary.address))
    config = CONFIG.format(address=server.address, port=server.port, folder=folder, control="yes")
    (folder / "nsd.conf").write_text(config + "".join(lines))
    daemon = start("nsd", folder, "nsd", "-d", "-c", str(folder / "nsd.conf"))
    daemon.wait_until(lambda: answers(server, f"{list(zones)[-1]}.", "SOA"), "answering", 30)
    return NsdPrimary(daemon=daemon, server=server, folder=folder)


def start_secondary(folder: Path, server: Server, primaries: Mapping[str, Server]) -> Daemon:
    """Return a secondary that fetches each zone as soon as its primary has it."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        SECONDARY.format(zone=zone, primary=primary.address, primary_port=primary.port)
        for zone, primary in primaries.items()
    ]
    config = CONFIG.format(folder=folder, address=server.address, port=server.port, control="no")
    (folder / "nsd.conf").write_text(config + "".join(lines))
    return start("nsd", folder, "nsd", "-d", "-c", str(folder / "nsd.conf"))
