"""References to secrets, resolved only when a way in is used; what they hold is never shown."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from dnsplan.errors import SecretError
from dnsplan.model.portfolio import Secret
from dnsplan.model.secret import SecretText

TIMEOUT = 30


def resolve(secret: Secret, root: Path) -> SecretText:
    """Return the secret behind a reference, without the line's end; SecretError names the reference, never a value."""
    if secret.env is not None:
        shown, value = f"the environment variable {secret.env}", _from_environment(secret.env)
    elif secret.file is not None:
        shown, value = f"the secret file {secret.file}", _from_file(root / secret.file, secret.file)
    else:
        command = secret.command or ()
        shown, value = f"the secret command {_shown(command)}", _from_command(command, root)
    value = value.rstrip("\r\n")
    if not value:  # CI systems set a secret that does not exist to nothing
        raise SecretError(f"{shown} is empty", hint="see that the secret exists where this runs")
    return SecretText(value)


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise SecretError(f"the environment variable {name} is not set", hint="set it, and try again")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise SecretError(f"the environment variable {name} holds what is not text") from None
    return value


def _from_file(path: Path, shown: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise SecretError(f"the secret file {shown} cannot be read: {why}") from None


def _shown(command: tuple[str, ...]) -> str:
    """Return the program's name; an argument may itself be a secret."""
    return command[0] if command else "(empty)"


def _from_command(command: tuple[str, ...], root: Path) -> str:
    name = _shown(command)
    try:
        ran = subprocess.run(  # noqa: S603  # the portfolio's owner wrote it; no shell is involved
            command, cwd=root, capture_output=True, timeout=TIMEOUT, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, ValueError, subprocess.TimeoutExpired, IndexError):
        raise SecretError(f"the secret command {name} could not be run within {TIMEOUT} s") from None
    if ran.returncode != 0:
        raise SecretError(f"the secret command {name} failed with status {ran.returncode}", hint="run it by hand")
    try:
        return ran.stdout.decode("utf-8")
    except UnicodeDecodeError:
        raise SecretError(f"the secret command {name} wrote what is not text") from None
