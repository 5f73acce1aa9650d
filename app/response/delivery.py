"""A request's way from its job to its response, from top to bottom.

The responses come first, then the steps they consist of: admitted, checked, hashed, streamed.  A
job that is done sooner than it is handed to a thread takes the same steps in the event loop,
without admission.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import TypeVar

from fastapi import Request, Response

from app.admission.budget import Claim
from app.admission.chunk_sizer import ChunkSizer, TransferCredit
from app.context import Context
from app.disconnects import run_watched, wait_watched
from app.middleware.resources import CLAIM, HELD
from app.middleware.throttle import reserve_bytes
from app.request.ranges import wanted_range
from app.response.file_headers import (
    caching_headers,
    check_headers,
    crc32_headers,
    file_headers,
    matches_tag,
    wants_sha256,
)
from app.response.streaming import ChunkResponse
from app.scope import caller_of, stats_of
from app.telemetry.request_stats import Stage, timed
from stepzero_rnn.engine.check.check import Checked
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.errors import DigestMismatch
from stepzero_rnn.pipeline.assemble import Buffer
from stepzero_rnn.pipeline.checksum import crc32_of_file
from stepzero_rnn.pipeline.costs import (
    CHUNKS,
    HOST,
    SLOTS,
    Cost,
    cost_of_drawing,
    cost_of_file,
    cost_of_hash,
    cost_of_stream,
)
from stepzero_rnn.pipeline.job import Job, etag_of
from stepzero_rnn.spec.checkpoint import FormatName, Spec

T = TypeVar("T")


async def unchanged(
    request: Request, context: Context, spec: Spec, format_name: FormatName
) -> Response | None:
    """Return a 304 if the client has the file; its entity tag is known without a plan.

    Raises:
        ArraysGone, StoreUnavailable: the bytes that the tag stands for can no longer be made.
    """
    if spec.arrays:
        await context.beside(partial(context.factory.require, spec))
    etag = etag_of(spec, format_name)
    if not matches_tag(request.headers.get("if-none-match"), etag):
        return None
    return Response(status_code=304, headers={"ETag": etag, **caching_headers(spec)})


class Delivery:
    """One job for one request."""

    def __init__(self, request: Request, context: Context, job: Job) -> None:
        self.request, self.context, self.job = request, context, job
        self.stats = stats_of(request)
        self._factory = context.factory

    @property
    def max_wait_s(self) -> float | None:
        """How long the request may wait for capacity; None for as long as all others."""
        return None

    @cached_property
    def device(self) -> str:
        """The device that works on the job.  Raises DeviceUnavailable."""
        return self._factory.device(self.job)

    @cached_property
    def is_inline(self) -> bool:
        """Whether the job is done sooner than it is handed to another thread."""
        return self.job.is_quick and self.device == "cpu"

    async def file(self) -> Response:
        """Answer a POST: check the network, then stream its whole file."""
        await self.context.wait_until_ready()
        self.record()
        reserve_bytes(self.request, self.job.size_bytes)
        learned = await self._checked()
        headers = self._file_headers() | learned
        headers["Vary"] = "Accept"
        return await self._streamed(range(self.job.size_bytes), headers)

    async def permalink(self, name: str) -> Response:
        """Answer a GET: the whole file, checked first, or a range of it.

        Args:
            name: the requested file name; a hash in it must be the file's.
        """
        self.record()
        job, asked = self.job, self.request.headers
        headers = caching_headers(job.spec)
        part = wanted_range(
            asked.get("range"), asked.get("if-range"), etag=job.etag, length=job.size_bytes
        )
        await self.context.wait_until_ready()
        wanted = range(job.size_bytes) if part is None else part
        reserve_bytes(self.request, len(wanted))
        if self._wants_sha256 or job.claimed_sha256(name):
            await self.hashed()
        self._require_claimed_hash(name)
        if len(wanted) == job.size_bytes:
            headers |= await self._checked()
        headers |= self._file_headers()
        if part is None:
            return await self._streamed(wanted, headers)
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{job.size_bytes}"
        return await self._streamed(wanted, headers, status=206)

    async def head(self, name: str) -> Response:
        """Answer a HEAD: the headers of `permalink` that are known without drawing."""
        self.record()
        headers = caching_headers(self.job.spec)
        if self._wants_sha256:
            await self.hashed()
        self._require_claimed_hash(name)
        return Response(headers=self._file_headers() | headers)

    def record(self) -> None:
        """Record in the request's statistics what is made, and where.  Raises DeviceUnavailable."""
        self.stats.take(self.job, self.device)

    async def admitted(self, cost: Cost) -> Claim:
        """Wait for what the request takes, and hold it until the request ends.

        A request holds one claim; if it already does, that one is returned.

        Raises:
            TooLarge: the cost exceeds the whole budget.
            Busy: there is not enough capacity at the moment.
            ClientDisconnect: the client did not wait.
        """
        scope, admission = self.request.scope, self.context.admission

        async def admit() -> Claim:
            claim = await admission.admit(cost, caller=caller_of(scope), max_wait_s=self.max_wait_s)
            scope[HELD].callback(admission.budget.give_back, claim)
            scope[CLAIM] = claim
            return claim

        held: Claim | None = scope.get(CLAIM)
        if held is not None:
            return held
        with self.stats.stage("queue"):
            return await wait_watched(self.request.receive, admit)

    async def run(self, stage: Stage, work: Callable[[Stop], T]) -> T:
        """Work on a thread, as a stage of the request; stop if the client disconnects."""
        stop = Stop()
        with self.stats.stage(stage):
            return await run_watched(
                self.request.receive, self.context.threads, stop, lambda: work(stop)
            )

    async def _checked(self) -> dict[str, str]:
        """Check the network; return the results as headers."""
        if self.is_inline:
            with self.stats.stage("check"):
                return check_headers(self._factory.check(self.job, Stop()))
        is_checked = self._factory.is_checked(self.job)
        await self.admitted(
            cost_of_stream(self.job) if is_checked else cost_of_file(self.job, self.device)
        )
        return await self.run("check", self._check)

    def _check(self, stop: Stop) -> dict[str, str]:
        return self.learned(self._factory.check(self.job, stop))

    def learned(self, checked: Checked) -> dict[str, str]:
        """Return the results of a check as headers."""
        return check_headers(checked) | crc32_headers(crc32_of_file(self.job, checked))

    async def hashed(self) -> str:
        """Return the sha256 of the whole file, which is drawn for it unless it is known."""
        known = self._factory.known_sha256(self.job)
        if known is not None:
            return known
        await self.admitted(cost_of_hash(self.job, self.device))
        return await self.run("hash", partial(self._factory.sha256, self.job))

    @property
    def _wants_sha256(self) -> bool:
        return wants_sha256(self.request.headers.get("want-repr-digest"))

    def _require_claimed_hash(self, name: str) -> None:
        """Refuse a file name that claims a hash which the file is known not to have."""
        claim, known = self.job.claimed_sha256(name), self._factory.known_sha256(self.job)
        if claim and known and not known.startswith(claim):
            raise DigestMismatch(given=claim, sha256=known)

    def _file_headers(self) -> dict[str, str]:
        return file_headers(self.request, self.job, self._factory.known_sha256(self.job))

    async def _streamed(
        self, part: range, headers: dict[str, str], *, status: int = 200
    ) -> Response:
        """Return the response that streams bytes of the file."""
        headers["Content-Length"] = str(len(part))
        if self.is_inline:
            return self._drawn(part, headers, status)
        claim = await self.admitted(cost_of_stream(self.job))

        def open_chunks(stop: Stop, sizer: ChunkSizer) -> Iterator[Buffer]:
            chunks = self._factory.stream(
                self.job,
                stop,
                first=part.start,
                last=part.stop,
                chunk_bytes=lambda: sizer.chunk_bytes,
            )
            return timed(chunks, self.stats)

        outside_bytes = cost_of_stream(self.job, 0)[HOST]
        return self.chunked(claim, outside_bytes, open_chunks, headers, status=status)

    def _drawn(self, part: range, headers: dict[str, str], status: int) -> Response:
        """Return the response that has the bytes already."""
        with self.stats.stage("draw"):
            chunks = self._factory.stream(self.job, Stop(), first=part.start, last=part.stop)
            body = b"".join(chunks)
        if status == 200:  # the CRC of so few bytes takes less than joining those of the tensors
            headers |= crc32_headers(zlib.crc32(body))
        return Response(body, status, headers)

    def chunked(
        self,
        claim: Claim,
        outside_bytes: int,
        open_chunks: Callable[[Stop, ChunkSizer], Iterator[Buffer]],
        headers: dict[str, str],
        *,
        status: int = 200,
    ) -> ChunkResponse:
        """Return the response that sends chunks at the client's pace.

        Args:
            claim: what the request holds; it shrinks to what the stream takes.
            outside_bytes: memory that the stream takes in addition to its chunks.
            open_chunks: returns the chunks, as large as the sizer says.
        """
        sizer = self._sizer(claim, outside_bytes)
        return ChunkResponse(
            lambda stop: open_chunks(stop, sizer),
            self.context.threads,
            Turn(self, claim, sizer),
            sizer,
            status_code=status,
            headers=headers,
        )

    def _sizer(self, claim: Claim, outside_bytes: int) -> ChunkSizer:
        budget, settings = self.context.admission.budget, self.context.settings

        def resize(chunk_bytes: int) -> bool:
            return budget.resize(claim, {HOST: outside_bytes + CHUNKS * chunk_bytes})

        return ChunkSizer(
            TransferCredit(settings.min_client_bytes_per_s, settings.client_grace_s), resize
        )


class Turn:
    """The slot that a stream holds while it makes a chunk that is expensive.

    Args:
        claim: what the request holds; a slot in it is used first.
        sizer: returns what the work before the stream took to the budget.
    """

    def __init__(self, delivery: Delivery, claim: Claim, sizer: ChunkSizer) -> None:
        self._admission, self._stats = delivery.context.admission, delivery.stats
        self._caller = caller_of(delivery.request.scope)
        self._cost = cost_of_drawing(delivery.job)
        self._claim, self._sizer = claim, sizer
        self._slot: Claim | None = None
        delivery.request.scope[HELD].callback(self.give_back)

    async def take(self, *, max_wait_s: float | None = None) -> None:
        """Wait for a slot, unless the request holds one.

        Raises:
            Busy: no slot became free in time.
        """
        if self._slot is None and not self._claim.cost.get(SLOTS):
            with self._stats.stage("queue"):
                self._slot = await self._admission.admit(
                    self._cost, caller=self._caller, is_under_way=True, max_wait_s=max_wait_s
                )

    def give_back(self) -> None:
        """Return the slot, and what only the work before the stream took."""
        if self._slot is not None:
            self._admission.budget.give_back(self._slot)
            self._slot = None
        elif self._claim.cost.get(SLOTS):
            self._sizer.resize(self._sizer.chunk_bytes)
