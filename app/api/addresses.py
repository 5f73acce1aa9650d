"""The address that a request came from, whatever a proxy wrote there."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.types import Scope

UNKNOWN = (
    "unknown"  # who has no address: all of them are one caller, and none of their words is kept
)


def address_of(scope: Scope) -> IPv4Address | IPv6Address | None:
    """Give the address without zone and port; None where there is none, or something else stands in its place."""
    client = scope.get("client")
    try:
        address = ip_address(client[0] if client else "")
    except ValueError:
        return None
    return IPv6Address(int(address)) if isinstance(address, IPv6Address) else address
