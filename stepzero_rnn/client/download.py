"""Fetch one file, whole and proved or not at all: resumed where it broke off, renamed when it is
complete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from stepzero_rnn.client.part import Expected, PartialFile, opened_part
from stepzero_rnn.client.proof import WANTED
from stepzero_rnn.client.session import PassingFailure, Session

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Download:
    """The file that `expected` names; `query` says how to make it, and changes no byte."""

    session: Session
    expected: Expected
    silence_s: float
    query: Mapping[str, str] | None = None
    progress: Progress | None = None

    async def save(self, path: Path, *, replace: bool = True) -> None:
        """Save it under `path`.

        Bytes that do not have the server's checksum are thrown away and fetched again, as often as
        the session retries.
        """
        with opened_part(path) as file:
            part = PartialFile(path, self.expected, file)
            try:
                await self.session.patiently(
                    partial(self._attempt, part), reached=lambda: part.here_bytes
                )
            except BaseException as error:
                part.leave(error)
                raise
            await self.session.wire.work(partial(part.finish, replace=replace))

    async def _attempt(self, part: PartialFile) -> None:
        if not part.is_whole:
            async with self._ask("GET", part.request_headers()) as response:
                await self._receive(part, response)
        if not part.is_whole:
            raise PassingFailure(part.error("ended early"))
        if not part.checksum:
            async with self._ask("HEAD", WANTED) as response:
                part.learn_checksum(response.headers)
        await self.session.wire.work(part.prove)

    async def _receive(self, part: PartialFile, response: httpx.Response) -> None:
        part.begin(response)
        async for chunk in self.session.wire.raw(response):
            part.append(chunk)
            if self.progress:
                self.progress(part.here_bytes, part.size_bytes)

    def _ask(
        self, method: str, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[httpx.Response]:
        return self.session.ask(
            method,
            self.expected.address,
            query=self.query,
            headers=headers,
            silence_s=self.silence_s,
        )
