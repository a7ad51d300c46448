"""Serve the loopback world until stdin closes: `python -m dnsplan.world.loopback --port-file FILE`.

The file holds what a test needs as JSON, its secrets included, readable by its owner only; each line on stdin is a
command as JSON: `{"clerk_set_ds": ["fiskur.is", ["12345 13 2 ABCD…"]]}`, `{"set_lag": ["127.0.53.32", 2.0]}`,
`{"set_silent": ["127.0.53.32", true]}`, `{"query_log_count": []}`; each is answered with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from dnsplan.world.loopback.world import TTL, World

COMMANDS = ("clerk_set_ds", "set_lag", "set_silent", "query_log_count")


def main() -> None:
    """Run the world."""
    parser = argparse.ArgumentParser(prog="python -m dnsplan.world.loopback")
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--zone", action="append", help="a child zone; may be repeated")
    parser.add_argument("--ttl", type=int, default=TTL)
    chosen = parser.parse_args()
    children = {"children": tuple(chosen.zone)} if chosen.zone else {}
    with World.start(**children, ttl=chosen.ttl) as world:
        _write(chosen.port_file, world)
        for line in sys.stdin:
            for command, values in json.loads(line).items():
                result = getattr(world, command)(*values) if command in COMMANDS else "unknown command"
                print(json.dumps(result), flush=True)  # noqa: T201  # the protocol of this command


def _write(path: Path, world: World) -> None:
    facts = {
        "root_hints": list(world.root_hints),
        "port": world.port,
        "trust_anchor": world.trust_anchor,
        "pdns_url": world.pdns_url,
        "api_key": world.api_key,
        "update_server": world.update_server,
        "tsig": world.tsig._asdict(),
    }
    partial = path.with_name(f"{path.name}.part")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(facts, file)
    partial.replace(path)


if __name__ == "__main__":
    main()
