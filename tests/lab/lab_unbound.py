"""Unbound as a validating resolver of the world, lenient or strict about missing algorithms."""

from __future__ import annotations

import socket
from pathlib import Path

from lab_dns import Server
from lab_process import Daemon, LabError, start

CONFIG = """\
server:
    interface: {address}
    port: {port}
    outgoing-interface: {address}
    do-ip6: no
    username: ""
    chroot: ""
    pidfile: ""
    directory: "{folder}"
    use-syslog: no
    logfile: ""
    verbosity: 1
    val-log-level: 2
    num-threads: 1
    access-control: 127.0.0.0/8 allow
    do-not-query-localhost: no
    root-hints: "{folder}/world.hints"
    trust-anchor-file: "{folder}/world.key"
    harden-algo-downgrade: {hardened}
    module-config: "{modules}"
    cache-min-ttl: 0
    infra-host-ttl: 5
    msg-cache-size: 4m
    rrset-cache-size: 4m
    unblock-lan-zones: yes
    insecure-lan-zones: no
    local-zone: "test." nodefault
remote-control:
    control-enable: yes
    control-interface: "{folder}/control.sock"
    control-use-cert: no
"""

FORWARD = """\
forward-zone:
    name: "."
    forward-addr: {forwarder}
"""


def start_unbound(
    name: str,
    folder: Path,
    server: Server,
    root: Server,
    anchor: str,
    *,
    hardened: bool = False,
    validates: bool = True,
    forwarder: Server | None = None,
) -> Daemon:
    """Return a resolver with the world's root; `anchor` is a DNSKEY's RDATA in text.

    One that does not validate is a plain cache, behind which others (`forwarder`) may validate.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "world.hints").write_text(f". 60 NS ns1.root-servers.\nns1.root-servers. 60 A {root.address}\n")
    (folder / "world.key").write_text(f". IN DNSKEY {anchor}\n")
    config = CONFIG.format(
        address=server.address, port=server.port, folder=folder, hardened="yes" if hardened else "no",
        modules="validator iterator" if validates else "iterator",
    )  # fmt: skip
    config += FORWARD.format(forwarder=forwarder.address) if forwarder else ""
    (folder / "unbound.conf").write_text(config)
    return start(name, folder, "unbound", "-d", "-c", str(folder / "unbound.conf"))


def forget(folder: Path, zone: str) -> None:
    """Let the resolver of a folder forget all it knows of a zone and below, as if it had just been started."""
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(5)
        control.connect(str(folder / "control.sock"))
        control.sendall(f"UBCT1 flush_zone {zone}\n".encode())
        said = control.makefile().read()
    if not said.startswith("ok"):
        raise LabError(f"unbound did not forget {zone}: {said}")
