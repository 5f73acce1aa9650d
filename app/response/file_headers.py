"""Headers of a file, from its plan and its check; and what a request's own headers ask for."""

from __future__ import annotations

import base64
import re

from fastapi import Request

from app.response.links import file_url, summary_url
from stepzero_rnn.engine.check.check import Checked
from stepzero_rnn.pipeline.job import Job, tied_to
from stepzero_rnn.spec.checkpoint import Spec

FOREVER = "public, max-age=31536000, immutable, no-transform"
WHILE_TAGGED = (
    "public, no-cache, no-transform"  # a script's numbers: those of its library's version
)
_WANTS_SHA256 = re.compile(r"\bsha-256\s*=\s*[1-9]")


def caching_headers(spec: Spec) -> dict[str, str]:
    """Return how long a permalink's response may be cached."""
    return {"Cache-Control": WHILE_TAGGED if tied_to(spec) else FOREVER}


def file_headers(request: Request, job: Job, sha256: str | None) -> dict[str, str]:
    """Return what is known of a file from its plan, and its hash if that is known."""
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
    if tied := job.tied_to:
        headers["Stepzero-Tied-To"] = tied
    if sha256:
        headers["Repr-Digest"] = f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"
    return headers


def check_headers(checked: Checked) -> dict[str, str]:
    """Return the main results of the check; the summary has all of them."""
    forward = checked.forward
    std = forward.output_std
    return {
        "Stepzero-Device": checked.devices.forward,
        "Stepzero-Draw-Device": checked.devices.draw,
        "Stepzero-Output-Shape": "x".join(map(str, forward.output_shape)),
        "Stepzero-Output-Finite": str(forward.finite).lower(),
        "Stepzero-Output-Std": f"{std:.6g}" if std is not None else "nan",
    }


def crc32_headers(crc32: int | None) -> dict[str, str]:
    """Return the CRC-32 of a whole file, if it is known."""
    return {} if crc32 is None else {"Stepzero-Crc32": f"{crc32:08x}"}


def matches_tag(if_none_match: str | None, etag: str) -> bool:
    """Whether an If-None-Match header names an entity tag."""
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag in tags


def wants_sha256(want_repr_digest: str | None) -> bool:
    """Whether a Want-Repr-Digest header asks for the sha256."""
    return want_repr_digest is not None and bool(_WANTS_SHA256.search(want_repr_digest))
