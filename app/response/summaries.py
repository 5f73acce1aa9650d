"""Answers a request for a summary: checked, measured and written beside the event loop, then sent
piece by piece.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial

from fastapi import Request, Response

from app.context import Context
from app.response.delivery import Delivery
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.pipeline.costs import cost_of_summary
from stepzero_rnn.pipeline.job import Job
from stepzero_rnn.summary import compact, json_chunks

_JSON = {"Content-Type": "application/json"}


async def send_summary(request: Request, context: Context, job: Job, layer: int | None) -> Response:
    """Answer with the summary of a job and the details of a layer.

    Until it is sent, its text counts against the budget.
    """
    await context.wait_until_ready()
    delivery = Delivery(request, context, job)
    delivery.record()
    if request.method == "HEAD":
        return await unmeasured(context, job)
    claim = await delivery.admitted(cost_of_summary(job, delivery.device))

    def write(stop: Stop) -> deque[bytes]:
        return deque(json_chunks(compact(context.factory.summary(job, stop), layer)))

    chunks = await delivery.run("check", write)
    size_bytes = sum(map(len, chunks))
    headers = {**_JSON, "Content-Length": str(size_bytes)}
    return delivery.chunked(claim, size_bytes, lambda *_: _emptied(chunks), headers)


async def unmeasured(context: Context, job: Job, headers: Mapping[str, str] = _JSON) -> Response:
    """Answer a HEAD without drawing, so without the length that only the figures would tell."""
    if job.spec.arrays:
        await context.beside(partial(context.factory.require, job.spec))
    answer = Response(headers=headers)
    del answer.headers["Content-Length"]
    return answer


def _emptied(chunks: deque[bytes]) -> Iterator[bytes]:
    """Return chunks, and let go of each."""
    while chunks:
        yield chunks.popleft()
