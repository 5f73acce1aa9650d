"""Combines the results of the passes over a checkpoint into its summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stepzero_rnn.engine.check.check import Checked
from stepzero_rnn.engine.check.digests import TensorDigests
from stepzero_rnn.pipeline.totals import totals
from stepzero_rnn.plan import Plan, TensorPlan
from stepzero_rnn.spec.canonical import STREAM_VERSION, canonical, recipe_digest
from stepzero_rnn.spec.spec_warnings import spec_warnings
from stepzero_rnn.summary import Figures, GateSummary, Summary, TensorSummary, WeightSummary


def summarize(plan: Plan, checked: Checked, digests: Mapping[str, TensorDigests]) -> Summary:
    """Return the summary: the check's results, together with the digests of the weights."""
    tensors = [
        _tensor(tensor, *checked.figures[tensor.name], *digests[tensor.name])
        for tensor in plan.tensors
    ]
    weights = WeightSummary(
        recipe=canonical(plan.spec),
        recipe_digest=recipe_digest(plan.spec).hex(),
        stream_version=STREAM_VERSION,
        parameters=plan.parameters,
        size_bytes=plan.size_bytes,
        totals=totals(plan, tensors),
        tensors=tensors,
    )
    return Summary(
        weights, checked.forward, checked.devices, checked.seconds, spec_warnings(plan.spec)
    )


def _tensor(
    tensor: TensorPlan,
    whole: Figures,
    gates: Sequence[Figures],
    digest: str,
    gate_digests: Sequence[str],
) -> TensorSummary:
    rows = tensor.shape[0] // len(tensor.gates)
    blocks = tensor.blocks if len(tensor.blocks) > 1 else tensor.blocks * len(tensor.gates)
    return TensorSummary(
        name=tensor.name,
        layer=tensor.layer,
        shape=list(tensor.shape),
        dtype=tensor.dtype.name,
        scheme=tensor.scheme,
        figures=whole,
        sha256=digest,
        gates=[
            GateSummary(gate, [rows, *tensor.shape[1:]], block.fan_in, block.fan_out, part, sha256)
            for gate, block, part, sha256 in zip(
                tensor.gates, blocks, gates, gate_digests, strict=True
            )
        ],
        given=tensor.given,
    )
