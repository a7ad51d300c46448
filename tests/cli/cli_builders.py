"""A portfolio repository below the loopback world, and the real command in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from secret_search import watch

from dnsplan.world.loopback import World

DSPLAN = """\
schema: dsplan/v1
portfolio: test
defaults: {{policy: seconds, signer: pdns, parent: corp}}
signers:
  pdns: {{type: powerdns, url: "{pdns}", server: localhost, api_key: {{env: TEST_API_KEY}}}}
parents:
  corp: {{type: rfc2136, server: "{update}", zone: corp, ds_ttl: {ttl}s,
         tsig: {{name: {name}, algorithm: {algorithm}, secret: {{env: TEST_TSIG}}}}}}
  desk: {{type: manual, portal: "https://registry.example", contact: registry desk, usual_delay: 2d}}
resolution: {{root_hints: [{hints}], port: {port}, trust_anchors: ["{anchor}"]}}
observe: {{timeout: 1s, tries: 2, rate_per_server: 2000}}
"""
POLICY = """\
policy: seconds
ds: {{ttl_max: {ttl}s}}
dnskey: {{ttl: {ttl}s}}
zone: {{ttl_max: {ttl}s}}
timing: {{child_margin: 1s, parent_margin: 1s, registration_budget: 10s, sweeps: {{count: 1, spacing: 1s}}}}
"""


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:  # type: ignore[type-arg]
        return json.loads(self.out)


@dataclass
class Repository:
    """A portfolio in Git."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    transcript: list[str] = field(default_factory=list)

    def git(self, *arguments: str) -> str:
        names = {f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        command = ["git", "-C", str(self.folder), *arguments]
        ran = subprocess.run(command, capture_output=True, check=True, env={**os.environ, **names})
        return ran.stdout.decode().strip()

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def commit(self, message: str = "change") -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def start(self, *arguments: str, script: Path | None = None, **environment: str) -> subprocess.Popen[str]:
        watch(*(value for name, value in environment.items() if name in self.environment))
        head = [sys.executable, str(script)] if script else [sys.executable, "-m", "dnsplan"]
        return subprocess.Popen(
            [*head, "-C", str(self.folder), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **self.environment, **environment, "NO_COLOR": "1"},
        )  # fmt: skip

    def finish(self, process: subprocess.Popen[str]) -> Ran:
        out, err = process.communicate(timeout=120)
        self.transcript.extend((out, err))
        return Ran(process.returncode, out, err)

    def run(self, *arguments: str, script: Path | None = None, **environment: str) -> Ran:
        return self.finish(self.start(*arguments, script=script, **environment))


def repository(folder: Path, world: World, zones: dict[str, str], *, ttl: int) -> Repository:
    """Return a committed portfolio with these zones (name to further YAML lines)."""
    repo = Repository(folder, {"TEST_API_KEY": world.api_key, "TEST_TSIG": world.tsig.secret})
    folder.mkdir(parents=True)
    repo.git("init", "-q", "-b", "main")
    repo.write(
        "dsplan.yaml",
        DSPLAN.format(
            pdns=world.pdns_url, update=world.update_server, name=world.tsig.name, algorithm=world.tsig.algorithm,
            hints=", ".join(f'"{hint}"' for hint in world.root_hints), port=world.port,
            anchor=world.trust_anchor, ttl=ttl,
        ),
    )  # fmt: skip
    repo.write("policies/seconds.yaml", POLICY.format(ttl=ttl))
    for zone, more in zones.items():
        repo.write(f"zones/{zone}.yaml", f"zone: {zone}\ndnssec: signed\n{more}")
    repo.commit("portfolio")
    return repo
