"""What a job takes of the budget while it is planned, checked, hashed, summarized and streamed.

A request holds one claim, so the cost of several steps is the largest of each resource.
"""

from __future__ import annotations

from collections.abc import Mapping

from stepzero_rnn.diagnostics.cost import DiagnosticsCost, cost
from stepzero_rnn.diagnostics.options import DiagnosticsOptions
from stepzero_rnn.formats.segments import Segment, TensorData, Transposed
from stepzero_rnn.pipeline.job import Job
from stepzero_rnn.pipeline.result_cache import measured_bytes
from stepzero_rnn.spec.network_spec import NetworkSpec
from stepzero_rnn.thresholds import MAX_CHUNK_BYTES, MIN_CHUNK_BYTES, PLANNED_AT_ONCE_CELLS

Cost = Mapping[str, int]  # of each resource, how much
HOST, SLOTS, WORK, PLANS = "host_bytes", "slots", "multiply_adds", "plans"
MAX_PLANS = 1  # of deep networks at once, and one more that is small: they are Python's, as the event loop is
IDENTIFYING_BYTES = 256 << 20
CHUNKS = 3  # of a stream: one on its way, one in hand, one made ahead
# Of a tensor, measured and rounded up: its plan, its place in four files, its line in a
# description; and planning all that.
PLANNED_BYTES, PLANNED_MULTIPLY_ADDS = 8 << 10, 1_000_000
_TENSORS = 5  # of a layer's direction, at most


def cost_of_plan(spec: NetworkSpec) -> Cost:
    """Return what it takes to plan a deep network; the plans of others are next to nothing."""
    tensors = spec.cells * _TENSORS
    work = tensors * PLANNED_MULTIPLY_ADDS
    return {HOST: tensors * PLANNED_BYTES, SLOTS: 1, WORK: work, PLANS: 1}


def cost_of_identifying() -> Cost:
    """Return what it takes to identify arrays: some blocks, and a decomposition of one."""
    return {HOST: IDENTIFYING_BYTES, SLOTS: 1}


def cost_of_file(job: Job, device: str) -> Cost:
    """Return what it takes to check a job and to begin its stream."""
    return _largest(_cost_of_check(job, device), cost_of_stream(job))


def cost_of_hash(job: Job, device: str) -> Cost:
    """Return what it takes to check a job, and to draw its whole file for a hash."""
    return _largest(_cost_of_check(job, device), cost_of_stream(job, MAX_CHUNK_BYTES))


def cost_of_summary(job: Job, device: str) -> Cost:
    """Return what it takes to check and measure a job, and to write the results as JSON."""
    check = _cost_of_check(job, device)
    found = measured_bytes(job.plan, job.forward_size)  # the JSON takes less than that
    return {**check, HOST: check[HOST] + 2 * found}


def cost_of_diagnostics(job: Job, options: DiagnosticsOptions, device: str) -> Cost:
    """Return what it takes to diagnose a start."""
    return cost_of_measuring(cost(job.plan, options), job, device)


def cost_of_measuring(planned: DiagnosticsCost, job: Job, device: str) -> Cost:
    """Return what it takes to diagnose starts one after another.

    Args:
        job: one of them; their networks are equal.
    """
    there = {} if device == "cpu" else {device: planned.working_bytes}
    host_bytes = planned.working_bytes + _plan_bytes(job)
    return {HOST: host_bytes, SLOTS: 1, WORK: planned.multiply_adds, **there}


def cost_of_stream(job: Job, chunk_bytes: int = MIN_CHUNK_BYTES) -> Cost:
    """Return what it takes to stream a file: some chunks, a matrix that can only be drawn or
    transposed whole, and a summary inside.
    """
    whole = max(map(_whole_bytes, job.segments), default=0)
    is_bundle = job.format.name == "bundle"
    inside = 2 * measured_bytes(job.plan, job.forward_size) if is_bundle else 0
    return {HOST: CHUNKS * chunk_bytes + whole + inside + _plan_bytes(job)}


def _whole_bytes(segment: Segment) -> int:
    """Return the memory for what a segment needs as a whole: the gates that it transposes, and a
    block of an expensive tensor.
    """
    if not isinstance(segment, TensorData | Transposed):
        return 0
    tensor = segment.tensor
    block = tensor.scratch_bytes + tensor.size_bytes // len(tensor.blocks)
    gates = segment.size if isinstance(segment, Transposed) else 0
    return gates + (block if tensor.is_expensive else 0)


def cost_of_drawing(job: Job) -> Cost:
    """Return what it takes to draw a matrix, or a whole checkpoint: a slot, for so much work."""
    return {SLOTS: 1, WORK: job.plan.multiply_adds(job.forward_size)}


def _cost_of_check(job: Job, device: str) -> Cost:
    """Return what it takes to check a job: a layer in memory, on the host and on the device that
    runs it, and a slot.
    """
    working = job.plan.working_bytes(job.forward_size)
    there = {} if device == "cpu" else {device: working}
    return {HOST: working + _plan_bytes(job), **cost_of_drawing(job), **there}


def _largest(one: Cost, other: Cost) -> Cost:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}


def _plan_bytes(job: Job) -> int:
    """Return what the plan itself takes, where that is worth counting."""
    deep = job.spec.cells > PLANNED_AT_ONCE_CELLS
    return len(job.plan.tensors) * PLANNED_BYTES if deep else 0
