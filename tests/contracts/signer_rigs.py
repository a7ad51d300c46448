"""What the contract of signers needs of each: the adapter, the real state behind it, and somebody else's hand."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Protocol

import dns.dnssec
from lab_dns import ask, keys_of, rrset, signed_by, wires
from lab_powerdns import PowerDnsServer, Server, start_powerdns
from lab_process import free_port
from relay import Relay, is_http_change

from dnsplan.model.plan import SignerKey
from dnsplan.model.portfolio import Secret, Setting, WayIn
from dnsplan.model.records import Dnskey, Ds, dnskey_from_rdata, ds_from_rdata, parse_dnskey
from dnsplan.model.secret import SecretText
from dnsplan.ports import Signer
from dnsplan.signers import Surroundings, connect_signer

WRONG_KEY = "wrong-but-well-formed-api-key"


@dataclass(frozen=True)
class Held:
    """A key as the system behind the adapter really holds it."""

    key: Dnskey
    published: bool
    active: bool


class SignerRig(Protocol):
    """A signer under test; every rig starts with an unsigned zone without keys."""

    zone: str
    adapter: Signer

    def secrets(self) -> tuple[str, ...]:
        """Return texts that must never come to light, private keys included."""


class WritingSignerRig(SignerRig, Protocol):
    """A signer that the adapter itself changes."""

    stranger: Signer
    """The same with bad credentials."""
    credential: str
    """What a hint calls them."""
    moments: list[tuple[Held, ...]]
    """What the system held after each change."""

    def held(self) -> tuple[Held, ...]:
        """Return the keys that the system really holds."""

    def served(self) -> tuple[Dnskey, ...]:
        """Return the DNSKEY RRset that the system serves, sorted."""

    def signers(self, rrtype: str) -> set[int]:
        """Return the key tags that sign an RRset at the apex."""

    def cds(self) -> tuple[tuple[Ds, ...], tuple[Dnskey, ...]]:
        """Return the CDS and CDNSKEY that the system serves."""

    def presign(self) -> None:
        """Let the system take the zone's signatures from elsewhere."""

    def ttl(self, rrtype: str) -> int:
        """Return the TTL of an RRset at the apex."""

    def serial(self) -> int:
        """Return the serial of the SOA."""

    def use_nsec3(self, iterations: int, salt: str, *, opt_out: bool) -> None:
        """Let the system deny by NSEC3."""

    def denial(self) -> tuple[int, str, bool] | None:
        """Return iterations, salt and opt-out of an answer about no name; None where it is not proven by NSEC3."""

    def writes(self) -> int:
        """Return how many changes of keys have been asked for so far."""

    def lose_next_answer(self) -> None:
        """Let the next change take effect and its answer vanish."""

    def die(self) -> None:
        """Let the system be unreachable."""


@dataclass
class HandedOver:
    """A signer that only a person changes."""

    zone: str
    adapter: Signer

    def secrets(self) -> tuple[str, ...]:
        return ()


@dataclass
class PowerDnsZone:
    """A zone on a real PowerDNS, behind a relay."""

    zone: str
    adapter: Signer
    stranger: Signer
    server: PowerDnsServer
    folder: Path
    relay: Relay = field(repr=False)
    credential: str = "api_key"
    moments: list[tuple[Held, ...]] = field(default_factory=list)

    def secrets(self) -> tuple[str, ...]:
        with sqlite3.connect(self.folder / "pdns.sqlite3") as database:
            rows = database.execute("SELECT content FROM cryptokeys").fetchall()
        database.close()
        fields = [line.partition(": ")[2] for (content,) in rows for line in content.splitlines() if "Private" in line]
        return (self.server.api_key, WRONG_KEY, *(value for value in fields if len(value) > 20))

    def held(self) -> tuple[Held, ...]:
        listed = json.loads(self.server.call("GET", f"zones/{self.zone}./cryptokeys").content)
        return tuple(
            Held(key=parse_dnskey(item["dnskey"]), published=item["published"], active=item["active"])
            for item in listed
        )

    def served(self) -> tuple[Dnskey, ...]:
        return keys_of(self.server.server, self.zone)

    def signers(self, rrtype: str) -> set[int]:
        return signed_by(self.server.server, self.zone, rrtype)

    def cds(self) -> tuple[tuple[Ds, ...], tuple[Dnskey, ...]]:
        cds = wires(self.server.server, f"{self.zone}.", "CDS")
        cdnskey = wires(self.server.server, f"{self.zone}.", "CDNSKEY")
        return tuple(sorted(map(ds_from_rdata, cds))), tuple(sorted(map(dnskey_from_rdata, cdnskey)))

    def presign(self) -> None:
        with sqlite3.connect(self.folder / "pdns.sqlite3") as database:
            database.execute(
                "INSERT INTO domainmetadata (domain_id, kind, content) "
                "SELECT id, 'PRESIGNED', '1' FROM domains WHERE name = ?",
                (self.zone,),
            )
        database.close()

    def ttl(self, rrtype: str) -> int:
        found = rrset(self.server.server, f"{self.zone}.", rrtype)
        assert found is not None
        return found.ttl

    def serial(self) -> int:
        found = rrset(self.server.server, f"{self.zone}.", "SOA")
        assert found is not None
        return int(found[0].serial)

    def use_nsec3(self, iterations: int, salt: str, *, opt_out: bool) -> None:
        parameters = f"1 {int(opt_out)} {iterations} {salt or '-'}"
        self.server.call("PUT", f"zones/{self.zone}.", {"nsec3param": parameters})
        self.server.call("PUT", f"zones/{self.zone}./rectify")
        self.server.call("PUT", f"cache/flush?domain={self.zone}.")

    def denial(self) -> tuple[int, str, bool] | None:
        response = ask(self.server.server, f"{secrets.token_hex(8)}.sub.{self.zone}.", "A")
        found = {
            (each[0].iterations, each[0].salt.hex(), each[0].flags == 1)
            for each in response.authority
            if each.rdtype == 50
        }
        assert len(found) < 2
        return next(iter(found), None)

    def proven(self) -> tuple[int, str]:
        """Return iterations and salt of an answer about no name; AssertionError unless it proves that."""
        name = f"{secrets.token_hex(8)}.{self.zone}."
        response = ask(self.server.server, name, "AAAA")
        ring = [(each.name.labels[0].decode().upper(), each[0]) for each in response.authority if each.rdtype == 50]
        [(iterations, salt)] = {(rdata.iterations, rdata.salt) for _, rdata in ring}

        def hashed(of: str) -> str:
            return dns.dnssec.nsec3_hash(of, salt, iterations, 1)

        def covers(owner: str, following: str, wanted: str) -> bool:
            inside = owner < wanted < following
            return inside if owner < following else wanted > owner or wanted < following

        spans = [(owner, rdata.to_text().split()[4].upper()) for owner, rdata in ring]
        assert hashed(f"{self.zone}.") in {owner for owner, _ in spans}
        assert any(covers(*span, hashed(name)) for span in spans)
        return iterations, salt.hex()

    def writes(self) -> int:
        return self.relay.writes

    def lose_next_answer(self) -> None:
        self.relay.lose_next_answer = True

    def die(self) -> None:
        self.relay.close()


RigMaker = Callable[[], AbstractContextManager[SignerRig]]


def connected(kind: str, settings: dict[str, Setting], secrets: dict[str, str]) -> Signer:
    """Return an adapter as the command line would."""
    surroundings = Surroundings(resolve=lambda secret: SecretText(secrets[secret.env or ""]), root=Path())
    return connect_signer(WayIn(name="under-test", type=kind, settings=settings), surroundings)


def _is_key_change(data: bytes) -> bool:
    return is_http_change(data) and b"/cryptokeys" in data.split(b"\r\n", 1)[0]


@contextmanager
def powerdns_signers(folder: Path) -> Iterator[RigMaker]:
    """Yield rigs at a real PowerDNS, each with a zone of its own."""
    api_port = free_port()
    server = start_powerdns(folder, Server("127.0.0.1", free_port()), api_port)
    numbers = count()

    @contextmanager
    def make() -> Iterator[SignerRig]:
        zone = f"zone{next(numbers)}.test"
        server.add_zone(zone, ("127.0.0.1",))
        with Relay("127.0.0.1", api_port, _is_key_change) as relay:
            settings: dict[str, Setting] = {"url": f"http://127.0.0.1:{relay.port}", "api_key": Secret(env="KEY")}
            rig = PowerDnsZone(
                zone=zone,
                adapter=connected("powerdns", settings, {"KEY": server.api_key}),
                stranger=connected("powerdns", settings, {"KEY": WRONG_KEY}),
                server=server,
                folder=folder,
                relay=relay,
            )
            relay.after_write = lambda: rig.moments.append(rig.held())
            yield rig

    try:
        yield make
    finally:
        server.daemon.stop()


@contextmanager
def manual_signers(folder: Path) -> Iterator[RigMaker]:
    """Yield rigs at a zone that a person signs."""

    @contextmanager
    def make() -> Iterator[SignerRig]:
        yield HandedOver(zone="child.tld", adapter=connected("manual", {"contact": "zone desk"}, {}))

    yield make


def as_held(keys: tuple[SignerKey, ...] | None) -> set[Held]:
    """Return what an adapter says in the terms of a rig."""
    return {Held(key=key.key, published=key.published, active=key.active) for key in keys or ()}
