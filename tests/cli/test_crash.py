"""kill -9 before and after every side effect and every write of the ledger, then `apply` until done."""

from __future__ import annotations

import subprocess
from pathlib import Path

from cli_builders import Repository, repository
from conftest import TTL

from dnsplan.world.loopback import World

KILLER = Path(__file__).parent / "killer.py"


def run_until_done(repo: Repository, folder: Path, *, most: int = 160) -> int:
    """Apply again and again, each run killed at a new point, until one run finds nothing to do; return the kills."""
    for kills in range(most):
        ran = repo.run(
            "apply", "--yes", "--wait", "20s", "--lock-timeout", "90s", script=KILLER,
            KILL="1", KILL_JOURNAL=str(folder / "journal"), CALLS=str(folder / "calls"),
        )  # fmt: skip
        if ran.code == 0:
            return kills
        assert ran.code == -9, (ran.code, ran.out, ran.err)
        repo.run("lock", "release")
    raise AssertionError(f"not done after {most} runs")


def calls_of(folder: Path, kind: str) -> list[str]:
    return [line for line in (folder / "calls").read_text().splitlines() if line.startswith(f"call {kind}")]


def test_a_kill_at_every_point_costs_no_key_no_submission_and_no_record(tmp_path: Path, world: World) -> None:
    repo = repository(tmp_path / "with space", world, {"crash.corp": ""}, ttl=TTL)

    kills = run_until_done(repo, tmp_path)
    signed = world.rdata_served("crash.corp", "DS")
    repo.write("zones/crash.corp.yaml", "zone: crash.corp\ndnssec: signed\nroll: again\n")
    repo.commit("roll")
    kills += run_until_done(repo, tmp_path)
    rolled = world.rdata_served("crash.corp", "DS")

    keys = world.rdata_served("crash.corp", "DNSKEY")
    submissions = [line for line in calls_of(tmp_path, "parent") if "found" not in line]
    created = [line for line in calls_of(tmp_path, "signer") if "CreateKey" in line]
    heads = [line.split()[1] for line in (tmp_path / "calls").read_text().splitlines() if line.startswith("head ")]
    lost = [head for head in heads if not contains(repo, head)]
    print(
        f"\n{kills} kill points; DS submissions {len(submissions)} (3 needed); keys left {len(keys)} (2 needed); "
        f"create calls {len(created)}; heads {len(heads)}, lost {len(lost)}"
    )
    assert len(signed) == len(rolled) == 1
    assert signed != rolled
    assert len(keys) == 2
    assert len(submissions) == 3  # the first DS, the new one added, the old one removed
    assert lost == []
    assert kills >= 30
    assert repo.run("audit", "verify").code == 0


def contains(repo: Repository, head: str) -> bool:
    command = ["git", "-C", str(repo.folder), "merge-base", "--is-ancestor", head, "dsplan/audit"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
