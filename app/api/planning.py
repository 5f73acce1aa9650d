"""Plans for requests: at once where that takes less than going elsewhere, else beside the event loop and in a slot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fastapi import Request

from app.api.context import Context
from app.api.holding import held_meanwhile
from app.plan import FEW_CELLS
from app.service.costs import cost_of_plan
from app.service.order import Order, order
from app.spec.checkpoint import FormatName, Serving, Spec

T = TypeVar("T")


async def planned(request: Request, context: Context, spec: Spec, work: Callable[[], T]) -> T:
    """Do what plans a recipe.

    Raises:
        Busy, ClientDisconnect: there was no room for a deep network, or the client did not wait for it.
    """
    if spec.cells <= FEW_CELLS:
        return work()
    async with held_meanwhile(request, context, cost_of_plan(spec)):
        return await context.beside(work)


async def ordered(
    request: Request, context: Context, spec: Spec, name: FormatName, serving: Serving
) -> Order:
    """Plan a checkpoint as a file.  Raises as `planned` and `app.service.order.order`."""
    return await planned(request, context, spec, lambda: order(spec, name, serving, context.limits))
