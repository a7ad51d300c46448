"""Signers are made by type, and PowerDNS's refusals become errors that say what to do and hold no secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from dnsplan.errors import AdapterError, ConfigError, SecretError
from dnsplan.model.action import CreateKey, SetDs
from dnsplan.model.portfolio import Secret, Setting, WayIn
from dnsplan.model.secret import SecretText
from dnsplan.ports import Signer
from dnsplan.signers import Surroundings, connect_signer
from dnsplan.signers.http import Reply
from dnsplan.signers.powerdns_api import refusal as status_error

CREATE = CreateKey(role="ksk", algorithm=13, existing=frozenset())


def connect(kind: str, *, key: str = "the-api-key", **settings: Setting) -> Signer:
    surroundings = Surroundings(resolve=lambda _: SecretText(key), root=Path("/nonexistent"))
    return connect_signer(WayIn(name="pdns", type=kind, settings=settings), surroundings)


def powerdns(url: str, **settings: Setting) -> Signer:
    return connect("powerdns", url=url, api_key=Secret(env="KEY"), **settings)


@contextmanager
def replying(status: int, body: bytes = b"", **headers: str) -> Iterator[str]:
    """Yield the address of a server that gives the same answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815  # names of the library

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def refusal(url: str) -> AdapterError:
    with pytest.raises(AdapterError) as refused:
        powerdns(url).read("a.tld")
    assert "the-api-key" not in f"{refused.value} {refused.value.hint}"
    return refused.value


def test_an_unknown_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no adapter for type 'abacus'") as fault:
        connect("abacus")
    assert fault.value.hint == "available types: manual, powerdns"


def test_the_delay_of_signing_is_taken_from_the_settings() -> None:
    assert powerdns("http://127.0.0.1:1", resign="2d").capabilities("a.tld").resign == 172800
    assert connect("manual", resign=60).capabilities("a.tld").resign == 60


@pytest.mark.parametrize("url", ["ftp://h", "http://", "http://user:pw@h", "http://h?x=1", "http://h#x", "h:8081"])
def test_an_address_that_is_not_plain_is_a_fault_that_does_not_repeat_it(url: str) -> None:
    with pytest.raises(ConfigError, match="not a plain http or https address") as fault:
        powerdns(url)
    assert "pw" not in str(fault.value)


def test_a_missing_ca_file_is_a_fault() -> None:
    with pytest.raises(ConfigError, match=r"ca_file ca\.pem cannot be used"):
        powerdns("https://127.0.0.1:1", ca_file="ca.pem")


@pytest.mark.parametrize("key", ["", "  ", "a\nb", "schlüssel"])
def test_a_key_that_no_header_may_hold_is_a_fault_that_does_not_show_it(key: str) -> None:
    signer = connect("powerdns", key=key, url="http://127.0.0.1:1", api_key=Secret(env="KEY"))
    with pytest.raises(SecretError) as fault:
        signer.read("a.tld")
    assert not key.strip() or key not in str(fault.value)


def test_a_limit_of_requests_may_pass_and_says_when() -> None:
    with replying(429, Retry_After="7") as url:
        error = refusal(url)
    assert error.retryable
    assert error.retry_after == 7


def test_a_failure_while_reading_may_pass_and_changed_nothing() -> None:
    with replying(503) as url:
        error = refusal(url)
    assert error.retryable
    assert not error.unknown


def test_a_failure_while_writing_may_have_taken_effect() -> None:
    assert status_error("signers.pdns", "a.tld", "PUT", Reply(status=500), detail="").unknown
    assert not status_error("signers.pdns", "a.tld", "PUT", Reply(status=422), detail="").unknown


def test_a_redirect_is_not_followed() -> None:
    with replying(200, b"[]") as there, replying(302, Location=there) as url:
        assert "redirects are not followed" in refusal(url).hint


def test_an_answer_that_is_no_json_or_of_another_shape_is_named_as_such() -> None:
    for body in (b"<html>", b"{}", b'[{"id": "x"}]', b"[1]", b"null"):
        with replying(200, body) as url:
            assert "not PowerDNS's" in str(refusal(url))


def test_the_body_of_an_answer_about_keys_is_never_repeated() -> None:
    with replying(422, b'{"error": "Private-key: c2VjcmV0"}') as url:
        assert "c2VjcmV0" not in str(refusal(url))


def test_control_characters_of_an_error_do_not_reach_the_terminal() -> None:
    body = json.dumps({"error": "bad\x1b[31m zone\nnext" + "x" * 500}).encode()
    with replying(422, body) as url, pytest.raises(AdapterError) as refused:
        powerdns(url).perform("a.tld", CREATE)
    assert "bad [31m zone next" in str(refused.value)
    assert len(str(refused.value)) < 300


def test_a_signer_does_not_take_a_ds() -> None:
    with pytest.raises(AdapterError, match="does not hold the zone's DS"):
        powerdns("http://127.0.0.1:1").perform("a.tld", SetDs(ds=()))
