"""The addresses of a checkpoint, below whatever path a proxy puts in front."""

from __future__ import annotations

from fastapi import Request

from stepzero_rnn.pipeline.job import Job


def recipe_url(request: Request, job: Job) -> str:
    """Return the address of what a recipe describes."""
    return f"{request.scope.get('root_path', '')}{job.path}"


def file_url(request: Request, job: Job) -> str:
    """Return the permalink of a file."""
    return f"{recipe_url(request, job)}/{job.file_name()}"


def summary_url(request: Request, job: Job) -> str:
    """Return the address of the statistics."""
    return f"{recipe_url(request, job)}/summary"
