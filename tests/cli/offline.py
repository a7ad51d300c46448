"""A portfolio outside Git, stored observations of its zones, and the real command: nothing here needs a network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from secret_search import watch

from dnsplan.codec.observation import dump_observations
from dnsplan.model.observation import ChildAnswer, Observation, ParentAnswer, Unreachable
from dnsplan.model.records import Dnskey, Ds, make_ds
from dnsplan.model.time import parse_instant

NOW = "2026-11-24T03:00:00Z"
GOLDEN = Path(__file__).parent / "golden"
MAIN = """\
schema: dsplan/v1
portfolio: golden
defaults: {policy: standard, signer: ops, parent: desk}
signers:
  ops: {type: manual, contact: DNS operations}
  api: {type: powerdns, url: "http://127.0.0.1:9", api_key: {env: TEST_API_KEY}}
parents:
  desk: {type: manual, portal: "https://registry.example", contact: registry desk, usual_delay: 2d}
  own: {type: rfc2136, server: 127.0.0.1, zone: corp,
        tsig: {name: upd, algorithm: hmac-sha256, secret: {env: TEST_TSIG}}}
"""
SECRETS = {"TEST_API_KEY": "key-of-a-signer-that-is-not-asked", "TEST_TSIG": "bmV2ZXItYXNrZWQtZWl0aGVy"}
FILES = {
    "dsplan.yaml": MAIN,
    "policies/standard.yaml": "policy: standard\n",
    "zones/new.yaml": "zone: new.example\nowner: dns\ndnssec: signed\n",
    "zones/rest.yaml": "zone: rest.example\nowner: dns\ndnssec: signed\n",
    "zones/held.yaml": "zone: bücher.example\nowner: shop\n",
    "zones/dark.yaml": "zone: dark.example\nowner: shop\ndnssec: signed\n",
    "zones/foreign.yaml": "zone: foreign.example\nowner: shop\ndnssec: signed\n",
}


def key(number: int, flags: int = 257) -> Dnskey:
    return Dnskey(flags=flags, algorithm=13, public_key=bytes([number]) * 64)


def seen(zone: str, ds: tuple[Ds, ...], number: int, *, silent: bool = False) -> Observation:
    """Return what two servers of the parent and two of the zone answered."""
    ksk, zsk = key(number), key(number + 100, 256)
    child = [
        ChildAnswer(
            address=f"198.51.100.{n}", keys=tuple(sorted((ksk, zsk))), key_signers=frozenset({ksk.id}), key_ttl=3600,
            zone_signers=frozenset({zsk.id}), zone_ttl=3600, negative_ttl=300,
        )
        for n in (1, 2)
    ]  # fmt: skip
    parent = [
        ParentAnswer(address=f"192.0.2.{n}", ds=tuple(sorted(ds)), ttl=86400, trust="secure") for n in (1, 2)
    ]  # fmt: skip
    dark = Unreachable(address="198.51.100.2", reason="timeout")
    return Observation(
        zone=zone, at=parse_instant(NOW), parent_zone="example", parent=tuple(parent),
        child=(child[0], dark if silent else child[1]),
    )  # fmt: skip


def observations() -> str:
    other = Ds(key_tag=4711, algorithm=8, digest_type=2, digest=bytes(range(32)))
    held = "xn--bcher-kva.example"
    return dump_observations((
        seen("new.example", (), 1),
        seen("rest.example", (make_ds("rest.example", key(2), 2),), 2),
        seen(held, (make_ds(held, key(3), 2),), 3),
        seen("dark.example", (), 4, silent=True),
        seen("foreign.example", (make_ds("foreign.example", key(5), 2), other), 5),
    ))  # fmt: skip


def portfolio(folder: Path, **changes: str) -> Path:
    """Write the files, and `seen.jsonl` beside the folder; `changes` add or replace files by their stem."""
    folder.mkdir(parents=True)
    named = {f"zones/{stem}.yaml": text for stem, text in changes.items()}
    for path, text in {**FILES, **named}.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    (folder.parent / "seen.jsonl").write_text(observations(), encoding="utf-8")
    return folder


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS", "FORCE_COLOR"}}
    watch(*SECRETS.values())
    return {**kept, **SECRETS, "TERM": "xterm", **changes}


def dsplan(folder: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dnsplan", *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
        check=False, encoding="utf-8", env=environment(**changes), timeout=60,
    )  # fmt: skip


def golden(name: str, text: str) -> None:
    """Compare with the stored text; `GOLDEN=write` stores it anew, for a person to read in the diff."""
    path = GOLDEN / name
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
