"""What several tests of the API share: a second server, in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.asking import Served, server_process


@pytest.fixture(scope="session")
def other_server() -> Iterator[Served]:
    """A server that shares nothing with `server_url` but the code."""
    with server_process() as served:
        yield served
