"""What one request took: filled in as it runs, told to the metrics and the log when it ends.

Knows no HTTP.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Literal

from stepzero_rnn.pipeline.assemble import Buffer
from stepzero_rnn.pipeline.job import Job

Outcome = Literal["served", "refused", "failed", "aborted", "cut"]
Stage = Literal["queue", "hash", "check", "draw", "stream"]
OUTCOMES: dict[Outcome, str] = {
    "served": "the answer was sent",
    "refused": "a problem was sent instead",
    "failed": "a fault of the service",
    "aborted": "the client left",
    "cut": "the service left: the client read too slowly, or the service had to stop",
}
STAGES: dict[Stage, str] = {
    "queue": "waiting for room in the budget",
    "hash": "drawing all of a file for the hash that was asked for",
    "check": "drawing and running the network before the first byte",
    "draw": "making the chunks of the file",
    "stream": "from the first byte to the last, as fast as the client reads",
}


@dataclass(slots=True)
class RequestStats:
    """One request's times, bytes and end; written by one thread at a time."""

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

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        """Count the time until the end of the block as a stage's, also if the block fails."""
        began = self.clock()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + self.clock() - began

    def take(self, job: Job, device: str) -> None:
        """Note which recipe is asked for, and which device works on it."""
        self.recipe, self.device = job.digest.hex(), device

    def answer(self, promised_bytes: int | None) -> None:
        """Note that the first byte leaves, and how many bytes shall follow, where that is known."""
        self.first_byte_s = self.clock() - self.began
        self.promised_bytes = promised_bytes

    @property
    def owed_bytes(self) -> int:
        """What was promised and is not sent yet."""
        return max((self.promised_bytes or 0) - self.sent_bytes, 0)

    def end(self, how: Literal["aborted", "cut"]) -> None:
        """Note that the client left, or that the service left it; what was said first stands."""
        self.ended = self.ended or how

    def close(self) -> float:
        """Return the seconds that all of it took; what followed the first byte is the stream."""
        all_of_it = self.clock() - self.began
        if self.first_byte_s is not None and self.sent_bytes:
            self.seconds["stream"] = all_of_it - self.first_byte_s
        return all_of_it

    def outcome(self, *, failed: bool = False) -> Outcome:
        """Say how it ended."""
        if self.ended:
            return self.ended
        if failed:
            return "failed"
        if self.first_byte_s is None or self.owed_bytes:
            return "aborted"
        return "refused" if self.code else "served"


def timed(chunks: Generator[Buffer], stats: RequestStats) -> Generator[Buffer]:
    """Pass chunks on, and count the time that making them takes."""
    with closing(chunks):
        while True:
            with stats.stage("draw"):
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk
