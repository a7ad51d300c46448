"""PowerDNS as the signer of child zones: SQLite, HTTP API, transfers to secondaries."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import httpx
from lab_dns import Server, answers
from lab_process import Daemon, start

SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")

CONFIG = """\
local-address={address}
local-port={port}
launch=gsqlite3
gsqlite3-database={folder}/pdns.sqlite3
gsqlite3-dnssec=yes
api=yes
api-key={api_key}
webserver=yes
webserver-address={address}
webserver-port={api_port}
webserver-allow-from=127.0.0.0/8
webserver-loglevel=none
socket-dir={folder}
module-dir={modules}
primary=yes
allow-axfr-ips=127.0.0.0/8
only-notify={secondaries}
also-notify={secondaries}
cache-ttl=1
negquery-cache-ttl=1
query-cache-ttl=1
zone-cache-refresh-interval=0
zone-metadata-cache-ttl=0
slave-cycle-interval=2
expand-alias=no
direct-dnskey={direct_dnskey}
security-poll-suffix=
distributor-threads=1
receiver-threads=1
default-soa-content=ns1.@ hostmaster.@ 1 2 1 3600 2
"""


@dataclass(frozen=True)
class PowerDnsServer:
    """A running server, its API and the key to it."""

    daemon: Daemon
    server: Server
    url: str
    api_key: str

    def call(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Return the API's answer; raise for any status that is no success."""
        with httpx.Client(trust_env=False) as client:
            reply = client.request(
                method, f"{self.url}/api/v1/servers/localhost/{path}", headers={"X-API-Key": self.api_key}, json=body
            )
        reply.raise_for_status()
        return reply

    def add_zone(
        self,
        zone: str,
        addresses: tuple[str, ...],
        *,
        ttl: int = 3,
        key_ttl: int = 2,
        prefix: str = "ns",
        hosts: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Create an unsigned zone with short TTLs whose name servers are in itself; `hosts` are names beside them.

        The SOA's last field is both the negative TTL and the TTL of the DNSKEY RRset to come.
        """
        servers = [f"{prefix}{number}.{zone}." for number, _ in enumerate(addresses, start=1)]
        soa = f"{servers[0]} hostmaster.{zone}. 1 2 1 3600 {key_ttl}"
        rrsets = [
            _rrset(f"{zone}.", "SOA", ttl, [soa]),
            _rrset(f"{zone}.", "NS", ttl, servers),
            _rrset(f"{zone}.", "A", ttl, ["192.0.2.1"]),
            _rrset(f"*.{zone}.", "TXT", ttl, ['"wildcard"']),
            *(_rrset(name, "A", ttl, [address]) for name, address in zip(servers, addresses, strict=True)),
            *(_rrset(f"{host}.{zone}.", "A", ttl, [address]) for host, address in hosts.items()),
        ]
        self.call("POST", "zones", {"name": f"{zone}.", "kind": "Master", "nameservers": [], "rrsets": rrsets})


def _rrset(name: str, rrtype: str, ttl: int, contents: list[str]) -> dict[str, object]:
    records = [{"content": content, "disabled": False} for content in contents]
    return {"name": name, "type": rrtype, "ttl": ttl, "changetype": "REPLACE", "records": records}


def start_powerdns(
    folder: Path, server: Server, api_port: int, secondaries: tuple[str, ...] = (), *, direct_dnskey: str = "yes"
) -> PowerDnsServer:
    """Return a server without zones whose API answers."""
    folder.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(folder / "pdns.sqlite3") as database:
        database.executescript(SCHEMA.read_text())
    database.close()
    api_key = secrets.token_urlsafe(24)
    modules = next(Path("/usr/lib").glob("*/pdns"))
    config = CONFIG.format(
        address=server.address, port=server.port, folder=folder, api_key=api_key, api_port=api_port, modules=modules,
        secondaries=",".join(secondaries), direct_dnskey=direct_dnskey,
    )  # fmt: skip
    (folder / "pdns.conf").write_text(config)
    daemon = start("pdns", folder, "pdns_server", f"--config-dir={folder}", "--daemon=no", "--guardian=no")
    running = PowerDnsServer(daemon=daemon, server=server, url=f"http://{server.address}:{api_port}", api_key=api_key)
    daemon.wait_until(lambda: _alive(running), "its API answering")
    return running


def _alive(running: PowerDnsServer) -> bool:
    try:
        return running.call("GET", "zones").status_code == 200
    except httpx.HTTPError:
        return False


def wait_for_zone(running: PowerDnsServer, zone: str) -> None:
    """Return when the server answers for a zone."""
    running.daemon.wait_until(lambda: answers(running.server, f"{zone}.", "SOA"), f"serving {zone}")
