"""Browsers with the studio open: python tests/bench/studios.py URL BROWSERS REQUESTS_PER_S SECONDS

Each browser asks for the plan of a new small network and for its figures in turn, at a fixed rate
whatever the answers take, on at most six connections from an address of its own.  Prints the
answers as JSON, and ends by itself.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import urlsplit

CONNECTIONS = 6  # of a browser to one server
ANSWER_S = 60  # for an answer, before it counts as none
GROUPS = ("signal,spectra", "echo,gradient")  # as the studio asks for them
CELLS = ("rnn", "gru", "lstm")


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Reply(NamedTuple):
    """An answer: its status, its headers in lower case, its body."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Told:
    """What was asked, and what came."""

    answers: Counter[str] = field(default_factory=Counter)
    waits: dict[str, list[float]] = field(default_factory=lambda: {"plan": [], "figures": []})


class Browser:
    """A browser on an address of its own."""

    def __init__(self, url: str, number: int, told: Told) -> None:
        where = urlsplit(url)
        self._host, self._port = where.hostname, where.port
        self._address = f"127.0.1.{number + 1}"
        self._number = number
        self._told = told
        self._free: list[Connection] = []
        self._used = 0
        self._link: str | None = None

    async def work(self, per_s: float, end_s: float) -> None:
        """Send requests at this rate until a time, and wait for the answers."""
        await asyncio.sleep(self._number / per_s % (1 / per_s))
        async with asyncio.TaskGroup() as group:
            for turn in count():
                began_s = time.perf_counter()
                if began_s >= end_s:
                    return
                if self._used < CONNECTIONS:
                    self._used += 1
                    group.create_task(self._ask(turn))
                else:
                    self._told.answers["not sent: six are under way"] += 1
                await asyncio.sleep(began_s + 1 / per_s - time.perf_counter())

    def _ask(self, turn: int) -> Coroutine[Any, Any, object]:
        link, self._link = self._link, None
        if link is None:
            return self._plan(turn)
        path = f"{link}/diagnostics?level=quick&figures={GROUPS[turn // 2 % len(GROUPS)]}"
        return self._request("figures", f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    async def _plan(self, turn: int) -> None:
        spec = {"rnn_type": CELLS[turn // 2 % 3], "input_size": 8, "hidden_size": 16 + turn % 48}
        body = json.dumps(spec | {"seed": turn << 8 | self._number}).encode()
        head = "POST /v1/plan HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        reply = await self._request(
            "plan", f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        )
        if reply and reply.status == 200:
            self._link = json.loads(reply.body)["links"]["self"]

    async def _request(self, kind: str, request: bytes) -> Reply | None:
        began_s = time.perf_counter()
        reply = None
        try:
            async with asyncio.timeout(ANSWER_S):
                reply = await self._exchange(request)
        except (OSError, EOFError, TimeoutError) as error:
            self._told.answers[f"{kind} {type(error).__name__}"] += 1
        finally:
            self._used -= 1
        if reply:
            retry = " with Retry-After" if "retry-after" in reply.headers else ""
            self._told.answers[f"{kind} {reply.status}{retry}"] += 1
            self._told.waits[kind].append(time.perf_counter() - began_s)
        return reply

    async def _exchange(self, request: bytes) -> Reply:
        reader, writer = await self._connection()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = head.rstrip().split("\r\n")
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            writer.close()
        else:
            self._free.append((reader, writer))
        return Reply(int(status.split()[1]), headers, body)

    async def _connection(self) -> Connection:
        while self._free:
            reader, writer = self._free.pop()
            if not reader.at_eof():  # the server closes those that have been idle for seconds
                return reader, writer
        return await asyncio.open_connection(self._host, self._port, local_addr=(self._address, 0))


async def main() -> None:
    """Run all browsers for so long."""
    url, browsers = sys.argv[1], int(sys.argv[2])
    per_s, seconds = float(sys.argv[3]), float(sys.argv[4])
    told, end_s = Told(), time.perf_counter() + seconds
    each = (Browser(url, number, told) for number in range(browsers))
    await asyncio.gather(*(browser.work(per_s, end_s) for browser in each))
    print(json.dumps({"answers": told.answers, "waits": told.waits}))


asyncio.run(main())
