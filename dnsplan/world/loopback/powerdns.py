"""A subset of PowerDNS's HTTP API in front of the child zones of the loopback world.

Serves keys, metadata, RRsets and the calls that flush or rectify, with PowerDNS's paths, bodies and status codes.
Never returns a private key: unlike PowerDNS, there is none in the answer to a creation.
"""

from __future__ import annotations

import hmac
import json
import re
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import dns.dnssec
import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
from dns.dnssectypes import DSDigest

from dnsplan.world.loopback.zones import Zone, ZoneKey, make_key, with_state

PREFIX = "/api/v1/servers/localhost"
ALGORITHM_NAMES = (13, "13", "ecdsa256", "ecdsap256sha256", "ECDSAP256SHA256")
DIGESTS = (DSDigest.SHA256, DSDigest.SHA384)
MAX_BODY = 1 << 20

Zones = Mapping[dns.name.Name, Zone]


class Reply(NamedTuple):
    """A status and a JSON body; None is no body."""

    status: int
    body: object = None


class _FaultError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.reply = Reply(status, {"error": message})


class Request(NamedTuple):
    """A call of one zone's part of the API."""

    zone: Zone
    rest: tuple[str, ...]
    query: Mapping[str, list[str]]
    body: Any


class SignerApi:
    """The HTTP server, on a free port of one loopback address."""

    def __init__(self, address: str, zones: Zones, api_key: str) -> None:
        handler = type("Handler", (_Handler,), {"zones": zones, "api_key": api_key})
        self._server = ThreadingHTTPServer((address, 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://{address}:{self._server.server_port}"

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Close the socket and end the thread."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    zones: Zones
    api_key: str

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the standard library's name
        """Say nothing: the world is quiet."""

    def handle_call(self) -> None:
        try:
            reply = self._reply()
        except _FaultError as fault:
            reply = fault.reply
        body = b"" if reply.body is None else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_call  # noqa: N815  # the standard library's names

    def _reply(self) -> Reply:
        size = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(min(size, MAX_BODY))
        if not hmac.compare_digest(self.headers.get("X-API-Key", ""), self.api_key):
            return Reply(401, {"error": "Unauthorized"})
        parts = urlsplit(self.path)
        if not parts.path.startswith(PREFIX):
            return Reply(404, {"error": "Not Found"})
        path = tuple(part for part in unquote(parts.path[len(PREFIX) :]).split("/") if part)
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            return Reply(400, {"error": "Request body is not JSON"})
        return _route(self.command, path, Request(None, (), parse_qs(parts.query), body), self.zones)  # type: ignore[arg-type]  # the zone is set by `_route`


def _route(method: str, path: tuple[str, ...], request: Request, zones: Zones) -> Reply:
    match path:
        case ():
            return Reply(200, {"type": "Server", "id": "localhost", "daemon_type": "authoritative", "version": "4.7.3"})
        case ("cache", "flush"):
            return Reply(200, {"count": 0, "result": "Flushed cache."})
        case ("zones",):
            return Reply(200, [_summary(zone) for zone in zones.values()])
        case ("zones", zone_id, *rest):
            bound = request._replace(zone=_zone(zone_id, zones), rest=tuple(rest))
            call = CALLS.get((method, rest[0] if rest else ""))
            return call(bound) if call else Reply(405, {"error": "Method Not Allowed"})
        case _:
            return Reply(404, {"error": "Not Found"})


def _zone(zone_id: str, zones: Zones) -> Zone:
    decoded = re.sub(r"=([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), zone_id)
    try:
        return zones[dns.name.from_text(decoded)]
    except (KeyError, dns.exception.DNSException):
        raise _FaultError(404, f"Could not find domain '{zone_id}'") from None


def _summary(zone: Zone) -> dict[str, object]:
    name = zone.origin.to_text()
    dnssec = bool(zone.newest.keys)
    return {"id": name, "name": name, "kind": "Native", "dnssec": dnssec, "soa_edit_api": "", "api_rectify": True}


def _show(request: Request) -> Reply:
    document = _summary(request.zone)
    if request.query.get("rrsets") == ["false"]:
        return Reply(200, document)
    wanted_name, wanted_type = request.query.get("rrset_name"), request.query.get("rrset_type")
    document["rrsets"] = [
        {
            "name": name.to_text(),
            "type": rdtype.name,
            "ttl": rdataset.ttl,
            "records": [{"content": rdata.to_text(), "disabled": False} for rdata in rdataset],
        }
        for name, rdatasets in request.zone.plain.items()
        for rdtype, rdataset in rdatasets.items()
        if (not wanted_name or wanted_name == [name.to_text()]) and (not wanted_type or wanted_type == [rdtype.name])
    ]
    return Reply(200, document)


def _patch(request: Request) -> Reply:
    try:
        changes = [_parsed_rrset(change) for change in request.body["rrsets"]]
    except (KeyError, TypeError, ValueError, dns.exception.DNSException) as error:
        raise _FaultError(422, f"RRset cannot be parsed: {type(error).__name__}") from None
    for name, rdtype, rdataset in changes:
        request.zone.put(name, rdtype, rdataset)
    return Reply(204)


def _parsed_rrset(
    change: Mapping[str, Any],
) -> tuple[dns.name.Name, dns.rdatatype.RdataType, dns.rdataset.Rdataset | None]:
    name, rdtype = dns.name.from_text(change["name"]), dns.rdatatype.from_text(change["type"])
    if change["changetype"] == "DELETE" or not change["records"]:
        return name, rdtype, None
    rdatas = [dns.rdata.from_text("IN", rdtype, record["content"]) for record in change["records"]]
    return name, rdtype, dns.rdataset.from_rdata_list(int(change["ttl"]), rdatas)


def _metadata(request: Request) -> Reply:
    kept = request.zone.metadata
    if len(request.rest) == 1:
        return Reply(200, [_kind(kind, values) for kind, values in kept.items()])
    return Reply(200, _kind(request.rest[1], kept.get(request.rest[1], ())))


def _kind(kind: str, values: tuple[str, ...]) -> dict[str, object]:
    return {"type": "Metadata", "kind": kind, "metadata": list(values)}


def _put_metadata(request: Request) -> Reply:
    values = request.body.get("metadata") if isinstance(request.body, dict) else None
    if len(request.rest) != 2 or not isinstance(values, list):
        raise _FaultError(422, "metadata is missing")
    with request.zone.lock:
        request.zone.metadata[request.rest[1]] = tuple(map(str, values))
        request.zone.change_keys(lambda keys: keys)
    return Reply(200, _kind(request.rest[1], request.zone.metadata[request.rest[1]]))


def _delete_metadata(request: Request) -> Reply:
    with request.zone.lock:
        request.zone.metadata.pop(request.rest[-1], None)
        request.zone.change_keys(lambda keys: keys)
    return Reply(204)


def _keys(request: Request) -> Reply:
    keys = request.zone.newest.keys
    if len(request.rest) == 1:
        return Reply(200, [_described(request.zone, key, keys) for key in keys])
    return Reply(200, _described(request.zone, _key(request), keys))


def _described(zone: Zone, key: ZoneKey, keys: tuple[ZoneKey, ...]) -> dict[str, object]:
    partnered = {other.sep for other in keys} == {True, False}
    described: dict[str, object] = {
        "type": "Cryptokey",
        "id": key.number,
        "keytype": ("ksk" if key.sep else "zsk") if partnered else "csk",
        "active": key.active,
        "published": key.published,
        "flags": int(key.dnskey.flags),
        "algorithm": "ECDSAP256SHA256",
        "bits": 256,
        "dnskey": key.dnskey.to_text(chunksize=0),
    }
    if key.sep:
        described["ds"] = [dns.dnssec.make_ds(zone.origin, key.dnskey, digest).to_text() for digest in DIGESTS]
    return described


def _key(request: Request) -> ZoneKey:
    wanted = request.rest[1] if len(request.rest) == 2 else ""
    for key in request.zone.newest.keys:
        if str(key.number) == wanted:
            return key
    raise _FaultError(404, "Could not find key")


def _create_key(request: Request) -> Reply:
    body = request.body if isinstance(request.body, dict) else {}
    if body.get("keytype") not in {"ksk", "zsk", "csk"} or body.get("algorithm", 13) not in ALGORITHM_NAMES:
        raise _FaultError(422, "keytype or algorithm is not supported here")
    with request.zone.lock:
        number = max((key.number for key in request.zone.newest.keys), default=0) + 1
        created = make_key(
            number,
            sep=body["keytype"] != "zsk",
            published=bool(body.get("published", True)),
            active=bool(body.get("active", False)),
        )
        keys = request.zone.change_keys(lambda held: (*held, created))
    return Reply(201, _described(request.zone, created, keys))


def _put_key(request: Request) -> Reply:
    changed = _key(request)
    if not isinstance(request.body, dict) or not isinstance(request.body.get("active"), bool):
        raise _FaultError(422, "active is missing")
    active, published = request.body["active"], bool(request.body.get("published", True))
    request.zone.change_keys(
        lambda keys: tuple(
            with_state(key, published=published, active=active) if key.number == changed.number else key for key in keys
        )
    )
    return Reply(204)


def _delete_key(request: Request) -> Reply:
    gone = _key(request)
    request.zone.change_keys(lambda keys: tuple(key for key in keys if key.number != gone.number))
    return Reply(204)


def _done(request: Request) -> Reply:  # noqa: ARG001  # online signing has nothing to rectify
    return Reply(200, {"result": "Rectified"})


CALLS: Mapping[tuple[str, str], Callable[[Request], Reply]] = {
    ("GET", ""): _show,
    ("PATCH", ""): _patch,
    ("GET", "metadata"): _metadata,
    ("PUT", "metadata"): _put_metadata,
    ("DELETE", "metadata"): _delete_metadata,
    ("GET", "cryptokeys"): _keys,
    ("POST", "cryptokeys"): _create_key,
    ("PUT", "cryptokeys"): _put_key,
    ("DELETE", "cryptokeys"): _delete_key,
    ("PUT", "rectify"): _done,
    ("PUT", "notify"): _done,
}
