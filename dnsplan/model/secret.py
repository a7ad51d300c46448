"""A secret in memory that cannot be printed, formatted, compared into a log or serialised by accident."""

from __future__ import annotations

from typing import NoReturn


class SecretText:
    """A resolved secret; only `reveal` gives it away, to the API it belongs to."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._value

    def __repr__(self) -> str:
        return "(secret)"

    def __reduce__(self) -> NoReturn:
        message = "a secret is never serialised"
        raise TypeError(message)
