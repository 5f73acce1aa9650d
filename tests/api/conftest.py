"""What several tests of the API share: a second server, in a process of its own, and a browser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.api.asking import Served, server_process
from tests.api.browser import CHROMIUM, FLAGS, Watch


@pytest.fixture(scope="session")
def other_server() -> Iterator[Served]:
    """A server that shares nothing with `server_url` but the code."""
    with server_process() as served:
        yield served


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: Mapping[str, Any]) -> dict[str, Any]:
    """Start the Chromium of this machine, with every name but ours unknown."""
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": list(FLAGS)}


@pytest.fixture(scope="session")
def base_url(server_url: str) -> str:
    """The server whose pages are opened."""
    return server_url


@pytest.fixture
def watch(page: Any) -> Watch:
    """Watch the page's console, its faults and its requests."""
    seen = Watch()
    page.on("console", lambda message: seen.console.append(message.text))
    page.on("pageerror", lambda error: seen.console.append(str(error)))
    page.on("request", lambda request: seen.requests.append(request.url))
    return seen


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest, page: Any) -> str:
    """Both themes."""
    page.emulate_media(color_scheme=request.param)
    name: str = request.param
    return name
