"""The calls of PowerDNS's HTTP API that concern one zone, as typed functions.

Drops the private key that a created key's answer holds, and never lets the body of an answer about keys into a message.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dnsplan.errors import AdapterError
from dnsplan.model.portfolio import ZoneName
from dnsplan.model.records import SEP, Dnskey, parse_dnskey
from dnsplan.signers.http import JsonApi, Method, Reply

RSA_BITS = {5: 2048, 7: 2048, 8: 2048, 10: 2048}
CDS_METADATA = ("PUBLISH-CDS", "PUBLISH-CDNSKEY")
CDS_TTL = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Cryptokey:
    """A key as PowerDNS lists it."""

    number: int
    key: Dnskey
    published: bool
    active: bool

    @property
    def sep(self) -> bool:
        """Tell whether it has the SEP flag."""
        return bool(self.key.flags & SEP)


@dataclass(frozen=True, kw_only=True, slots=True)
class ZoneFacts:
    """What decides how a change of a zone reaches its servers."""

    kind: str
    presigned: bool
    serial_follows_api: bool
    automatic_cds: tuple[str, ...]
    """Kinds of metadata by which PowerDNS chooses CDS or CDNSKEY itself."""
    nsec3param: str
    """Algorithm, flags (1 for opt-out), iterations and salt; empty where the zone uses NSEC."""
    nsec3narrow: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ZoneApi:
    """One zone on one server, until `deadline` (monotonic clock)."""

    api: JsonApi
    zone: ZoneName
    deadline: float

    def facts(self) -> ZoneFacts:
        """Return the zone's kind and settings; AdapterError when the server does not have it."""
        document = self._json(self._call("GET", "?rrsets=false"))
        metadata = self._json(self._call("GET", "/metadata"))
        try:
            kinds = {item["kind"] for item in metadata if item["metadata"]}
            return ZoneFacts(
                kind=document["kind"],
                presigned="PRESIGNED" in kinds,
                serial_follows_api=bool(document.get("soa_edit_api")),
                automatic_cds=tuple(kind for kind in CDS_METADATA if kind in kinds),
                nsec3param=str(document.get("nsec3param") or ""),
                nsec3narrow=bool(document.get("nsec3narrow")),
            )
        except (KeyError, TypeError, AttributeError):
            raise self._nonsense() from None

    def cryptokeys(self) -> tuple[Cryptokey, ...]:
        """Return the zone's keys in the order of their creation."""
        listed = self._json(self._call("GET", "/cryptokeys"))
        if not isinstance(listed, list):
            raise self._nonsense()
        try:
            found = [
                Cryptokey(
                    number=int(item["id"]),
                    key=parse_dnskey(item["dnskey"]),
                    published=bool(item["published"]),
                    active=bool(item["active"]),
                )
                for item in listed
            ]
        except (KeyError, TypeError, ValueError):
            raise self._nonsense() from None
        return tuple(sorted(found, key=lambda key: key.number))

    def create_key(self, keytype: str, algorithm: int) -> Dnskey:
        """Create an unpublished, inactive key and return its public part."""
        body: dict[str, object] = {"keytype": keytype, "active": False, "published": False, "algorithm": algorithm}
        if algorithm in RSA_BITS:
            body["bits"] = RSA_BITS[algorithm]
        created = self._json(self._call("POST", "/cryptokeys", body))
        try:
            return parse_dnskey(created["dnskey"])
        except (KeyError, TypeError, ValueError):
            raise self._nonsense() from None

    def set_key(self, key: Cryptokey, *, published: bool, active: bool) -> None:
        """Set both properties of a key: an omitted `published` would mean true."""
        self._call("PUT", f"/cryptokeys/{key.number}", {"active": active, "published": published})

    def delete_key(self, key: Cryptokey) -> None:
        """Delete a key; one that is gone already is fine."""
        self._call("DELETE", f"/cryptokeys/{key.number}", gone_is_fine=True)

    def apex_records(self, rrtype: str) -> tuple[str, ...]:
        """Return the contents of an RRset at the apex, of the database, not of what the server adds."""
        return self.records(self.zone, rrtype)

    def records(self, name: str, rrtype: str) -> tuple[str, ...]:
        """Return the contents of an RRset of the zone, of the database."""
        return tuple(content for _, content in self._timed_records(name, rrtype))

    def soa(self) -> tuple[int, list[str]]:
        """Return the SOA's TTL and its fields; the last is the TTL of negative answers and of the DNSKEY RRset."""
        found = self._timed_records(self.zone, "SOA")
        if len(found) != 1 or len(found[0][1].split()) != 7:
            raise self._nonsense()
        return found[0][0], found[0][1].split()

    def write_soa(self, ttl: int, fields: Sequence[str], facts: ZoneFacts) -> None:
        """Replace the SOA; its serial increases, by PowerDNS itself where the zone's settings say so."""
        written = list(fields)
        if not facts.serial_follows_api:
            written[2] = str((int(written[2]) + 1) % 2**32)
        self._call("PATCH", "", {"rrsets": [self._rrset("SOA", [" ".join(written)], ttl)]})

    def _timed_records(self, name: str, rrtype: str) -> list[tuple[int, str]]:
        try:
            return [
                (int(rrset["ttl"]), record["content"])
                for rrset in self._rrsets(name, rrtype)
                for record in rrset["records"]
                if not record["disabled"]
            ]
        except (KeyError, TypeError, ValueError):
            raise self._nonsense() from None

    def apex_ttl(self, rrtype: str) -> int:
        """Return the TTL of an RRset at the apex, of the database; AdapterError where there is none."""
        try:
            return int(self._rrsets(self.zone, rrtype)[0]["ttl"])
        except (KeyError, TypeError, IndexError, ValueError):
            raise self._nonsense() from None

    def _rrsets(self, name: str, rrtype: str) -> list[Any]:
        document = self._json(self._call("GET", f"?rrset_name={_encoded(name)}&rrset_type={rrtype}"))
        try:
            return [rrset for rrset in document["rrsets"] if (rrset["type"], rrset["name"]) == (rrtype, f"{name}.")]
        except (KeyError, TypeError):
            raise self._nonsense() from None

    def setting(self, name: str) -> str:
        """Return a setting of the server; empty where it does not tell."""
        listed = self._json(self._checked("GET", "config", None, gone_is_fine=True))
        found = (item.get("value", "") for item in listed if isinstance(item, dict) and item.get("name") == name)
        return str(next(found, "")) if isinstance(listed, list) else ""

    def replace_apex(self, contents: dict[str, Sequence[str]], ttl: int = CDS_TTL) -> None:
        """Replace RRsets at the apex by type, in one call; an empty one is deleted."""
        self._call("PATCH", "", {"rrsets": [self._rrset(rrtype, found, ttl) for rrtype, found in contents.items()]})

    def set_nsec3(self, parameters: str, *, narrow: bool) -> None:
        """Use NSEC3 with these parameters; the order of names is not in the database before `rectify`."""
        self._call("PUT", "", {"nsec3param": parameters, "nsec3narrow": narrow})

    def delete_metadata(self, kind: str) -> None:
        """Delete a kind of metadata; one that is gone already is fine."""
        self._call("DELETE", f"/metadata/{kind}", gone_is_fine=True)

    def rectify(self) -> None:
        """Let the database hold the order of names that denial of existence needs."""
        self._call("PUT", "/rectify")

    def increase_serial(self, facts: ZoneFacts) -> None:
        """Increase the SOA serial, which a change of keys does not do by itself; a busy database is asked again."""
        for pause in (0.1, 0.3, None):
            try:
                self._increase_serial(facts)
            except AdapterError as error:
                if pause is None or not error.retryable:
                    raise
                time.sleep(pause)
            else:
                return

    def _increase_serial(self, facts: ZoneFacts) -> None:
        if facts.serial_follows_api:
            self._call("PATCH", "", {"rrsets": []})
            return
        self.write_soa(*self.soa(), facts)

    def notify(self) -> None:
        """Tell the zone's secondaries that it has changed."""
        self._call("PUT", "/notify")

    def flush_caches(self) -> None:
        """Drop what the server still holds in its packet and key caches."""
        self._checked("PUT", f"cache/flush?domain={self.zone}.", None, gone_is_fine=False)

    @property
    def _id(self) -> str:
        """Return the zone's id in paths, where PowerDNS encodes other characters as =XX."""
        return _encoded(self.zone)

    def _rrset(self, rrtype: str, contents: Sequence[str], ttl: int) -> dict[str, object]:
        rrset: dict[str, object] = {"name": f"{self.zone}.", "type": rrtype}
        if not contents:
            return rrset | {"changetype": "DELETE"}
        records = [{"content": content, "disabled": False} for content in contents]
        return rrset | {"changetype": "REPLACE", "ttl": ttl, "records": records}

    def _call(self, method: Method, tail: str, body: object = None, *, gone_is_fine: bool = False) -> Reply:
        return self._checked(method, f"zones/{self._id}{tail}", body, gone_is_fine=gone_is_fine)

    def _checked(self, method: Method, path: str, body: object, *, gone_is_fine: bool) -> Reply:
        reply = self.api.call(method, path, deadline=self.deadline, body=body)
        if 200 <= reply.status < 300 or (gone_is_fine and reply.status == 404):
            return reply
        secret_body = "cryptokeys" in path
        raise refusal(self.api.where, self.zone, method, reply, detail="" if secret_body else _error_of(reply))

    def _json(self, reply: Reply) -> Any:
        try:
            return reply.json()
        except ValueError:
            raise self._nonsense() from None

    def _nonsense(self) -> AdapterError:
        return AdapterError(
            f"{self.zone}: {self.api.where} gave an answer that is not PowerDNS's",
            hint=f"check `url` and `server` of {self.api.where}",
        )


def _encoded(name: str) -> str:
    return "".join(char if char.isalnum() or char in ".-" else f"={ord(char):02X}" for char in f"{name}.")


def refusal(where: str, zone: ZoneName, method: Method, reply: Reply, *, detail: str) -> AdapterError:
    """Return the error of a status that is no success."""
    status = reply.status
    what = f"{zone}: {where} answered {status}" + (f": {detail}" if detail else "")
    match status:
        case 401 | 403:
            hint = f"check `api_key` of {where}, and `webserver-allow-from` of PowerDNS"
            return AdapterError(f"{zone}: {where} refused the API key ({status})", hint=hint)
        case 404:
            return AdapterError(what, hint=f"check that PowerDNS serves {zone}, and `url` and `server` of {where}")
        case 429:
            return AdapterError(what, retryable=True, retry_after=reply.retry_after)
        case _ if status >= 500:
            unknown = method != "GET"
            return AdapterError(
                what, hint="look into PowerDNS's log", retryable=True, unknown=unknown, retry_after=reply.retry_after
            )
        case _ if 300 <= status < 400:
            return AdapterError(what, hint=f"`url` of {where} must be the API itself: redirects are not followed")
        case _:
            return AdapterError(what, hint="PowerDNS does not take this change; its own tools may say more")


def _error_of(reply: Reply) -> str:
    try:
        document = reply.json()
    except ValueError:
        return ""
    text = document.get("error", "") if isinstance(document, dict) else ""
    return "".join(char if char.isprintable() else " " for char in str(text))[:200]
