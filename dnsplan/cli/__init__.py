"""The command line: arguments to one command, its result to an exit code, every failure to one clear message."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from dnsplan.errors import DsplanError, ExitCode


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; the console script `dsplan`."""
    given = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGTERM, _terminated)
    try:
        code = _dispatch(given)
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
        return ExitCode.ERROR
    except OSError as error:
        return _say(f"{error.strerror or error}", "stdout or a file cannot be written", ExitCode.ERROR)
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
            f"internal error: {type(error).__name__}: {str(error)[:300]}",
            "this is a fault of dsplan; DSPLAN_DEBUG=1 shows where. Nothing was advanced that is not recorded",
            ExitCode.INTERNAL,
        )


def _say(message: str, hint: str, code: int) -> int:
    from dnsplan.views.escape import escaped

    sys.stderr.write(f"error: {escaped(message, lines=True)}\n")
    if hint:
        sys.stderr.write(f"hint: {escaped(hint, lines=True)}\n")
    return int(code)


def _silence_stdout() -> None:
    """Let the interpreter's own flush at exit go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _terminated(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise SystemExit(int(ExitCode.TERMINATED))
