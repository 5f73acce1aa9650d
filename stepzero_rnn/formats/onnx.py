"""The `.onnx` file: a graph that computes what PyTorch's module does, for any length and batch.

The weights are rows of PyTorch's tensors in another order, so no number is computed.  A message of
Protocol Buffers ends at 2 GiB: the weights of a larger network are in a second file, `.onnx.data`,
which the graph names.  A zip of both, `.onnx.zip`, serves any network.

Source:
    ONNX 1.23, operators LSTM, GRU and RNN (versions 14 and 22), and `docs/ExternalData.md`,
    https://github.com/onnx/onnx.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.formats import onnx_graph, onnx_proto
from stepzero_rnn.formats.foreign import ForeignArray, arrays_of, cells_of
from stepzero_rnn.formats.origin import KEY, origin_json
from stepzero_rnn.formats.segments import Literal, Segment, merge, size_of
from stepzero_rnn.formats.stored_zip import ZipEntry, stored_zip
from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.recipe import file_stem

MAX_MESSAGE_BYTES = 2**31 - 1
# No graph is larger without its weights; the recipe in it has at most 8 KiB.
_FRAME_BYTES, _LAYER_BYTES = 64 << 10, 2 << 10

# The version of the operators, and that of the file: the oldest that have the dtype.
_BFLOAT16: tuple[int, int] = (22, 10)
_OTHERS: tuple[int, int] = (17, 8)

# Large weights are mapped into memory, which some readers can do at multiples of a page only.
_PAGE_BYTES = 4096
_LARGE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Weight:
    """An input of a layer's node, and where it starts in a file that has nothing but weights."""

    name: str
    array: ForeignArray
    start: int
    size: int


def segments(plan: Plan) -> tuple[Segment, ...]:
    """Lay out the graph of a network with its weights or, above 2 GiB, without them."""
    return graph_with_weights(plan) if is_one_file(plan.spec) else graph_without_weights(plan)


def data_segments(plan: Plan) -> tuple[Segment, ...]:
    """Lay out the weights that a graph without them refers to."""
    return tuple(merge(_data(plan)))


def zip_segments(plan: Plan) -> tuple[Segment, ...]:
    """Lay out a zip of a graph without weights, and its weights."""
    graph = ZipEntry(f"{file_stem(plan.spec)}.onnx", graph_without_weights(plan))
    return stored_zip([graph, ZipEntry(_data_name(plan), data_segments(plan))])


def why_not(spec: Spec) -> str:
    """Return why a network is no ONNX graph; empty if it is one."""
    return "ONNX's LSTM has no projection (`proj_size`)" if spec.proj_size else ""


def why_no_data(spec: Spec) -> str:
    """Return why a network has no file of weights apart from its graph; empty if it has one."""
    one = "at its size, format `onnx` is one file with all weights" if is_one_file(spec) else ""
    return why_not(spec) or one


def warning(spec: Spec) -> str:
    """Return what ONNX's usual runtime cannot run; empty if it can."""
    if spec.dtype in ("float64", "bfloat16"):
        return f"ONNX Runtime has no {spec.dtype} {spec.rnn_type.upper()} on CPUs"
    return ""


def graph_warning(spec: Spec) -> str:
    """Return what `warning` does, and that a graph lacks its weights; empty if neither holds."""
    apart = "" if is_one_file(spec) else "its weights are a second file, of format `onnx_data`"
    return "; ".join(filter(None, (apart, warning(spec))))


def is_one_file(spec: Spec) -> bool:
    """Whether the graph and its weights are certain to fit into one message."""
    frame = _FRAME_BYTES + _LAYER_BYTES * spec.num_layers
    return frame + _weight_bytes(spec) <= MAX_MESSAGE_BYTES


def _weight_bytes(spec: Spec) -> int:
    """Return the size of all weights, which takes no plan: all layers after the first are equal."""
    network = spec.network

    def elements(layer: int) -> int:
        shapes = (network.block_shape(kind, layer) for kind in network.kinds)
        return network.directions * len(network.rnn.letters) * sum(map(prod, shapes))

    later = (spec.num_layers - 1) * elements(1)
    return (elements(0) + later) * DTYPES[spec.dtype].item_bytes


def graph_with_weights(plan: Plan) -> tuple[Segment, ...]:
    """Lay out a graph that contains its weights, whatever their size."""
    code = DTYPES[plan.spec.dtype].onnx
    return _model(
        plan,
        (
            onnx_proto.tensor(one.name, code, one.array.shape, one.array.data)
            for one in _weights(plan)
        ),
    )


def graph_without_weights(plan: Plan) -> tuple[Segment, ...]:
    """Lay out a graph that refers to a second file in the same folder, with the recipe's name."""
    code, location = DTYPES[plan.spec.dtype].onnx, _data_name(plan)
    return _model(
        plan,
        (
            onnx_proto.external_tensor(
                one.name,
                code,
                one.array.shape,
                location=location,
                offset=one.start,
                length=one.size,
            )
            for one in _weights(plan)
        ),
    )


def _data_name(plan: Plan) -> str:
    return f"{file_stem(plan.spec)}.onnx.data"


def _model(plan: Plan, initializers: Iterable[Sequence[Segment]]) -> tuple[Segment, ...]:
    spec = plan.spec
    opset, ir = _BFLOAT16 if spec.dtype == "bfloat16" else _OTHERS
    graph = onnx_proto.graph(
        KEY,
        onnx_graph.nodes(spec),
        [*initializers, onnx_proto.integers(onnx_graph.JOINED, onnx_graph.JOINED_SHAPE)],
        onnx_graph.inputs(spec),
        onnx_graph.outputs(spec),
    )
    metadata = {KEY: origin_json(spec)}
    return tuple(
        merge(onnx_proto.model(graph, ir=ir, opset=opset, producer=KEY, metadata=metadata))
    )


def _weights(plan: Plan) -> Iterator[_Weight]:
    """Yield the weights of every layer, in the order of its node's inputs."""
    end = 0
    for layer, cells in enumerate(cells_of(plan)):
        for letter, array in arrays_of(plan, "onnx", cells).items():
            size = size_of(array.data)
            start = end + (-end % _PAGE_BYTES if size > _LARGE_BYTES else 0)
            yield _Weight(onnx_graph.weight_name(letter, layer), array, start, size)
            end = start + size


def _data(plan: Plan) -> Iterator[Segment]:
    end = 0
    for weight in _weights(plan):
        if weight.start > end:
            yield Literal(bytes(weight.start - end))
        yield from weight.array.data
        end = weight.start + weight.size
