"""What several tests share: a real server on a real socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.main import create_app
from app.runtime.listening import listen
from app.runtime.server import server_of
from app.settings import Settings


def pytest_configure(config: pytest.Config) -> None:
    """Ignore warnings of recipes: tests draw whatever is allowed.

    Not in pyproject.toml: pytest would import the library there, before coverage is measured.
    """
    config.addinivalue_line("filterwarnings", "ignore::stepzero_rnn.RecipeWarning")


@contextmanager
def running(settings: Settings, http: Any = None) -> Iterator[str]:
    """Run the server that users get, in a thread and on a free port of the loopback; return its
    address once it is ready.

    Args:
        http: another protocol for its connections.
    """
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = server_of(settings, create_app(settings))
    server.config.http = http or server.config.http
    thread = threading.Thread(target=server.run, args=[[listener]], daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    while httpx.get(f"{url}/healthz/ready").status_code != 200:
        time.sleep(0.05)
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session", autouse=True)
def _own_arrays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the arrays of the library, the command line and servers of tests apart from this
    user's.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEPZERO_ARRAYS_FOLDER", str(tmp_path_factory.mktemp("own")))
        yield


@pytest.fixture(scope="session")
def arrays_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where that server keeps uploaded arrays."""
    return tmp_path_factory.mktemp("arrays")


@pytest.fixture(scope="session")
def server_url(arrays_folder: Path) -> Iterator[str]:
    """The address of a server with default settings, but for where it keeps arrays."""
    with running(Settings(arrays_folder=arrays_folder)) as url:
        yield url


@pytest.fixture(scope="session")
def client(server_url: str) -> Iterator[httpx.Client]:
    """An HTTP client of that server."""
    with httpx.Client(base_url=server_url, timeout=60) as client:
        yield client
