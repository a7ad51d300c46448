"""The edges of a terminal: colour, closed and full outputs, signals, questions, start-up time, completion."""

from __future__ import annotations

import os
import pty
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_builders import Repository, repository
from conftest import TTL
from offline import NOW, dsplan, environment, portfolio
from secret_search import printed

from dnsplan.world.loopback import World

PLAN = ("plan", "--observations", "../seen.jsonl", "--now", NOW)
COMMAND = [sys.executable, "-m", "dnsplan"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return portfolio(tmp_path / "p")


def on_a_terminal(arguments: list[str], folder: Path, *, typed: str = "", **changes: str) -> tuple[int, str]:
    """Run with a terminal as stdin, stdout and stderr; return exit code and what it showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**changes)
    )
    os.close(theirs)
    if typed:
        os.write(ours, typed.encode())
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    printed(shown)
    return process.wait(timeout=60), shown.decode("utf-8")


@pytest.mark.parametrize(
    ("arguments", "changes", "coloured"),
    [
        ((), {}, True),
        ((), {"NO_COLOR": "1"}, False),
        ((), {"TERM": "dumb"}, False),
        (("--color", "never"), {}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
    ],
)
def test_colour_on_a_terminal(
    folder: Path, arguments: tuple[str, ...], changes: dict[str, str], coloured: bool
) -> None:
    code, shown = on_a_terminal([*PLAN, *arguments], folder, **changes)

    assert code == 0
    assert ("\x1b[" in shown) == coloured
    assert "… wait" in shown


def test_without_a_terminal_there_is_colour_only_where_it_was_asked_for(folder: Path) -> None:
    plain = dsplan(folder, *PLAN)
    forced = dsplan(folder, "--color", "always", *PLAN, NO_COLOR="1")
    machine = dsplan(folder, "--color", "always", *PLAN, "--format", "json")

    assert "\x1b" not in plain.stdout
    assert "\x1b[36m… wait\x1b[0m" in forced.stdout
    assert "\x1b" not in machine.stdout


def test_a_terminal_without_unicode_gets_escapes_and_no_error(folder: Path) -> None:
    ran = dsplan(folder, *PLAN, PYTHONIOENCODING="ascii")

    assert ran.returncode == 0
    assert "\\u2026 wait" in ran.stdout


def run_with_stdout(folder: Path, stdout: int, *arguments: str) -> tuple[int, str]:
    ran = subprocess.run(
        [*COMMAND, *arguments], cwd=folder, stdout=stdout, stderr=subprocess.PIPE, check=False, env=environment()
    )
    return ran.returncode, ran.stderr.decode()


def test_a_reader_that_has_seen_enough_ends_a_command_with_1_and_no_word(folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert run_with_stdout(folder, writing, *PLAN) == (1, "")
        assert run_with_stdout(folder, writing, "schema", "zone") == (1, "")
    finally:
        os.close(writing)


@pytest.mark.parametrize("arguments", [PLAN, ("version",), ("schema", "zone"), ("--help",)])
def test_a_full_disk_is_an_error_and_no_traceback(folder: Path, arguments: tuple[str, ...]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        code, said = run_with_stdout(folder, full, *arguments)
    finally:
        os.close(full)

    assert code == 1
    assert said.startswith("error: ")
    assert "Traceback" not in said
    assert "Exception ignored" not in said


def test_a_closed_stdout_is_an_error_before_anything_is_done(folder: Path) -> None:
    script = f"{shlex.quote(sys.executable)} -m dnsplan version >&-"

    ran = subprocess.run(["sh", "-c", script], cwd=folder, capture_output=True, check=False, env=environment())

    assert ran.returncode == 1
    assert b"stdout is closed" in ran.stderr


def test_an_internal_fault_is_one_line_without_what_it_held(tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text(
        "import sys\nfrom dnsplan.cli import main, files\n"
        "import dnsplan.portfolio.load\n"
        "def load(*a, **k): raise KeyError('hunter2')\n"
        "import dnsplan.portfolio\ndnsplan.portfolio.load = load\n"
        "sys.exit(main(['validate']))\n"
    )

    ran = subprocess.run([sys.executable, str(script)], capture_output=True, check=False, env=environment())
    loud = subprocess.run(
        [sys.executable, str(script)], capture_output=True, check=False, env=environment(DSPLAN_DEBUG="1")
    )

    assert ran.returncode == 70
    assert ran.stderr.startswith(b"error: internal error: KeyError at broken.py:4\nhint: ")
    assert b"hunter2" not in ran.stderr
    assert b"hunter2" in loud.stderr


def test_start_up_is_quick(folder: Path) -> None:
    """200 ms for `version`, 300 ms for `--help`: of processor time, so that a busy machine does not matter."""
    for arguments, bound in ((("version",), 0.2), (("--help",), 0.3)):
        best = 9.0
        for _ in range(10):
            process = subprocess.Popen([*COMMAND, *arguments], cwd=folder, stdout=subprocess.DEVNULL, env=environment())
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            assert process.returncode == 0
            best = min(best, used.ru_utime + used.ru_stime)
            if best < bound:
                break
        print(f"\ndsplan {arguments[0]}: {best * 1000:.0f} ms")
        assert best < bound


def test_the_shell_completes_commands_and_options(folder: Path) -> None:
    program = str(Path(sys.executable).with_name("dsplan"))

    def complete(words: str, position: int) -> list[str]:
        ran = subprocess.run(
            [program], cwd=folder, capture_output=True, check=False, text=True,
            env=environment(_DSPLAN_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(position)),
        )  # fmt: skip
        return ran.stdout.split()

    assert complete("dsplan pl", 1) == ["plan"]
    assert complete("dsplan apply --lo", 2) == ["--lock-timeout"]
    assert "verify" in complete("dsplan audit ", 2)


@pytest.fixture
def live(tmp_path: Path, world: World) -> Repository:
    return repository(tmp_path / "repo", world, {"k.corp": "", "l.corp": "", "m.corp": ""}, ttl=TTL)


def test_apply_shows_the_plan_and_asks_before_it_acts(live: Repository, world: World) -> None:
    keys = live.environment
    no = on_a_terminal(["apply", "--zone", "k.corp"], live.folder, typed="n\n", **keys)
    before = live.run("audit", "log").out
    yes = on_a_terminal(["apply", "--zone", "k.corp"], live.folder, typed="y\n", **keys)

    assert no[0] == 5
    assert "create the new KSK" in no[1]
    assert "Carry out what is ready now?" in no[1]
    assert before == "No records yet.\n"
    assert yes[0] == 0, yes[1]
    assert "dnskey.create" in yes[1]
    assert "audit head: " in yes[1]


@pytest.mark.parametrize(("number", "code", "zone"), [(signal.SIGINT, 130, "l.corp"), (signal.SIGTERM, 143, "m.corp")])
def test_a_signal_during_the_wait_ends_it_with_a_report_and_a_free_lock(
    live: Repository, number: int, code: int, zone: str
) -> None:
    policy = (live.folder / "policies/seconds.yaml").read_text()
    live.write("policies/seconds.yaml", policy.replace("child_margin: 1s", "child_margin: 1h"))
    live.commit("slow")
    process = live.start("apply", "--yes", "--wait", "2h", "--zone", zone)
    for _ in range(60):  # until its first run is in the ledger and the lock is free again
        if "apply" in live.run("audit", "log").out and "free" in live.run("lock", "status").out:
            break
        time.sleep(0.1)
    time.sleep(3.0)  # the sweeps after the first step are over by now: it sleeps for an hour
    began = time.monotonic()

    process.send_signal(number)
    ran = live.finish(process)

    assert ran.code == code, (ran.out, ran.err)
    assert time.monotonic() - began < 10
    assert f"{zone}  WAITING" in ran.out
    assert "next: run `dsplan apply` again" in ran.err
    assert live.run("lock", "status").out == "The ledger is free.\n"
