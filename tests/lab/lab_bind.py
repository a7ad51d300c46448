"""BIND as the primary of a zone that takes DS by dynamic update, and as a validating resolver."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab_dns import Server, answers, rrset
from lab_process import Daemon, run, start

KEY_NAME = "upd"

PRIMARY = """\
key "{key}" {{ algorithm hmac-sha256; secret "{secret}"; }};
dnssec-policy "lab" {{
    keys {{ csk lifetime unlimited algorithm ecdsap256sha256; }};
    dnskey-ttl 5; max-zone-ttl 60; zone-propagation-delay 1; parent-ds-ttl 5; parent-propagation-delay 1;
}};
options {{
    directory "{folder}"; pid-file none; session-keyfile "{folder}/session.key"; managed-keys-directory "{folder}";
    listen-on port {port} {{ {address}; }}; listen-on-v6 {{ none; }};
    recursion no; notify no; dnssec-validation no; empty-zones-enable no; minimal-responses no;
}};
controls {{ }};
zone "{zone}" {{
    type primary; file "{zone}.zone"; {signing}
    update-policy {{ grant {key} subdomain {zone}. DS NS A AAAA; }};
}};
"""

RESOLVER = """\
options {{
    directory "{folder}"; pid-file none; session-keyfile "{folder}/session.key"; managed-keys-directory "{folder}";
    listen-on port 53 {{ {address}; }}; listen-on-v6 {{ none; }}; query-source address {address};
    recursion yes; allow-query {{ any; }}; allow-recursion {{ any; }};
    dnssec-validation yes; empty-zones-enable no; max-cache-size 32m; servfail-ttl 0;
}};
controls {{ }};
trust-anchors {{ . static-key {anchor}; }};
zone "." {{ type hint; file "world.hints"; }};
"""


@dataclass(frozen=True)
class BindPrimary:
    """A running primary and the secret of its update key."""

    daemon: Daemon
    server: Server
    zone: str
    secret: str


def parent_zone(zone: str, address: str, children: dict[str, Sequence[str]], ttl: int = 5) -> str:
    """Return a zone file with delegations: two or more addresses for each child."""
    apex = f"{zone}." if zone else "."
    lines = [
        f"$TTL {ttl}",
        f"{apex} SOA ns1.{zone or 'root-servers'}. clerk.{apex if zone else ''} 1 60 60 3600 2",
        f"{apex} NS ns1.{zone or 'root-servers'}.",
        f"ns1.{zone or 'root-servers'}. A {address}",
    ]
    for child, addresses in children.items():
        for number, target in enumerate(addresses, start=1):
            lines += [f"{child}. NS ns{number}.{child}.", f"ns{number}.{child}. A {target}"]
    return "\n".join(lines) + "\n"


def start_primary(
    folder: Path, server: Server, zone: str, children: dict[str, Sequence[str]], *, signed: bool = True
) -> BindPrimary:
    """Return a primary that answers; a signed one signs by itself with one CSK."""
    folder.mkdir(parents=True, exist_ok=True)
    secret = base64.b64encode(secrets.token_bytes(32)).decode()
    (folder / f"{zone}.zone").write_text(parent_zone(zone, server.address, children))
    signing = 'dnssec-policy "lab"; inline-signing no;' if signed else ""
    config = PRIMARY.format(
        key=KEY_NAME, secret=secret, folder=folder, port=server.port, address=server.address, zone=zone, signing=signing
    )
    (folder / "named.conf").write_text(config)
    run("named-checkconf", str(folder / "named.conf"))
    daemon = start("named", folder, "named", "-4", "-g", "-n", "1", "-c", str(folder / "named.conf"))
    daemon.wait_until(lambda: answers(server, f"{zone}.", "SOA"), "answering")
    if signed:
        daemon.wait_until(lambda: rrset(server, f"{zone}.", "DNSKEY") is not None, "signed")
        # the denial of a DS comes last: until the NSEC chain is whole, BIND answers SERVFAIL
        daemon.wait_until(lambda: all(answers(server, f"{child}.", "DS") for child in children), "denying every DS")
    return BindPrimary(daemon=daemon, server=server, zone=zone, secret=secret)


def start_resolver(folder: Path, server: Server, root: Server, anchor: str) -> Daemon:
    """Return a validating resolver with the world's root; `anchor` is a DNSKEY's RDATA in text."""
    folder.mkdir(parents=True, exist_ok=True)
    flags, protocol, algorithm, key = anchor.split(maxsplit=3)
    (folder / "world.hints").write_text(f". 60 NS ns1.root-servers.\nns1.root-servers. 60 A {root.address}\n")
    (folder / "named.conf").write_text(
        RESOLVER.format(folder=folder, address=server.address, anchor=f'{flags} {protocol} {algorithm} "{key}"')
    )
    run("named-checkconf", str(folder / "named.conf"))
    return start("named", folder, "named", "-4", "-g", "-n", "1", "-c", str(folder / "named.conf"))
