"""The few kinds of failure that end a command; each knows its exit code and what to do next.

A condition of the DNS is never an exception: it is a finding, a wait or a block. Exceptions are for broken input,
broken adapters and broken storage.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the command line, a stable contract."""

    OK = 0
    ERROR = 1
    CHANGES = 2
    WAITING = 3
    MANUAL = 4
    REFUSED = 5
    STALE = 6
    LOCKED = 7
    PARTIAL = 8
    UNOBSERVED = 9
    USAGE = 64
    INTERNAL = 70
    INTERRUPTED = 130
    TERMINATED = 143


class DsplanError(Exception):
    """What is wrong and why (the message), and what to do about it (`hint`)."""

    exit_code: ExitCode = ExitCode.ERROR

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(DsplanError):
    """Files of the portfolio, a plan file or a setting cannot be used."""


class SecretError(ConfigError):
    """A secret that a command needs cannot be had; the message names the reference, never a value."""


class AdapterError(DsplanError):
    """A signer, a parent or the forge did not do what was asked.

    `retryable`: the same call may succeed later. `unknown`: it may have taken effect all the same (time-out after
    sending), so that only observation can tell.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        retryable: bool = False,
        unknown: bool = False,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable
        self.unknown = unknown
        self.retry_after = retry_after


class RefusedError(DsplanError):
    """A guard, a policy or a missing authorisation forbids it."""

    exit_code = ExitCode.REFUSED


class UnmergedError(RefusedError):
    """A proposal changes an entry, and until it is merged nobody is contacted because of it."""


class LockedError(DsplanError):
    """Another apply holds the ledger's lock."""

    exit_code = ExitCode.LOCKED


class LedgerError(DsplanError):
    """The audit branch cannot be read, written or trusted."""


class LedgerUnreachableError(LedgerError):
    """The ledger's remote does not answer, so that the history is unknown."""

    exit_code = ExitCode.UNOBSERVED


class ObservationError(DsplanError):
    """Too little of the DNS could be seen to say anything."""

    exit_code = ExitCode.UNOBSERVED


class UsageError(DsplanError):
    """The command line asks for something that does not exist."""

    exit_code = ExitCode.USAGE
