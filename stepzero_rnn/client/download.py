"""Fetch one file, whole and proved or not at all: resumed where it broke off, renamed when it is
complete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import httpx

from stepzero_rnn.client.part import Expected, Part, opened_part
from stepzero_rnn.client.proof import WANTED
from stepzero_rnn.client.session import PassingFailure, Session

Progress = Callable[[int, int], None]


def download(  # noqa: PLR0913 - what is asked, and what becomes of it
    session: Session,
    expected: Expected,
    path: Path,
    *,
    silence_s: float,
    query: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    replace: bool = True,
) -> Path:
    """Save what `expected` names under `path`; `query` says how to make it, and changes no byte.

    Bytes that do not have the checksum that the server tells are thrown away and fetched again,
    as often as the session retries.
    """

    def ask(method: str, headers: Mapping[str, str]) -> AbstractContextManager[httpx.Response]:
        return session.ask(
            method, expected.address, query=query, headers=headers, silence_s=silence_s
        )

    def attempt(part: Part) -> None:
        if not part.is_whole:
            with ask("GET", part.request_headers()) as response:
                _receive(part, response, progress)
        if not part.is_whole:
            raise PassingFailure(part.error("ended early"))
        if not part.checksum:
            with ask("HEAD", WANTED) as response:
                part.learn_checksum(response.headers)
        part.prove()

    with opened_part(path) as file:
        part = Part(path, expected, file)
        try:
            session.patiently(lambda: attempt(part), reached=lambda: part.here_bytes)
        except BaseException as error:
            part.leave(error)
            raise
        part.finish(replace=replace)
    return path


def _receive(part: Part, response: httpx.Response, progress: Progress | None) -> None:
    part.begin(response)
    for chunk in response.iter_raw():
        part.append(chunk)
        if progress:
            progress(part.here_bytes, part.size_bytes)
