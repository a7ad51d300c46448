"""Knot Resolver and PowerDNS Recursor as validating resolvers of the world."""

from __future__ import annotations

from pathlib import Path

from lab_dns import Server
from lab_process import Daemon, start

KRESD = """\
log_target('stderr')
log_level('notice')
net.ipv6 = false
net.listen('{address}', {port}, {{ kind = 'dns' }})
net.outgoing_v4('{address}')
option('ALLOW_LOCAL', true)
modules.unload('ta_update')
modules.unload('ta_signal_query')
modules.unload('priming')
modules.unload('detect_time_skew')
modules.load('hints > iterate')
hints.root({{ ['ns1.root-servers.'] = '{root}' }})
trust_anchors.remove('.')
trust_anchors.add('. 3600 IN DNSKEY {anchor}')
cache.size = 64 * MB
cache.min_ttl(0)
"""

PDNS = """\
daemon=no
disable-syslog=yes
loglevel=4
local-address={address}
local-port={port}
query-local-address={address}
socket-dir=.
write-pid=no
hint-file={folder}/world.hints
lua-config-file={folder}/recursor.lua
dnssec=validate
dont-query=
threads=1
pdns-distributes-queries=no
packetcache-ttl=0
disable-packetcache=yes
server-down-max-fails=0
non-resolving-ns-max-fails=0
serve-rfc1918=no
security-poll-suffix=
"""


def start_kresd(folder: Path, server: Server, root: Server, anchor: str) -> Daemon:
    """Return Knot Resolver with the world's root; `anchor` is a DNSKEY's RDATA in text."""
    folder.mkdir(parents=True, exist_ok=True)
    config = KRESD.format(address=server.address, port=server.port, root=root.address, anchor=anchor)
    (folder / "kresd.conf").write_text(config)
    return start("kresd", folder, "kresd", "-n", "-c", str(folder / "kresd.conf"), str(folder))


def start_recursor(folder: Path, server: Server, root: Server, anchor: str) -> Daemon:
    """Return PowerDNS Recursor with the world's root; `anchor` is a DS's RDATA in text."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "world.hints").write_text(f". 60 NS ns1.root-servers.\nns1.root-servers. 60 A {root.address}\n")
    (folder / "recursor.lua").write_text(f'clearTA(".")\naddTA(".", "{anchor}")\n')
    (folder / "recursor.conf").write_text(PDNS.format(address=server.address, port=server.port, folder=folder))
    return start("pdns_recursor", folder, "pdns_recursor", f"--config-dir={folder}")
