"""Random and damaged files of a portfolio end in faults; never in anything else. FUZZ_SECONDS=60 for the long run."""

from __future__ import annotations

import json
import os
import random
import time
from xml.etree import ElementTree as ET

import pytest

from dnsplan.model.names import display_name, name_warnings, parse_name
from dnsplan.portfolio import load, yamlfile
from dnsplan.portfolio.flat import read_flat
from dnsplan.portfolio.yamlfile import YamlFile, parse_yaml
from dnsplan.views.faults import render_faults

SECONDS = float(os.environ.get("FUZZ_SECONDS", "4")) / 2
KEY = "257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="
FILES = {
    "dsplan.yaml": """\
schema: dsplan/v1
portfolio: acme
defaults: {policy: standard, signer: pdns, parent: own}
signers:
  pdns: {type: powerdns, url: "https://pdns.example", server: localhost, api_key: {env: KEY}}
parents:
  own: {type: rfc2136, server: "127.0.0.1:5301", zone: ch, tsig: {name: u, algorithm: hmac-sha256, secret: {env: T}}}
resolution: {root_hints: ["127.0.0.1"], port: 5300, trust_anchors: builtin}
resolvers: [{name: own, address: "[::1]:5300", protocol: tcp}]
observe: {timeout: 2s, tries: 3, families: [4, 6]}
guards: {max_ds_removals: {count: 2, percent: 5}, canary: {zones: 1, soak: 1d}}
audit: {branch: dsplan/audit, remote: origin}
""",
    "policies/standard.yaml": """\
policy: standard
algorithm: ECDSAP256SHA256
ksk: {lifetime: 1y, rollover: double-ksk, standby: 0}
ds: {digest_types: [SHA-256], ttl_max: 1d}
signatures: {min_remaining: 5d, max_validity: 30d}
timing: {child_margin: 1h, sweeps: {count: 2, spacing: 5m}}
windows: {freeze: [{from: 2026-12-18, to: "2027-01-04"}], weekly: ["Mon-Thu 08:00-16:00 Europe/Zurich"]}
""",
    "parents/ch.yaml": "suffix: ch\nform: either\nmax_ds: 4\nalgorithms: [13, ED25519]\n",
    "zones/a.yaml": f"""\
zone: b\u00fccher.ch   # a comment
owner: emea
tags: [brand, &x prod]
dnssec: signed
keys:
  - {{dnskey: "{KEY}", note: "key tag 2371"}}
roll: {{ksk: "2026-11"}}
""",
    "zones/b.yaml": "zones:\n  - {zone: b.ch, compromised: []}\n  - zone: xn--bcher-kva.li\n    dnssec: insecure\n",
}
FLAT_LINES = [
    "zone: example.ch\n", "zone: b\u00fccher.ch  # why\n", "owner: dns-emea\n", 'owner: "a: b # c"\n',
    "tags: [a, b]\n", 'tags: [ "x y" ,on,  no ]   \n', "roll: n\n", "dnssec: True\n", "keys: Null\n", "# note\n",
    "\n", "   # note\n", "a: b/c.d-e_f\n", "x: e10\n", "y: [true]\n", 'z: ""\n', "null: a\n", "n: nan\n", "b: a#b\n",
    'c: "#"\n', "d: [a]#\n", "e: a-\n", "f: a.\n", "on: y\n", "g: \u0661x\n", "h: x\u0661\n", "i: \u65e5\u672c\n",
    "j: a\u0301\n", "k: a b\n", "l: [a b]\n", "m: a # b\n", "o:  x\n", "p: [a,\n", "q: [a, ]\n",
]  # fmt: skip
PIECES = [
    "~", "null", "[]", "{}", "- ", "? ", ": ", "&a ", "*a", "<<: ", "!!binary ", "!x ", "---\n", "...\n", "%YAML 1.1\n",
    '"\\UFFFFFFFF"', '"\\ud800"', '"\\0"', "\x00", "\ufeff", "\u2028", "\u202e", "xn--", "xn--99999", "9" * 5000,
    "0x", "-1", "1e999", ".inf", "0001-01-01", "9999-12-31", "2026-02-30", "9" * 40 + "y", "a." * 130, "\u0661",
    "[" * 40, "\t", "\n", "'", '"', "|", ">", "{env: A, file: B}", "{command: []}", "../", "/", "257 3 13 =", "[::",
]  # fmt: skip


def damaged(rng: random.Random, text: str) -> bytes:
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text) + 1)
        match rng.randrange(5):
            case 0:
                text = text[:at] + rng.choice(PIECES) + text[at:]
            case 1:
                text = text[:at] + text[at + rng.randint(1, 30) :]
            case 2:
                start, lines = rng.randrange(8), text.splitlines(keepends=True)
                text = "".join(lines + lines[start : start + 2])
            case 3:
                head, colon, tail = text[at:].partition(": ")
                value, _, rest = tail.partition("\n")
                text = text[:at] + head + colon + rng.choice(PIECES) + value[:0] + "\n" + rest
            case _:
                return _flip(rng, text)
    return text.encode("utf-8", "surrogatepass")


def _flip(rng: random.Random, text: str) -> bytes:
    raw = bytearray(text.encode("utf-8", "surrogatepass") or b" ")
    raw[rng.randrange(len(raw))] = rng.randrange(256)
    return bytes(raw)


@pytest.fixture
def root(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_damaged_and_random_files_end_in_faults_that_every_view_can_show(root) -> None:
    assert load(root).faults == ()
    rng, rounds, faulty = random.Random(3), 0, 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        rounds += 1
        name = rng.choice(sorted(FILES))
        raw = rng.randbytes(rng.randint(0, 200)) if rng.random() < 0.1 else damaged(rng, FILES[name])
        (root / name).write_bytes(raw)
        loaded = load(root)
        (root / name).write_text(FILES[name], encoding="utf-8")
        faulty += bool(loaded.faults)
        errors = [fault for fault in loaded.faults if fault.severity == "error"]
        assert (loaded.portfolio is None) == bool(errors), raw
        for form in ("text", "github"):
            render_faults(loaded.faults, form).encode("utf-8")
        json.loads(render_faults(loaded.faults, "json"))
        json.loads(render_faults(loaded.faults, "sarif"))
        ET.fromstring(render_faults(loaded.faults, "junit"))  # our own output
    print(f"{rounds} portfolios, {faulty} with faults")
    assert faulty > rounds / 4


def test_flat_files_are_read_as_the_parser_reads_them(monkeypatch) -> None:
    rng, rounds, flat = random.Random(5), 0, 0
    end = time.monotonic() + SECONDS / 2
    while time.monotonic() < end:
        rounds += 1
        text = "".join(rng.choice(FLAT_LINES) for _ in range(rng.randint(1, 6)))
        raw = damaged(rng, text) if rng.random() < 0.7 else text.encode()
        fast = parse_yaml(raw, YamlFile("a.yaml"))
        with monkeypatch.context() as patched:
            patched.setattr(yamlfile, "read_flat", lambda text, result: False)  # leave it to the parser
            slow = parse_yaml(raw, YamlFile("a.yaml"))
        assert fast == slow, raw
        flat += read_flat(raw.decode("utf-8", "replace"), YamlFile("a.yaml"))
    print(f"{rounds} files, {flat} flat")
    assert flat > rounds / 30


def test_damaged_names_are_refused_or_shown() -> None:
    rng, rounds, refused = random.Random(4), 0, 0
    letters = "ab-_.0/xn--\u00fc\u00df\u3002\u0430\u05d0\u200d\u0661\ud800\u202e\u1f600 \t"
    end = time.monotonic() + SECONDS / 4
    while time.monotonic() < end:
        rounds += 1
        text = ("xn--" if rng.random() < 0.5 else "") + "".join(rng.choices(letters, k=rng.randint(0, 20)))
        try:
            name = parse_name(text)
        except ValueError:
            refused += 1
            continue
        assert parse_name(name) == name
        assert name.isascii()
        name_warnings(name)
        display_name(name).encode("utf-8")
    print(f"{rounds} names, {refused} refused")
    assert 0 < refused < rounds
