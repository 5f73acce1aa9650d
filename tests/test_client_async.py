"""The asynchronous client, where it differs: in an event loop, and when it is cancelled."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

from stepzero_rnn import RecipeWarning
from stepzero_rnn.client import AsyncClient, Client
from tests.own_loop import run
from tests.scripted import FILE, GRU, HALF, TOKEN, Visit, document, ranged, serving, whole

METHODS = [
    "plan",
    "with_arrays",
    "summary",
    "diagnose",
    "report",
    "compare",
    "recommend",
    "identify",
    "download",
    "initializers",
    "devices",
    "close",
]
Work = Callable[[], Awaitable[Any]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gru.pt"


@pytest.mark.parametrize("name", [*METHODS, "__init__"])
def test_both_clients_take_the_same_arguments(name: str) -> None:
    blocking, awaited = (inspect.signature(getattr(kind, name)) for kind in (Client, AsyncClient))

    assert blocking == awaited


def test_both_clients_have_the_same_methods() -> None:
    for kind in (Client, AsyncClient):
        assert sorted(METHODS) == sorted(name for name in dir(kind) if not name.startswith("_"))


async def cancel_task(work: Work) -> None:
    """Cancel as asyncio's own tasks are cancelled, by Ctrl-C as well."""
    task = asyncio.ensure_future(work())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def time_out(work: Work) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await work()


async def leave_scope(work: Work) -> None:
    with anyio.move_on_after(0.2) as scope:
        await work()
    assert scope.cancelled_caught


every_end = pytest.mark.parametrize("end", [cancel_task, time_out, leave_scope])


class TestACancelledDownload:
    @every_end
    def test_keeps_what_came_for_the_next_one(
        self, path: Path, end: Callable[[Work], Awaitable[None]]
    ) -> None:
        def stall(visit: Visit) -> None:
            ranged(sent=HALF)(visit)
            visit.wfile.flush()
            visit.rfile.read(1)  # until the client leaves

        async def both() -> None:
            async with AsyncClient(server.url, retries=0) as client:
                await end(lambda: client.download(GRU, path))
                assert path.with_name("gru.pt.part").read_bytes() == FILE[:HALF]
                await client.download(GRU, path)

        with serving(stall, ranged()) as server:
            run(both)

        assert server.visits[1][1]["Range"] == f"bytes={HALF}-"
        assert path.read_bytes() == FILE
        assert list(path.parent.iterdir()) == [path]

    @every_end
    def test_waits_for_a_thread_that_holds_its_file(
        self, tmp_path: Path, end: Callable[[Work], Awaitable[None]]
    ) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        came: list[bytes] = []

        async def read_later() -> None:
            await anyio.sleep(0.5)
            came.append(await anyio.to_thread.run_sync(pipe.read_bytes))

        async def both() -> None:
            async with AsyncClient(server.url) as client, anyio.create_task_group() as group:
                group.start_soon(read_later)
                await end(lambda: client.download(GRU, pipe))

        with serving(whole()) as server:
            run(both)

        assert came == [FILE]


class TestAnEventLoop:
    def test_goes_on_while_a_pipe_has_no_reader(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)

        came: list[bytes] = []

        async def both() -> None:
            async with AsyncClient(server.url) as client, anyio.create_task_group() as group:
                group.start_soon(client.download, GRU, pipe)
                await anyio.sleep(0.2)
                came.append(await anyio.to_thread.run_sync(pipe.read_bytes))

        with serving(whole()) as server:
            run(both)

        assert came == [FILE]

    def test_asks_for_many_things_at_once(self, server_url: str, tmp_path: Path) -> None:
        specs = [GRU | {"seed": seed} for seed in range(8)]

        async def all_of_them() -> list[Path]:
            async with AsyncClient(server_url) as client:
                return await asyncio.gather(
                    *(client.download(spec, tmp_path / f"{spec['seed']}.pt") for spec in specs)
                )

        sizes = [file.stat().st_size for file in run(all_of_them)]

        assert sizes == [len(FILE)] * 8

    def test_may_hold_a_blocking_client(self) -> None:
        async def within() -> dict[str, Any]:
            with Client(server.url) as client:
                return client.devices()

        with serving(document({"here": 1})) as server:
            assert run(within) == {"here": 1}


CAUTION = {"pointer": "/layout", "detail": "taken as of something"}
warned = document({"recipe": TOKEN, "warnings": [CAUTION]})


class TestAWarningOfTheServer:
    """It names the line that called."""

    def test_from_the_blocking_client(self) -> None:
        with (
            serving(warned) as server,
            Client(server.url) as client,
            pytest.warns(RecipeWarning, match="^/layout: taken as of something$") as told,
        ):
            client.with_arrays(GRU, {"bias_ih_l0": np.zeros(60)})

        assert [warning.filename for warning in told] == [__file__]

    def test_from_the_asynchronous_client(self) -> None:
        async def send() -> None:
            async with AsyncClient(server.url) as client:
                await client.with_arrays(GRU, {"bias_ih_l0": np.zeros(60)})

        with (
            serving(warned) as server,
            pytest.warns(RecipeWarning, match="^/layout: taken as of something$") as told,
        ):
            run(send)

        assert [warning.filename for warning in told] == [__file__]
