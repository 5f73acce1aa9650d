"""What the scope of a request says of it: who sent it, from where, and what it took so far."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.requests import HTTPConnection
from starlette.types import Scope

from app.telemetry.request_stats import RequestStats

ABORT = "stepzero.abort"  # in the scope's extensions: breaks the connection off
UNKNOWN = (
    "unknown"  # who has no address: all of them are one caller, and none of their words is kept
)


def address_of(scope: Scope) -> IPv4Address | IPv6Address | None:
    """Return the address without zone and port; None where there is none, or something else stands
    in its place.
    """
    client = scope.get("client")
    try:
        address = ip_address(client[0] if client else "")
    except ValueError:
        return None
    return IPv6Address(int(address)) if isinstance(address, IPv6Address) else address


def caller_of(scope: Scope) -> str:
    """Name who asks: by its key or, without one, by its address; of IPv6, by the network that one
    customer has.
    """
    if name := scope.get("state", {}).get("key_name"):
        return f"key {name}"
    address = address_of(scope)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return f"host {ip_network((int(address), 64), strict=False)}"
        address = address.ipv4_mapped
    return f"host {address or UNKNOWN}"


def stats_of(request: HTTPConnection) -> RequestStats:
    """Return the account of a request, for those who know more of it."""
    stats: RequestStats = request.state.stats
    return stats
