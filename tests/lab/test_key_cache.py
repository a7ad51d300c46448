"""Trust outlives the DS: who stops signing when the DS has left every cache fails at Unbound; at gate K nobody fails.

Every zone loses its DS at second 0. Some stop signing when the gate of the DS alone opens, some one DNSKEY TTL after
the DS went, and some at gate K. Names that were never asked before are asked all the time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import dns.rrset
from lab_bind import parent_zone
from lab_dns import rrset
from lab_signing import Key, Signing, make_keys
from lab_validators import CHILDREN, RESOLVERS, TLD, Verdict, World, asker_of, question, running_world

from dnsplan.engine.gates import empty, gate, trust_gate
from dnsplan.engine.spans import FOREVER, Margins, Span, Spans
from dnsplan.engine.validators import DsRef, DsSet, KeySet
from dnsplan.model.records import make_ds

DS_TTL, KEY_TTL, MARGIN = 3, 10, 1
ZONE_TTL = 60
RATE = 3
"""Fresh names a second, for each zone at each resolver."""
FIRST_ASKED = (-9.2, -8.8, -8.4, -8.0, -7.6, -7.2)
"""When a DNSKEY RRset is first validated: it is validated again soon after second 0, under the DS still in caches."""
DS_ASKED = -0.3
"""When the DS is asked for, so that caches hold it as long as they can."""
NAMESERVER = "ns.tld."
Record = Callable[[str, object], None]


def spans() -> Spans:
    """Return what the engine knows of such a zone: its DS went at second 0, and a cache may have had it just before."""
    ds: DsSet = frozenset({DsRef("k", 13, 2)})
    keys = KeySet(keys=frozenset({("k", 13)}), signers=frozenset({"k"}))
    gone: Span[DsSet] = Span(frozenset(), 0, FOREVER, 0, None)
    return Spans(
        ds=(Span(ds, -100, DS_TTL + MARGIN, DS_TTL, 0), gone),
        dnskey=(Span(keys, -100, FOREVER, KEY_TTL, None),),
        zone=(Span(frozenset({"k"}), -100, FOREVER, ZONE_TTL, None),),
    )


def unsigned_at() -> dict[str, int]:
    """Return when each group of zones stops signing."""
    margins = Margins(parent=MARGIN, child=MARGIN, resign=0)
    plain = gate("DS", spans().ds, empty, margins, "no DS in any cache").at
    key_gate = trust_gate(spans(), empty, margins, "no DS in any cache, nor trust").at
    assert plain is not None
    assert key_gate is not None
    return {"ds-ttl": plain, "dnskey-ttl": KEY_TTL + MARGIN, "gate-k": key_gate}


GROUPS = unsigned_at()
END = max(GROUPS.values()) + 4
ZONES = {f"{group}-{number}.tld": group for group in GROUPS for number in range(len(FIRST_ASKED))}
NAMES = round((END - min(FIRST_ASKED)) * RATE) + 1


def child(zone: str, serial: int, key: Key | None) -> str:
    keys = [key] if key else []
    origin, soa = f"{zone}.", f"{NAMESERVER} clerk.{zone}. {serial} 3600 600 86400 2"
    rrsets = [
        dns.rrset.from_text(origin, ZONE_TTL, "IN", "SOA", soa),
        dns.rrset.from_text(origin, ZONE_TTL, "IN", "NS", NAMESERVER),
        *(dns.rrset.from_text(f"n{number}.{origin}", ZONE_TTL, "IN", "A", "192.0.2.1") for number in range(NAMES)),
    ]
    return Signing(published=keys, by_keys=keys, by_data=keys).zone_file(zone, rrsets, KEY_TTL)


def parent(key: Key | None) -> str:
    lines = [parent_zone("tld", TLD.address, {}, 3600), f"{NAMESERVER} A {CHILDREN.address}"]
    for zone in ZONES:
        lines.append(f"{zone}. NS {NAMESERVER}")
        if key:
            lines.append(f"{zone}. {DS_TTL} DS {make_ds(zone, key.record, 2)}")
    return "\n".join(lines) + "\n"


@dataclass
class Watch:
    """What every resolver said of fresh names of every zone, and when, in seconds since the DS went."""

    world: World
    zero: float
    seen: dict[tuple[str, str], list[tuple[float, Verdict | None]]] = field(default_factory=dict)
    gone: float = 0
    """When no DS was served any more."""

    def now(self) -> float:
        return time.monotonic() - self.zero

    async def until(self, second: float) -> None:
        await asyncio.sleep(max(0.0, second - self.now()))

    async def run(self, unsigned_parent: str, unsigned: Mapping[str, str]) -> None:
        await asyncio.gather(
            self._change(unsigned_parent, unsigned), *(self._ask(name) for name in self.world.resolvers)
        )

    async def _change(self, unsigned_parent: str, unsigned: Mapping[str, str]) -> None:
        await self.until(0)
        await asyncio.to_thread(self._remove_ds, unsigned_parent)
        self.gone = self.now()
        for group, second in GROUPS.items():
            await self.until(self.gone + second)
            await asyncio.to_thread(
                self.world.children.replace, {zone: text for zone, text in unsigned.items() if ZONES[zone] == group}
            )

    def _remove_ds(self, unsigned_parent: str) -> None:
        self.world.tld.replace({"tld": unsigned_parent})
        while rrset(TLD, f"{next(iter(ZONES))}.", "DS") is not None:
            time.sleep(0.02)

    async def _ask(self, resolver: str) -> None:
        asker = await asker_of(self.world.resolvers[resolver])

        async def ask_once(zone: str, number: int) -> None:
            at = self.now()
            self.seen[resolver, zone].append((at, await asker.ask(question(f"n{number}.{zone}."))))

        async def ask_zone(zone: str, first: float) -> None:
            self.seen[resolver, zone] = []
            async with asyncio.TaskGroup() as running:
                for number in range(round((END - first) * RATE)):
                    await self.until(first + number / RATE)
                    running.create_task(ask_once(zone, number))

        async def ask_ds(zone: str) -> None:
            await self.until(DS_ASKED)
            await asker.ask(question(f"{zone}.", "DS"))

        async with asyncio.TaskGroup() as running:
            for zone, first in zip(ZONES, FIRST_ASKED * len(GROUPS), strict=True):
                running.create_task(ask_zone(zone, first))
                running.create_task(ask_ds(zone))
        asker.close()

    def of(self, resolver: str, group: str) -> list[tuple[float, Verdict | None]]:
        """Return all that a resolver said of a group's zones."""
        return sorted(
            answer
            for (name, zone), answers in self.seen.items()
            if name == resolver and ZONES[zone] == group
            for answer in answers
        )


def bogus(answers: list[tuple[float, Verdict | None]]) -> list[float]:
    return [at for at, said in answers if said is Verdict.BOGUS]


def test_who_stops_signing_before_gate_k_fails_at_unbound_and_at_gate_k_nobody_fails(
    tmp_path: Path, record_property: Record
) -> None:
    assert GROUPS == {"ds-ttl": 4, "dnskey-ttl": 11, "gate-k": 14}
    key = make_keys({"k": 13}, sep=("k",))["k"]
    with running_world(tmp_path, parent(key), {zone: child(zone, 1, key) for zone in ZONES}) as world:
        changed = world.sign_tld(parent(None)), {zone: child(zone, 2, None) for zone in ZONES}
        watch = Watch(world=world, zero=time.monotonic() + 1 - min(FIRST_ASKED))
        asyncio.run(watch.run(*changed))
    figures = [f"no DS since {watch.gone:.2f} s; unsigned that much after {GROUPS}"]
    for resolver in RESOLVERS:
        for group in GROUPS:
            answers = watch.of(resolver, group)
            failed = bogus(answers)
            when = f" [{failed[0]:.1f} s to {failed[-1]:.1f} s]" if failed else ""
            figures.append(f"{resolver:17} {group:10} SERVFAIL {len(failed):3} of {len(answers)}{when}")
    record_property("figures", "\n".join(figures))
    print("\n" + "\n".join(figures))
    for resolver in RESOLVERS:
        last = watch.of(resolver, "gate-k")
        assert bogus(last) == []
        assert None not in {said for _, said in last}
        assert sum(said is Verdict.SECURE for _, said in last) > len(last) / 4
        assert last[-1][1] is Verdict.INSECURE
    for resolver in ("unbound", "unbound-hardened"):
        assert len(bogus(watch.of(resolver, "ds-ttl"))) > 20
        assert bogus(watch.of(resolver, "dnskey-ttl")) != []  # neither TTL alone is enough
