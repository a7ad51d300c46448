"""Two `apply` processes on two clones with a common remote, at once and again: nothing twice, nothing lost."""

from __future__ import annotations

import os
from pathlib import Path

from cli_builders import Repository, repository
from conftest import TTL
from test_crash import calls_of, contains

from dnsplan.world.loopback import World

KILLER = Path(__file__).parent / "killer.py"
ROUNDS = int(os.environ.get("RACE_ROUNDS", "12"))
ZONES = ("race1.corp", "race2.corp")


def test_racing_applies_submit_once_and_lose_no_record(tmp_path: Path, world: World) -> None:
    """RACE_ROUNDS=50 for the long run."""
    one = repository(tmp_path / "one", world, dict.fromkeys(ZONES, ""), ttl=TTL)
    one.git("init", "-q", "-b", "main", "--bare", str(tmp_path / "remote.git"))
    one.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    one.git("push", "-q", "origin", "main")
    one.git("clone", "-q", str(tmp_path / "remote.git"), str(tmp_path / "two"))
    two = Repository(tmp_path / "two", one.environment)
    environment = {"KILL_JOURNAL": str(tmp_path / "journal"), "CALLS": str(tmp_path / "calls")}
    rolls = 0

    for _ in range(ROUNDS):
        racing = [
            (repo, repo.start("apply", "--yes", "--lock-timeout", "40s", script=KILLER, **environment))
            for repo in (one, two)
        ]
        for repo, process in racing:
            ran = repo.finish(process)
            assert ran.code == 0, (ran.out, ran.err)
        status = one.run("status", "--format", "json").json
        if all(zone["headline"] == "OK" for zone in status["zones"]):
            rolls += 1
            for zone in ZONES:
                one.write(f"zones/{zone}.yaml", f"zone: {zone}\ndnssec: signed\nroll: r{rolls}\n")
            one.commit("roll")
            one.git("push", "-q", "origin", "main")
            two.git("pull", "-q", "--ff-only")

    submissions = [line.partition(" -> ")[0] for line in calls_of(tmp_path, "parent") if "found" not in line]
    heads = [line.split()[1] for line in (tmp_path / "calls").read_text().splitlines() if line.startswith("head ")]
    one.run("status")
    lost = [head for head in heads if not contains(one, head)]
    print(
        f"\n{ROUNDS} rounds, {rolls} rollovers begun: {len(submissions)} DS submissions, "
        f"{len(submissions) - len(set(submissions))} twice; {len(heads)} commits, {len(lost)} lost"
    )
    assert len(submissions) >= 2
    assert len(submissions) == len(set(submissions))
    assert lost == []
    for repo in (one, two):
        assert repo.run("audit", "verify").code == 0
