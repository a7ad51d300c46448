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
    """Return the secret behind a reference; SecretError names the reference, never a value."""
    if secret.env is not None:
        value = os.environ.get(secret.env)
        if value is None:
            raise SecretError(f"the environment variable {secret.env} is not set", hint="set it, and try again")
        return SecretText(value)
    if secret.file is not None:
        return _from_file(root / secret.file, secret.file)
    return _from_command(secret.command or (), root)


def _from_file(path: Path, shown: str) -> SecretText:
    try:
        return SecretText(path.read_text(encoding="utf-8").rstrip("\r\n"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise SecretError(f"the secret file {shown} cannot be read: {why}") from None


def _from_command(command: tuple[str, ...], root: Path) -> SecretText:
    name = command[0] if command else "(empty)"
    try:
        ran = subprocess.run(  # noqa: S603  # the portfolio's owner wrote it; no shell is involved
            command, cwd=root, capture_output=True, timeout=TIMEOUT, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, ValueError, subprocess.TimeoutExpired, IndexError):
        raise SecretError(f"the secret command {name} could not be run within {TIMEOUT} s") from None
    if ran.returncode != 0:
        raise SecretError(f"the secret command {name} failed with status {ran.returncode}", hint="run it by hand")
    try:
        return SecretText(ran.stdout.decode("utf-8").rstrip("\r\n"))
    except UnicodeDecodeError:
        raise SecretError(f"the secret command {name} wrote what is not text") from None
