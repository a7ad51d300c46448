"""BIND and Knot as primaries that roll their zones' keys themselves, a KSK or CSK every minute.

Each looks at the parent's server for the DS before it goes on. BIND would look once an hour; `hurry` makes it look now.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab_dns import Server, answers, rrset
from lab_files import unsigned
from lab_process import Daemon, run, start

from dnsplan.model.records import Dnskey

CONTROL_PORT = 9953

BIND = """\
key "ctl" {{ algorithm hmac-sha256; secret "{secret}"; }};
options {{
    directory "{folder}"; pid-file none; session-keyfile "{folder}/session.key"; managed-keys-directory "{folder}";
    listen-on port {port} {{ {address}; }}; listen-on-v6 {{ none; }}; query-source address {address};
    recursion no; dnssec-validation no; empty-zones-enable no; minimal-responses no;
    notify explicit; notify-delay 1; also-notify {{ {secondary}; }};
    allow-transfer {{ 127.0.0.0/8; }}; startup-notify-rate 100;
}};
controls {{ inet {address} port {control} allow {{ 127.0.0.0/8; }} keys {{ "ctl"; }}; }};
parental-agents "parent" {{ {parent}; }};
"""

BIND_POLICY = """\
dnssec-policy "{name}" {{
    keys {{ {keys} }};
    dnskey-ttl {key_ttl}; max-zone-ttl 3; publish-safety 1; retire-safety 1; zone-propagation-delay 1;
    parent-ds-ttl {ds_ttl}; parent-propagation-delay 1; purge-keys PT20S;
    signatures-validity PT100S; signatures-validity-dnskey PT100S; signatures-refresh PT89S; signatures-jitter PT0S;
}};
"""

BIND_ZONE = """\
zone "{zone}" {{
    type primary; file "{zone}.zone"; dnssec-policy "{policy}"; inline-signing yes; parental-agents {{ "parent"; }};
}};
"""

ALGORITHM = "algorithm ecdsap256sha256;"
SCHEMES = {
    "ksk-zsk": f"ksk lifetime PT{{lifetime}}S {ALGORITHM} zsk lifetime unlimited {ALGORITHM}",
    "csk": f"csk lifetime PT{{lifetime}}S {ALGORITHM}",
    "on-demand": f"ksk lifetime unlimited {ALGORITHM} zsk lifetime unlimited {ALGORITHM}",
}
ON_DEMAND_KEY_TTL = 12
"""DNSKEY TTL of the zones that BIND rolls when it is told to."""

KNOT = """\
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
remote:
  - id: parent
    address: {parent}
    via: {address}
  - id: secondary
    address: {secondary}
    via: {address}
acl:
  - id: transfers
    address: 127.0.0.0/8
    action: transfer
submission:
  - id: parent
    parent: parent
    check-interval: 2
policy:
  - id: rolling
    algorithm: ecdsap256sha256
    ksk-lifetime: {lifetime}
    zsk-lifetime: 0
    ksk-submission: parent
    dnskey-ttl: {key_ttl}
    zone-max-ttl: 3
    propagation-delay: 1
    nsec3: off
"""

KNOT_ZONE = """\
zone:
  - domain: {zone}.
    storage: "{folder}"
    file: {zone}.zone
    zonefile-load: difference-no-serial
    zonefile-sync: -1
    journal-content: all
    notify: secondary
    acl: transfers
    dnssec-signing: on
    dnssec-policy: rolling
"""


@dataclass(frozen=True)
class Surroundings:
    """The servers around a primary, and the times of its zones."""

    secondary: Server
    parent: Server
    key_ttl: int
    ds_ttl: int
    lifetime: int


@dataclass(frozen=True)
class RollingBind:
    """A running BIND and the zones that it rolls."""

    daemon: Daemon
    zones: tuple[str, ...]
    control: tuple[str, ...]

    def hurry(self) -> None:
        """Let BIND look for the DS at the parent, and roll what can be rolled."""
        for zone in self.zones:
            run(*self.control, "loadkeys", zone)

    def roll(self, zone: str, key: Dnskey) -> None:
        """Let BIND replace a key."""
        run(*self.control, "dnssec", "-rollover", "-key", str(key.key_tag), zone)


def start_rolling_bind(folder: Path, server: Server, schemes: Mapping[str, str], around: Surroundings) -> RollingBind:
    """Return a primary that signs and rolls zones, each with the keys of its scheme: `ksk-zsk` or `csk`."""
    folder.mkdir(parents=True, exist_ok=True)
    secret = base64.b64encode(secrets.token_bytes(32)).decode()
    config = BIND.format(
        folder=folder, address=server.address, port=server.port, control=CONTROL_PORT, secret=secret,
        secondary=around.secondary.address, parent=around.parent.address,
    )  # fmt: skip
    for name, keys in SCHEMES.items():
        config += BIND_POLICY.format(
            name=name, keys=keys.format(lifetime=around.lifetime), ds_ttl=around.ds_ttl,
            key_ttl=ON_DEMAND_KEY_TTL if name == "on-demand" else around.key_ttl,
        )  # fmt: skip
    for zone, scheme in schemes.items():
        addresses = (server.address, around.secondary.address)
        (folder / f"{zone}.zone").write_text(unsigned(zone, addresses, around.key_ttl))
        config += BIND_ZONE.format(zone=zone, policy=scheme)
    (folder / "named.conf").write_text(config)
    (folder / "rndc.key").write_text(f'key "ctl" {{ algorithm hmac-sha256; secret "{secret}"; }};\n')
    run("named-checkconf", str(folder / "named.conf"))
    daemon = start("rolling-bind", folder, "named", "-4", "-g", "-n", "1", "-c", str(folder / "named.conf"))
    control = ("rndc", "-s", server.address, "-p", str(CONTROL_PORT), "-k", str(folder / "rndc.key"))
    for zone in schemes:
        daemon.wait_until(lambda name=zone: answers(server, f"{name}.", "DNSKEY"), "answering")
        daemon.wait_until(lambda name=zone: rrset(server, f"{name}.", "DNSKEY") is not None, "signed")
    return RollingBind(daemon=daemon, zones=tuple(schemes), control=control)


def start_rolling_knot(folder: Path, server: Server, zone: str, around: Surroundings) -> Daemon:
    """Return a primary that signs a zone with a KSK and a ZSK, and rolls the KSK."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "db").mkdir()
    (folder / f"{zone}.zone").write_text(unsigned(zone, (server.address, around.secondary.address), around.key_ttl))
    config = KNOT.format(
        folder=folder, address=server.address, port=server.port, parent=around.parent.address,
        secondary=around.secondary.address, key_ttl=around.key_ttl, lifetime=around.lifetime,
    )  # fmt: skip
    (folder / "knot.conf").write_text(config + KNOT_ZONE.format(folder=folder, zone=zone))
    daemon = start("rolling-knot", folder, "knotd", "-c", str(folder / "knot.conf"))
    daemon.wait_until(lambda: answers(server, f"{zone}.", "SOA"), "answering")
    daemon.wait_until(lambda: rrset(server, f"{zone}.", "DNSKEY") is not None, "signed")
    return daemon
