"""JSON over HTTP to a system that holds keys: one bounded exchange at a time.

Never follows a redirect, never uses a proxy of the environment, never logs, never lets a response body into a message
unless its caller asks for it.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from dnsplan.errors import AdapterError, ConfigError
from dnsplan.model.settings import Settings
from dnsplan.model.time import Seconds

LARGEST_BODY = 16 * 1024 * 1024
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """A response: status, headers that matter, and the raw body, which may hold secrets and has no repr."""

    status: int
    retry_after: int | None = None
    body: bytes = field(default=b"", repr=False)

    def json(self) -> Any:
        """Return the decoded body; ValueError when it is no JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True, slots=True)
class JsonApi:
    """A base address and the headers that authenticate; `credentials` is asked at each use and its result not kept."""

    client: httpx.Client = field(repr=False)
    base: str
    where: str
    credentials: Callable[[], dict[str, str]] = field(repr=False)

    def call(self, method: Method, path: str, *, deadline: float, body: object = None) -> Reply:
        """Return the reply, whatever its status; `deadline` is of the monotonic clock.

        AdapterError when there is none: `unknown` unless it is certain that the request was not sent.
        """
        left = deadline - time.monotonic()
        if left <= 0:
            raise AdapterError(f"{self.where}: {self.base} took too long to answer", retryable=True)
        sent = method != "GET"
        try:
            return self._exchange(method, path, body, deadline)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise AdapterError(
                f"{self.where}: {self.base} cannot be reached: {_cause(error)}",
                hint=f"check that it runs, and `url` and `ca_file` of {self.where}",
                retryable=True,
            ) from None
        except httpx.HTTPError as error:
            raise AdapterError(
                f"{self.where}: no usable answer from {self.base} to {method}: {_cause(error)}",
                retryable=True,
                unknown=sent,
            ) from None

    def _exchange(self, method: Method, path: str, body: object, deadline: float) -> Reply:
        left = max(0.1, deadline - time.monotonic())
        with self.client.stream(
            method, f"{self.base}/{path}", headers=self.credentials(), json=body, timeout=left
        ) as response:
            chunks = bytearray()
            for chunk in response.iter_bytes():
                chunks += chunk
                if len(chunks) > LARGEST_BODY or time.monotonic() > deadline:
                    message = "the answer is too long or too slow"
                    raise httpx.ReadError(message)
            after = response.headers.get("retry-after", "")
            return Reply(
                status=response.status_code, retry_after=int(after) if after.isdigit() else None, body=bytes(chunks)
            )


def json_api(settings: Settings, path: str, root: Path, timeout: Seconds, api_key: Callable[[], str]) -> JsonApi:
    """Return the API at `url` plus `path`, authenticated by X-API-Key; ConfigError for a bad `url` or `ca_file`."""
    url = settings.text("url").rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ConfigError(f"{settings.where}: url is not a plain http or https address without user and query")
    client = httpx.Client(
        verify=_trust(settings, root), follow_redirects=False, trust_env=False, timeout=float(timeout)
    )
    return JsonApi(
        client=client,
        base=url + path,
        where=settings.where,
        credentials=lambda: {"X-API-Key": api_key(), "Accept": "application/json"},
    )


def _trust(settings: Settings, root: Path) -> ssl.SSLContext | bool:
    ca_file = settings.text("ca_file", "")
    if not ca_file:
        return True
    try:
        return ssl.create_default_context(cafile=str(root / ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{settings.where}: ca_file {ca_file} cannot be used: {error.strerror or error}") from None


def _cause(error: httpx.HTTPError) -> str:
    """Return the cause in words of our own libraries; the text of an HTTP error holds no header and no body."""
    return " ".join(str(error).split())[:200] or type(error).__name__
