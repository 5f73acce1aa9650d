"""The `.onnx` file: a graph that computes what PyTorch's module does, for any length and batch.

The weights are rows of PyTorch's tensors in another order, so no number is computed.  A message of
Protocol Buffers ends at 2 GiB: the weights of a larger network are in a second file, `.onnx.data`,
which the graph names.  A zip of both, `.onnx.zip`, serves any network.

Source:
    ONNX 1.23, operators LSTM, GRU and RNN (versions 14 and 22), and `docs/ExternalData.md`,
    https://github.com/onnx/onnx.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from stepzero_rnn.formats import onnx_graph, onnx_proto
from stepzero_rnn.formats.origin import KEY, origin_json
from stepzero_rnn.formats.rows import row_order, rows_in_order
from stepzero_rnn.formats.segments import Literal, Segment, TensorData, merge, size_of
from stepzero_rnn.formats.stored_zip import ZipEntry, stored_zip
from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.networks import ArrayRule
from stepzero_rnn.spec.recipe import file_stem

MAX_MESSAGE_BYTES = 2**31 - 1

# The version of the operators, and that of the file, for readers as old as possible.
_BFLOAT16: tuple[int, int] = (22, 10)
_OTHERS: tuple[int, int] = (17, 8)

# Readers map large tensors into memory, which older ones can do at multiples of a page only.
_PAGE_BYTES = 4096
_LARGE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Weight:
    """One input of a layer's node: both directions, in ONNX's order of gates."""

    name: str
    shape: tuple[int, ...]
    rows: tuple[TensorData, ...]

    @property
    def size(self) -> int:
        return size_of(self.rows)


def segments(plan: Plan) -> tuple[Segment, ...]:
    """Lay out the graph of a network with its weights or, above 2 GiB, without them."""
    if is_one_file(plan):
        return graph_with_weights(plan)
    return graph_without_weights(plan)


def data_segments(plan: Plan) -> tuple[Segment, ...]:
    """Lay out the weights that a graph without them refers to."""
    return tuple(merge(_data(_weights(plan))))


def zip_segments(plan: Plan) -> tuple[Segment, ...]:
    """Lay out a zip of a graph without weights, and its weights."""
    graph = ZipEntry(f"{file_stem(plan.spec)}.onnx", graph_without_weights(plan))
    return stored_zip([graph, ZipEntry(_data_name(plan), data_segments(plan))])


def is_one_file(plan: Plan) -> bool:
    """Whether the graph and its weights fit into one message."""
    if plan.size_bytes > MAX_MESSAGE_BYTES:
        return False
    return size_of(graph_with_weights(plan)) <= MAX_MESSAGE_BYTES


def graph_with_weights(plan: Plan) -> tuple[Segment, ...]:
    """Lay out a graph that contains its weights, whatever their size."""
    code = plan.tensors[0].dtype.onnx
    weights = _weights(plan)
    return _model(plan, (onnx_proto.tensor(one.name, code, one.shape, one.rows) for one in weights))


def graph_without_weights(plan: Plan) -> tuple[Segment, ...]:
    """Lay out a graph that refers to a second file in the same folder, with the recipe's name."""
    code, location = plan.tensors[0].dtype.onnx, _data_name(plan)
    weights = [*_weights(plan)]
    return _model(
        plan,
        (
            onnx_proto.external_tensor(
                one.name, code, one.shape, location=location, offset=offset, length=one.size
            )
            for one, offset in zip(weights, _offsets(weights), strict=True)
        ),
    )


def _data_name(plan: Plan) -> str:
    return f"{file_stem(plan.spec)}.onnx.data"


def _model(plan: Plan, initializers: Iterable[Sequence[Segment]]) -> tuple[Segment, ...]:
    spec = plan.spec
    opset, ir = _BFLOAT16 if spec.dtype == "bfloat16" else _OTHERS
    graph = onnx_proto.graph(
        KEY,
        onnx_graph.nodes(spec, [*_rules(plan)]),
        [*initializers, onnx_proto.integers(onnx_graph.JOINED, onnx_graph.JOINED_SHAPE)],
        onnx_graph.inputs(spec),
        onnx_graph.outputs(spec),
    )
    metadata = {KEY: origin_json(spec)}
    return tuple(
        merge(onnx_proto.model(graph, ir=ir, opset=opset, producer=KEY, metadata=metadata))
    )


def _rules(plan: Plan) -> Mapping[str, ArrayRule]:
    """Return the content of every input of a layer's node, in the operator's order."""
    network = plan.spec.network
    rules = network.rnn.layouts["onnx"].items()
    return {letter: rule for letter, rule in rules if {*rule.kinds} <= {*network.kinds}}


def _weights(plan: Plan) -> Iterator[_Weight]:
    network, rules = plan.spec.network, _rules(plan)
    for layer, tensors in enumerate(plan.layers()):
        by_place = {(tensor.kind, tensor.reverse): tensor for tensor in tensors}
        for letter, rule in rules.items():
            order = row_order(network.rnn, rule.gates)
            parts = [
                by_place[kind, reverse] for reverse in network.reverse_flags for kind in rule.kinds
            ]
            rows = tuple(data for part in parts for data in rows_in_order(part, order))
            height, *width = parts[0].shape
            shape = (network.directions, len(rule.kinds) * height, *width)
            yield _Weight(onnx_graph.weight_name(letter, layer), shape, rows)


def _offsets(weights: Iterable[_Weight]) -> Iterator[int]:
    """Yield where each of some weights starts in the file that has nothing else."""
    end = 0
    for weight in weights:
        start = end + (-end % _PAGE_BYTES if weight.size > _LARGE_BYTES else 0)
        yield start
        end = start + weight.size


def _data(weights: Iterable[_Weight]) -> Iterator[Segment]:
    known, end = [*weights], 0
    for weight, start in zip(known, _offsets(known), strict=True):
        if start > end:
            yield Literal(bytes(start - end))
        yield from weight.rows
        end = start + weight.size
