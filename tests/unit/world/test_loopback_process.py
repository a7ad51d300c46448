"""The loopback world as a process of its own, steered by lines of JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from dnsplan.world.loopback.probe import Probe


def test_the_world_serves_as_a_process_until_its_standard_input_closes(tmp_path: Path) -> None:
    facts_file = tmp_path / "world.json"
    command = [sys.executable, "-m", "dnsplan.world.loopback", "--port-file", str(facts_file), "--zone", "one.corp"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write('{"clerk_set_ds": ["one.corp", ["1 13 2 ' + "00" * 32 + '"]]}\n{"query_log_count": []}\n')
        process.stdin.flush()
        answers = [process.stdout.readline(), process.stdout.readline()]
        facts = json.loads(facts_file.read_text(encoding="utf-8"))
        verdict, _ = Probe(tuple(facts["root_hints"]), facts["port"], facts["trust_anchor"]).look_up("one.corp")
        process.stdin.close()
        process.wait(timeout=10)

    assert answers == ["null\n", "0\n"]
    assert verdict == "bogus"
    assert process.returncode == 0
    assert facts_file.stat().st_mode & 0o077 == 0
