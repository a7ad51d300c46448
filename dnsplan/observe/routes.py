"""Which addresses are in sight from this machine: of a wanted family, with a route. No packet is sent to find out."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass

_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


@dataclass(frozen=True, slots=True)
class Servers:
    """Where a zone's servers are."""

    addresses: tuple[str, ...] = ()
    """Those in sight, sorted."""
    families_hidden: frozenset[int] = frozenset()
    """Families of addresses that are not in sight."""
    lost: tuple[tuple[str, str], ...] = ()
    """Names of servers without an address in sight, or whose addresses could not all be had, and why."""
    by_name: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Every name with those of its addresses that are in sight."""


class Routes:
    """One run's knowledge of routes."""

    def __init__(self, families: frozenset[int]) -> None:
        self._families = families
        self._known: dict[str, bool] = {}

    def in_sight(self, addresses: Iterable[str]) -> tuple[str, ...]:
        """Return those addresses that can be asked from here, sorted."""
        return tuple(sorted(address for address in set(addresses) if self._is_in_sight(address)))

    def hidden(self, addresses: Iterable[str]) -> frozenset[int]:
        """Return the families of those that cannot."""
        return frozenset(_family(address) for address in set(addresses) if not self._is_in_sight(address))

    def _is_in_sight(self, address: str) -> bool:
        if address not in self._known:
            self._known[address] = _family(address) in self._families and has_route(address)
        return self._known[address]


def is_address(text: str) -> bool:
    """Tell whether text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def has_route(address: str) -> bool:
    """Tell whether this machine has a route to an address; connecting a UDP socket only asks the kernel."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 53))
    except OSError as error:
        return error.errno not in _NO_ROUTE
    return True


def _family(address: str) -> int:
    return 6 if ":" in address else 4
