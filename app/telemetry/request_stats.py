"""Statistics of one request: collected while it runs, reported to metrics and log when it ends.

Independent of HTTP.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Literal

from stepzero_rnn.pipeline.assemble import Buffer
from stepzero_rnn.pipeline.job import Job

Outcome = Literal["served", "refused", "failed", "aborted", "cut"]
Stage = Literal["queue", "hash", "check", "draw", "stream"]
OUTCOMES: dict[Outcome, str] = {
    "served": "the response was sent",
    "refused": "a problem response was sent",
    "failed": "internal error",
    "aborted": "the client disconnected",
    "cut": "the server disconnected: the client read too slowly, or the server was shutting down",
}
STAGES: dict[Stage, str] = {
    "queue": "waiting for capacity",
    "hash": "drawing the whole file for a requested hash",
    "check": "drawing and running the network before the first byte",
    "draw": "producing the chunks of the file",
    "stream": "from the first byte to the last, limited by the client's reading speed",
}


@dataclass(slots=True)
class RequestStats:
    """One request's times, bytes and outcome; written by one thread at a time."""

    clock: Callable[[], float] = time.perf_counter
    began: float = field(init=False)
    seconds: dict[Stage, float] = field(default_factory=dict)
    first_byte_s: float | None = None
    promised_bytes: int | None = None
    sent_bytes: int = 0
    recipe: str | None = None
    device: str | None = None
    code: str | None = None
    ended: Outcome | None = None

    def __post_init__(self) -> None:
        self.began = self.clock()

    def stage(self, name: Stage) -> Timer:
        """Add the time spent in the block to a stage, even if the block raises."""
        return Timer(self, name)

    def take(self, job: Job, device: str) -> None:
        """Record the requested recipe and the device used for it."""
        self.recipe, self.device = job.digest.hex(), device

    def answer(self, promised_bytes: int | None) -> None:
        """Record that the response starts, and the length of its body if known."""
        self.first_byte_s = self.clock() - self.began
        self.promised_bytes = promised_bytes

    @property
    def owed_bytes(self) -> int:
        """Bytes announced and not sent yet."""
        return max((self.promised_bytes or 0) - self.sent_bytes, 0)

    def end(self, how: Literal["aborted", "cut"]) -> None:
        """Record that the client or the server disconnected; the first call wins."""
        self.ended = self.ended or how

    def close(self) -> float:
        """Return the total seconds; those after the first byte are the stage `stream`."""
        total_s = self.clock() - self.began
        if self.first_byte_s is not None and self.sent_bytes:
            self.seconds["stream"] = total_s - self.first_byte_s
        return total_s

    def outcome(self, *, failed: bool = False) -> Outcome:
        """Return how the request ended."""
        if self.ended:
            return self.ended
        if failed:
            return "failed"
        if self.first_byte_s is None or self.owed_bytes:
            return "aborted"
        return "refused" if self.code else "served"


class Timer:
    """Adds the time spent in a block to a stage of a request."""

    __slots__ = ("_began", "_name", "_stats")

    def __init__(self, stats: RequestStats, name: Stage) -> None:
        self._stats, self._name = stats, name

    def __enter__(self) -> None:
        self._began = self._stats.clock()

    def __exit__(self, *_: object) -> None:
        seconds = self._stats.seconds
        spent_s = self._stats.clock() - self._began
        seconds[self._name] = seconds.get(self._name, 0.0) + spent_s


def timed(chunks: Generator[Buffer], stats: RequestStats) -> Generator[Buffer]:
    """Yield chunks, and record the time spent producing them."""
    with closing(chunks):
        while True:
            with stats.stage("draw"):
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk
