"""Reads the caller, address and statistics of a request from its ASGI scope."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.requests import HTTPConnection
from starlette.types import Scope

from app.telemetry.request_stats import RequestStats

ABORT = "stepzero.abort"  # the extension that aborts the connection
UNKNOWN = "unknown"  # the caller's name for all clients without a valid address


def address_of(scope: Scope) -> IPv4Address | IPv6Address | None:
    """Return the client's address without zone and port, or None if it is not valid."""
    client = scope.get("client")
    try:
        address = ip_address(client[0] if client else "")
    except ValueError:
        return None
    return IPv6Address(int(address)) if isinstance(address, IPv6Address) else address


def caller_of(scope: Scope) -> str:
    """Identify the caller by the name of its key or by its address; for IPv6 by its /64 network."""
    if name := scope.get("state", {}).get("key_name"):
        return f"key {name}"
    address = address_of(scope)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return f"host {ip_network((int(address), 64), strict=False)}"
        address = address.ipv4_mapped
    return f"host {address or UNKNOWN}"


def stats_of(request: HTTPConnection) -> RequestStats:
    stats: RequestStats = request.state.stats
    return stats
