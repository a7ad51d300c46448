"""NSD as the secondary of signed child zones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab_dns import Server
from lab_process import Daemon, start

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
    control-enable: no
pattern:
    name: child
    request-xfr: AXFR {primary}@{primary_port} NOKEY
    allow-notify: 127.0.0.0/8 NOKEY
"""


def start_secondary(folder: Path, server: Server, primary: Server, zones: Sequence[str]) -> Daemon:
    """Return a secondary that fetches its zones as soon as the primary has them."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f'zone:\n    name: "{zone}"\n    include-pattern: child\n    zonefile: "{zone}.zone"\n' for zone in zones]
    config = CONFIG.format(
        folder=folder, address=server.address, port=server.port, primary=primary.address, primary_port=primary.port
    )
    (folder / "nsd.conf").write_text(config + "".join(lines))
    return start("nsd", folder, "nsd", "-d", "-c", str(folder / "nsd.conf"))
