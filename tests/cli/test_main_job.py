"""The main job through the real command: what is kept, what is refused, what waits, and what never leaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_builders import Repository, repository
from conftest import TTL

from dnsplan.model.records import ds_from_rdata
from dnsplan.world.loopback import World

Make = Callable[..., Repository]


@pytest.fixture
def make(tmp_path: Path, world: World) -> Make:
    def build(**zones: str) -> Repository:
        names = {f"{name}.corp" if "_" not in name else name.replace("_", "."): more for name, more in zones.items()}
        return repository(tmp_path / "repo", world, names, ttl=TTL)

    return build


def bootstrapped(repo: Repository) -> Repository:
    ran = repo.run("apply", "--yes", "--wait", "40s")
    assert ran.code == 0, (ran.out, ran.err)
    return repo


def served(world: World, zone: str) -> set[str]:
    return {str(ds_from_rdata(rdata)) for rdata in world.rdata_served(zone, "DS")}


def test_a_plan_of_a_zone_at_rest_is_no_change_and_apply_does_nothing(make: Make) -> None:
    repo = bootstrapped(make(a=""))

    plan = repo.run("plan", "--detailed-exitcode")
    again = repo.run("apply", "--yes", "--detailed-exitcode", "--format", "json")

    assert (plan.code, again.code) == (0, 0)
    assert plan.out.startswith("No changes.")
    assert again.json["zones"][0]["steps"] == []


def test_a_ttl_that_the_policy_states_anew_is_set_at_the_signer_and_confirmed(make: Make, world: World) -> None:
    repo = bootstrapped(make(e=""))
    policy = (repo.folder / "policies/seconds.yaml").read_text()
    repo.write("policies/seconds.yaml", policy.replace(f"dnskey: {{ttl: {TTL}s}}", f"dnskey: {{ttl: {TTL - 1}s}}"))
    repo.commit("policy")

    plan = repo.run("plan")
    applied = repo.run("apply", "--yes", "--wait", "40s")
    after = repo.run("plan", "--detailed-exitcode")

    words = f"lower the TTL of the DNSKEY RRset from {TTL}s to {TTL - 1}s, and that of negative answers with it"
    assert words in plan.out
    assert (applied.code, after.code) == (0, 0), (applied.out, applied.err, after.out)
    assert after.out.startswith("No changes.")


def test_a_saved_plan_is_carried_out_once_and_stale_after_the_policy_changed(make: Make) -> None:
    repo = bootstrapped(make(b=""))
    assert repo.run("roll", "b.corp", "--token", "one").code == 0
    repo.commit("roll")
    saved = repo.run("plan", "-o", str(repo.folder.parent / "plan.json"), "--detailed-exitcode")
    shown = repo.run("show", str(repo.folder.parent / "plan.json"))
    repo.write("policies/seconds.yaml", (repo.folder / "policies/seconds.yaml").read_text().replace("1s, p", "2s, p"))
    repo.commit("policy")

    stale = repo.run("apply", str(repo.folder.parent / "plan.json"))
    repo.run("plan", "-o", str(repo.folder.parent / "plan2.json"))
    fresh = repo.run("apply", str(repo.folder.parent / "plan2.json"), "--wait", "40s")
    again = repo.run("apply", str(repo.folder.parent / "plan2.json"))

    assert saved.code == 2
    assert shown.out == saved.out
    assert (stale.code, fresh.code, again.code) == (6, 0, 0)
    assert "stale" in stale.out
    assert "carried out already" in again.out


def test_a_changed_plan_file_is_refused(make: Make) -> None:
    repo = make(c="")
    path = repo.folder.parent / "plan.json"
    repo.run("plan", "-o", str(path))
    path.write_text(path.read_text().replace("c.corp", "a.corp"))

    assert repo.run("apply", str(path)).code == 5
    assert repo.run("show", str(path)).code == 1
    path.write_text(path.read_text()[:100])
    assert repo.run("show", str(path)).code == 1


def test_foreign_ds_are_kept_and_a_deleted_zone_file_changes_nothing(make: Make, world: World) -> None:
    repo = bootstrapped(make(d="", e=""))
    before = served(world, "d.corp")
    (repo.folder / "zones/d.corp.yaml").unlink()
    repo.commit("stop managing d")

    plan = repo.run("plan", "--detailed-exitcode")
    applied = repo.run("apply", "--yes")

    assert (plan.code, applied.code) == (0, 0)
    assert "unmanaged: d.corp" in plan.out
    assert served(world, "d.corp") == before


def test_a_person_acts_and_confirm_alone_advances_nothing(make: Make, world: World) -> None:
    repo = make(hand_is="parent: desk\n")

    paused = repo.run("apply", "--yes", "--wait", "40s", "--detailed-exitcode")
    book = repo.run("runbook", "hand.is")
    confirmed = repo.run("confirm", "hand.is", "--evidence", "ticket 7", "--by", "clerk")
    still = repo.run("apply", "--yes", "--detailed-exitcode")
    wanted = json.loads(repo.run("plan", "--format", "json").out)["zones"][0]["desired"]["ds"]
    world.clerk_set_ds("hand.is", wanted)
    on = repo.run("apply", "--yes", "--wait", "40s", "--detailed-exitcode")

    assert (paused.code, book.code, confirmed.code, still.code, on.code) == (4, 0, 0, 4, 0)
    assert wanted[0] in book.out
    assert "Add" in book.out
    assert repo.run("runbook", "hand.is").err.strip().startswith("hand.is: no manual step")


def test_one_zone_that_fails_stops_no_other(make: Make) -> None:
    repo = make(f="", g="")
    text = (repo.folder / "dsplan.yaml").read_text()
    broken = text.replace(
        "parents:\n", '  dead: {type: powerdns, url: "http://127.0.0.1:9", api_key: {env: TEST_API_KEY}}\nparents:\n'
    )
    repo.write("dsplan.yaml", broken)
    repo.write("zones/g.corp.yaml", "zone: g.corp\ndnssec: signed\nsigner: dead\n")
    repo.commit("a dead signer")

    ran = repo.run("apply", "--yes")

    assert ran.code == 8
    assert "g.corp  BLOCKED" in ran.out
    assert "done  signing.enable" in ran.out


def test_a_silent_server_waits_and_a_lagging_one_holds_the_rollover_back(make: Make, world: World) -> None:
    repo = make(h="")
    world.set_silent("127.0.53.32", True)
    try:
        silent = repo.run("plan", "--detailed-exitcode", "--format", "json")
    finally:
        world.set_silent("127.0.53.32", False)

    zone = silent.json["zones"][0]
    assert "127.0.53.32" in json.dumps(zone["findings"])
    assert zone["headline"] in {"WAITING", "ACTIVE"}


def test_due_with_nothing_due_reads_no_zone_and_sends_no_packet(make: Make, world: World) -> None:
    repo = bootstrapped(make(i=""))
    repo.run("apply", "--yes")
    before = world.query_log_count()

    nothing = repo.run("apply", "--due", "--yes")
    repo.run("roll", "i.corp")
    repo.commit("roll")
    something = repo.run("status", "--due", "--detailed-exitcode")

    assert (nothing.code, nothing.out) == (0, "Nothing is due.\n")
    assert world.query_log_count() == before
    assert something.code == 2


def test_wrong_credentials_stop_a_rollover_that_goes_on_with_the_right_ones(make: Make, tmp_path: Path) -> None:
    repo = bootstrapped(make(j=""))
    for command in (["plan", "--format", "json"], ["status"], ["audit", "log", "--format", "json"], ["lock", "status"]):
        repo.run(*command)
    repo.run("roll", "j.corp")
    repo.commit("roll")
    log = str(tmp_path / "log.jsonl")
    wrong = repo.run("-v", "--log-json", log, "apply", "--yes", TEST_TSIG="c2VjcmV0LXdyb25n", TEST_API_KEY="wrong-key")
    right = repo.run("-v", "--log-json", log, "apply", "--yes", "--wait", "40s", DSPLAN_DEBUG="1")

    assert (wrong.code, right.code) == (1, 0), (wrong.out, wrong.err)
    assert "BLOCKED" in wrong.out


def test_what_is_not_merged_or_not_committed_is_not_carried_out(make: Make) -> None:
    repo = make(a="")
    repo.write("zones/a.corp.yaml", "zone: a.corp\ndnssec: insecure\n")

    dirty = repo.run("apply", "--yes")
    repo.git("checkout", "-q", "-b", "branch")
    repo.commit("not merged")
    unmerged = repo.run("apply", "--yes")

    assert (dirty.code, unmerged.code) == (5, 5)
    assert "differ from the commit" in dirty.err
    assert "not contained in the protected branch" in unmerged.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["frobnicate"], 64, "No such command"),
        (["plan", "--nonsense"], 64, "No such option"),
        (["plan", "--zone", "nope.corp"], 64, "no zone matches"),
        (["plan", "--zone"], 64, "needs a value"),
        (["plan", "--format", "xml"], 64, "no format"),
        (["plan", "--now", "yesterday"], 64, "--now"),
        (["plan", "--color", "blue"], 64, "--color"),
        (["apply", "--yes", "--allow", "max_ds_removal"], 64, "no guard"),
        (["apply", "--yes", "--allow", "silent_server:ns1.corp"], 64, "no guard"),
        (["apply"], 64, "no terminal"),
        (["apply", "--yes", "--wait", "soon"], 64, "--wait"),
        (["show", "missing.json"], 1, "cannot be read"),
        (["schema", "nothing"], 64, "no schema"),
        (["runbook", "nope.corp"], 64, "no zone"),
        (["audit", "show", "nothing"], 64, "no record"),
        (["audit", "verify"], 1, ""),
        (["plan", "--observations", "missing.jsonl"], 1, "cannot be read"),
        (["plan", "--changed-since", "nope"], 1, "no commit"),
        (["confirm", "a.corp"], 64, "Missing option"),
    ],
)
def test_a_wrong_call_gets_its_code_and_a_clear_message(make: Make, arguments: list[str], code: int, said: str) -> None:
    repo = make(a="")

    ran = repo.run(*arguments)

    assert (ran.code, said in ran.err) == (code, True), (ran.code, ran.err)
    assert "Traceback" not in ran.err
    assert "internal error" not in ran.err


def test_the_folder_and_format_stand_before_or_after_the_command(make: Make) -> None:
    repo = make(a="")
    elsewhere = Repository(repo.folder / "zones", repo.environment)

    before = repo.run("--format", "json", "validate")
    after = repo.run("validate", "--format", "json")

    assert before.out == after.out
    assert json.loads(after.out) == {"faults": []}
    missing = elsewhere.run("validate")
    assert missing.code == 1
    assert "there is no dsplan.yaml" in missing.err


def test_stored_observations_are_judged_without_a_packet(make: Make, world: World, tmp_path: Path) -> None:
    repo = make(a="")
    stored = tmp_path / "seen.jsonl"
    assert repo.run("observe", "-o", str(stored)).code == 0
    before = world.query_log_count()

    ran = repo.run("plan", "--observations", str(stored), "--now", "2030-01-01T00:00:00Z", "--format", "json")

    assert ran.code == 0, ran.err
    assert ran.json["created"] == "2030-01-01T00:00:00Z"
    assert world.query_log_count() == before
