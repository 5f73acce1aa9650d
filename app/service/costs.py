"""What an order takes while it is checked, and while it is streamed."""

from __future__ import annotations

from app.service.budget import Cost
from app.service.order import Order

HOST, SLOTS = "host_bytes", "slots"
CHUNKS = 3  # of a stream: one on its way, one in hand, one made ahead


def cost_of_work(order: Order, device: str) -> Cost:
    """Give what it takes to check an order: a layer in memory, here and on the device that runs it, and a slot."""
    working = order.plan.working_bytes(order.serving.check)
    there = {} if device == "cpu" else {device: working}
    return {HOST: working, SLOTS: 1, **there}


def cost_of_stream(order: Order, chunk_bytes: int) -> Cost:
    """Give what it takes to stream a file: some chunks, and a matrix that can only be drawn whole."""
    dear = (tensor for tensor in order.plan.tensors if tensor.is_dear)
    whole = max((t.scratch_bytes + t.size_bytes // len(t.blocks) for t in dear), default=0)
    return {HOST: CHUNKS * chunk_bytes + whole}


def cost_of_both(work: Cost, stream: Cost) -> Cost:
    """Give what it takes to do one after the other."""
    return {name: max(work.get(name, 0), stream.get(name, 0)) for name in {**work, **stream}}
