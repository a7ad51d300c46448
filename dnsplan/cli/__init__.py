"""The command line: arguments to one command, its result to an exit code, every failure to one clear message."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from types import FrameType

from dnsplan.errors import DsplanError, ExitCode


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; the console script `dsplan`."""
    given = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGTERM, _terminated)
    if not _prepare_streams():
        return ExitCode.ERROR
    failure: OSError | None = None
    try:
        code = _dispatch(given)
    except OSError as error:
        code, failure = ExitCode.ERROR, error
    unwritten = _flush()
    if isinstance(unwritten, BrokenPipeError):  # whoever read this has seen enough
        return ExitCode.ERROR
    if unwritten is not None:
        return _say(f"stdout cannot be written: {unwritten.strerror}", "", ExitCode.ERROR)
    if failure is not None and failure.filename:
        return _say(f"{failure.filename}: {failure.strerror}", "see whether it is there and allowed", ExitCode.ERROR)
    if failure is not None:
        return _say(f"{failure.strerror or failure}", "stdout, stderr or a file cannot be written", ExitCode.ERROR)
    return code


def _dispatch(given: list[str]) -> int:
    try:
        if given and given[0] == "version":  # nothing to load: scripts ask for it often
            from dnsplan.cli.version import print_version

            return print_version(given[1:])
        from dnsplan.cli.app import run_app

        return run_app(given)
    except DsplanError as error:
        return _say(str(error), error.hint, error.exit_code)
    except KeyboardInterrupt:
        return _say("interrupted; what was done is recorded", "run the command again to go on", ExitCode.INTERRUPTED)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else ExitCode.ERROR
    except OSError:
        raise
    except Exception as error:
        if os.environ.get("DSPLAN_DEBUG"):
            raise
        return _say(
            f"internal error: {type(error).__name__} at {_place(error)}",
            "this is a fault of dsplan; DSPLAN_DEBUG=1 shows all of it. Nothing was advanced that is not recorded",
            ExitCode.INTERNAL,
        )


def _place(error: BaseException) -> str:
    """Return where an error was raised; its message stays out, for it may hold anything."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else "no place"


def _say(message: str, hint: str, code: int) -> int:
    from dnsplan.views.escape import escaped

    with suppress(OSError):
        sys.stderr.write(f"error: {escaped(message, lines=True)}\n")
        if hint:
            sys.stderr.write(f"hint: {escaped(hint, lines=True)}\n")
    return int(code)


def _prepare_streams() -> bool:
    """Let no character that the terminal lacks end a command; tell whether there is a stdout at all."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # for the rest of the process
    if sys.stdout is None:
        _say("stdout is closed", "give it somewhere to go", ExitCode.ERROR)
        return False
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return True


def _flush() -> OSError | None:
    """Write what is left; if that cannot be, let the interpreter's own flush at exit go nowhere."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return error
    return None


def _terminated(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise SystemExit(int(ExitCode.TERMINATED))
