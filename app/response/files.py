"""Answers a request for a file: tag, range, check, headers and the stream itself."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Generator
from functools import partial

from fastapi import Request, Response

from app.context import Context
from app.disconnects import run_watched
from app.middleware.resources import Turn, acquire, chunk_sizer_of
from app.middleware.throttle import reserve_bytes
from app.request.ranges import wanted_range
from app.response.links import file_url, summary_url
from app.response.streaming import ChunkResponse
from app.scope import stats_of
from app.telemetry.request_stats import timed
from stepzero_rnn.engine.check.check import Checked
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.errors import DigestMismatch
from stepzero_rnn.pipeline.assemble import Buffer
from stepzero_rnn.pipeline.checksum import crc32_of_file
from stepzero_rnn.pipeline.costs import HOST, cost_of_stream
from stepzero_rnn.pipeline.job import Job, etag_of, tied_to
from stepzero_rnn.spec.checkpoint import FormatName, Spec

FOREVER = "public, max-age=31536000, immutable, no-transform"
WHILE_TAGGED = (
    "public, no-cache, no-transform"  # a script's numbers: those of its library's version
)


async def send_file(request: Request, context: Context, job: Job) -> Response:
    """Answer a POST: check the network, then stream all of its file."""
    await context.wait_until_ready()
    take(request, context, job)
    reserve_bytes(request, job.size_bytes)
    learned = await _check(request, context, job)
    headers = _headers(request, context, job) | learned | {"Vary": "Accept"}
    return await _stream(request, context, job, range(job.size_bytes), headers)


async def unchanged(
    request: Request, context: Context, spec: Spec, format_name: FormatName
) -> Response | None:
    """Return a 304 if the client has the file; what it is tagged with is known without a plan.

    Raises:
        ArraysGone, StoreUnavailable: a tag vouches for bytes that are still to be had.
    """
    if spec.arrays:
        await context.beside(partial(context.factory.require, spec))
    etag = etag_of(spec, format_name)
    if not _matches(request.headers.get("if-none-match"), etag):
        return None
    return Response(status_code=304, headers={"ETag": etag, **_caching(spec)})


def _caching(spec: Spec) -> dict[str, str]:
    return {"Cache-Control": WHILE_TAGGED if tied_to(spec) else FOREVER}


async def send_permalink(request: Request, context: Context, job: Job, name: str) -> Response:
    """Answer a GET or HEAD of a permalink: 206, 200 or a refusal, with no more work than it
    takes.
    """
    take(request, context, job)
    headers = _caching(job.spec)
    if request.method == "HEAD":
        if _wants_digest(request):
            await compute_sha256(request, context, job)
        _compare(context, job, name)
        return Response(headers=_headers(request, context, job) | headers)
    part = wanted_range(
        request.headers.get("range"),
        request.headers.get("if-range"),
        etag=job.etag,
        length=job.size_bytes,
    )
    await context.wait_until_ready()
    reserve_bytes(request, job.size_bytes if part is None else len(part))
    if _wants_digest(request) or job.claimed_sha256(name):
        await compute_sha256(request, context, job)
    _compare(context, job, name)
    if part is None or len(part) == job.size_bytes:
        headers |= await _check(request, context, job)
    headers |= _headers(request, context, job)
    if part is None:
        return await _stream(request, context, job, range(job.size_bytes), headers)
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{job.size_bytes}"
    return await _stream(request, context, job, part, headers)


def take(request: Request, context: Context, job: Job) -> None:
    """Note in the request's account what is made, and where.  Raises DeviceUnavailable."""
    stats_of(request).take(job, context.factory.device(job))


async def _stream(
    request: Request, context: Context, job: Job, part: range, headers: dict[str, str]
) -> Response:
    status = 206 if "Content-Range" in headers else 200
    headers |= {"Content-Length": str(len(part))}
    stats = stats_of(request)
    if context.factory.is_inline(job):
        chunks = context.factory.stream(job, Stop(), first=part.start, last=part.stop)
        body = b"".join(timed(chunks, stats))
        # Of so few bytes their CRC is had sooner than from those of the tensors.
        return Response(body, status, headers | _crc32(zlib.crc32(body) if status == 200 else None))
    claim = await acquire(request, context, context.factory.cost(job, checked=False))
    sizer = chunk_sizer_of(context, claim, cost_of_stream(job, 0)[HOST])
    turn = Turn(request, context, job, claim, sizer)

    def open_chunks(stop: Stop) -> Generator[Buffer]:
        chunks = context.factory.stream(
            job, stop, first=part.start, last=part.stop, chunk_bytes=lambda: sizer.chunk_bytes
        )
        return timed(chunks, stats)

    return ChunkResponse(
        open_chunks,
        context.threads,
        turn,
        sizer,
        status_code=status,
        headers=headers,
    )


async def _check(request: Request, context: Context, job: Job) -> dict[str, str]:
    """Check a network; give what that taught, as headers."""
    stop = Stop()

    def learn() -> dict[str, str]:
        checked = context.factory.check(job, stop)
        return _learned(checked) | _crc32(crc32_of_file(job, checked))

    if not context.factory.is_inline(job):
        await acquire(request, context, context.factory.cost(job))
    with stats_of(request).stage("check"):
        if context.factory.is_inline(job):
            return _learned(context.factory.check(job, stop))
        return await run_watched(request.receive, context.threads, stop, learn)


async def compute_sha256(request: Request, context: Context, job: Job) -> str:
    """Return the sha256 of a whole file, by a pass over it unless it is known."""
    known = context.factory.known_sha256(job)
    if known is not None:
        return known
    await acquire(request, context, context.factory.cost_of_a_pass(job))
    stop = Stop()
    with stats_of(request).stage("hash"):
        return await run_watched(
            request.receive, context.threads, stop, lambda: context.factory.sha256(job, stop)
        )


def _compare(context: Context, job: Job, name: str) -> None:
    """Refuse a file name that claims a hash which the file is known not to have."""
    claim, known = job.claimed_sha256(name), context.factory.known_sha256(job)
    if claim and known and not known.startswith(claim):
        raise DigestMismatch(given=claim, sha256=known)


def _headers(request: Request, context: Context, job: Job) -> dict[str, str]:
    """Return what is known of a file from its plan, and its hash where that was learned."""
    sha256 = context.factory.known_sha256(job)
    headers = {
        "Content-Type": job.format.media_type,
        "Content-Length": str(job.size_bytes),
        "Content-Disposition": f'attachment; filename="{job.file_name()}"',
        "Content-Location": file_url(request, job),
        "Link": f'<{summary_url(request, job)}>; rel="describedby"; type="application/json"',
        "ETag": job.etag,
        "Accept-Ranges": "bytes",
        "Stepzero-Recipe": job.recipe,
        "Stepzero-Parameters": str(job.plan.parameters),
    }
    if job.tied_to:
        headers["Stepzero-Tied-To"] = job.tied_to
    if sha256:
        headers["Repr-Digest"] = f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"
    return headers


def _learned(checked: Checked) -> dict[str, str]:
    """Return what the check taught, in short; the summary has it in full."""
    forward = checked.forward
    return {
        "Stepzero-Device": checked.devices.forward,
        "Stepzero-Draw-Device": checked.devices.draw,
        "Stepzero-Output-Shape": "x".join(map(str, forward.output_shape)),
        "Stepzero-Output-Finite": str(forward.finite).lower(),
        "Stepzero-Output-Std": f"{forward.output_std:.6g}"
        if forward.output_std is not None
        else "nan",
    }


def _crc32(crc32: int | None) -> dict[str, str]:
    return {} if crc32 is None else {"Stepzero-Crc32": f"{crc32:08x}"}


def _matches(if_none_match: str | None, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return "*" in tags or etag in tags


def _wants_digest(request: Request) -> bool:
    wanted = request.headers.get("want-repr-digest", "")
    return bool(re.search(r"\bsha-256\s*=\s*[1-9]", wanted))
