"""The addresses of a checkpoint, below whatever path a proxy puts in front."""

from __future__ import annotations

from fastapi import Request

from stepzero_rnn.pipeline.job import Order


def recipe_url(request: Request, order: Order) -> str:
    """Give the address of what a recipe describes."""
    return f"{request.scope.get('root_path', '')}{order.path}"


def file_url(request: Request, order: Order) -> str:
    """Give the permalink of a file."""
    return f"{recipe_url(request, order)}/{order.file_name()}"


def summary_url(request: Request, order: Order) -> str:
    """Give the address of the statistics."""
    return f"{recipe_url(request, order)}/summary"
