"""Unbound as a validating resolver of the world, lenient or strict about missing algorithms."""

from __future__ import annotations

from pathlib import Path

from lab_dns import Server
from lab_process import Daemon, start

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
    module-config: "validator iterator"
    cache-min-ttl: 0
    infra-host-ttl: 5
    msg-cache-size: 4m
    rrset-cache-size: 4m
    unblock-lan-zones: yes
    insecure-lan-zones: no
    local-zone: "test." nodefault
remote-control:
    control-enable: no
"""


def start_unbound(name: str, folder: Path, server: Server, root: Server, anchor: str, *, hardened: bool) -> Daemon:
    """Return a resolver with the world's root; `anchor` is a DNSKEY's RDATA in text."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "world.hints").write_text(f". 60 NS ns1.root-servers.\nns1.root-servers. 60 A {root.address}\n")
    (folder / "world.key").write_text(f". IN DNSKEY {anchor}\n")
    config = CONFIG.format(
        address=server.address, port=server.port, folder=folder, hardened="yes" if hardened else "no"
    )
    (folder / "unbound.conf").write_text(config)
    return start(name, folder, "unbound", "-d", "-c", str(folder / "unbound.conf"))
