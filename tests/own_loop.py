"""Await something in an event loop of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from anyio.from_thread import start_blocking_portal

Result = TypeVar("Result")


def run(function: Callable[..., Awaitable[Result]], *arguments: object) -> Result:
    """Call an asynchronous function in a thread of its own, and return what it returns.

    The main thread of a test process may hold an event loop already: Playwright's keeps running
    until the session ends.
    """
    with start_blocking_portal() as portal:
        return portal.call(function, *arguments)
