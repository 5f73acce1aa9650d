"""A network as an ONNX graph: one LSTM, GRU or RNN node for each layer.

ONNX's outputs have an axis for the directions, which PyTorch's have side by side: a Transpose and a
Reshape follow each node.  `batch_first` is a Transpose before the first node, and another order of
the axes after the last: runtimes refuse or ignore `layout=1`, the operators' own attribute for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.formats.onnx_proto import Attribute, node, value_info
from stepzero_rnn.spec.checkpoint import Spec

JOINED = "joined_shape"  # the name of a Reshape's new shape: its first two axes, and the rest
JOINED_SHAPE = (0, 0, -1)
_TIME_FIRST, _BATCH_FIRST = (0, 2, 1, 3), (2, 0, 1, 3)  # of time, directions, batch and features


def nodes(spec: Spec) -> Iterator[bytes]:
    """Yield a network's nodes in the order in which they run."""
    letters, features = ("WRB" if spec.bias else "WR"), "input"
    if spec.batch_first:
        features = "input_time_first"
        yield node("Transpose", ["input"], [features], {"perm": (1, 0, 2)})
    for layer in range(spec.num_layers):
        is_last = layer == spec.num_layers - 1
        apart, together = f"Y_l{layer}", f"transposed_l{layer}"
        inputs = [features, *(weight_name(letter, layer) for letter in letters)]
        yield node(_operator(spec), inputs, [apart, *_layer_states(spec, layer)], _attributes(spec))
        features = "output" if is_last else f"output_l{layer}"
        order = _BATCH_FIRST if is_last and spec.batch_first else _TIME_FIRST
        yield node("Transpose", [apart], [together], {"perm": order})
        yield node("Reshape", [together, JOINED], [features])
    if spec.num_layers > 1:
        yield from _joined_states(spec)


def weight_name(letter: str, layer: int) -> str:
    """Return the name of a layer's weights: `W_l0`."""
    return f"{letter}_l{layer}"


def inputs(spec: Spec) -> Iterator[bytes]:
    """Yield the graph's input; the initial state is zero, as in PyTorch."""
    yield value_info("input", DTYPES[spec.dtype].onnx, [*_sequence(spec), spec.input_size])


def outputs(spec: Spec) -> Iterator[bytes]:
    """Yield the outputs: those of PyTorch's module, under the names of its documentation."""
    network, data_type = spec.network, DTYPES[spec.dtype].onnx
    yield value_info("output", data_type, [*_sequence(spec), network.output_size])
    for name in _states(spec):
        yield value_info(name, data_type, [spec.cells, "batch", spec.hidden_size])


def _operator(spec: Spec) -> str:
    return spec.rnn_type.upper()


def _attributes(spec: Spec) -> dict[str, Attribute]:
    direction = "bidirectional" if spec.bidirectional else "forward"
    common: dict[str, Attribute] = {"hidden_size": spec.hidden_size, "direction": direction}
    match spec.rnn_type:
        case "gru":
            return common | {"linear_before_reset": 1}  # as PyTorch: the reset gate comes last
        case "rnn":
            return common | {
                "activations": ((spec.nonlinearity or "tanh").title(),) * spec.network.directions
            }
        case _:
            return common


def _sequence(spec: Spec) -> tuple[str, str]:
    return ("batch", "time") if spec.batch_first else ("time", "batch")


def _states(spec: Spec) -> tuple[str, ...]:
    return ("h_n", "c_n") if spec.rnn_type == "lstm" else ("h_n",)


def _layer_states(spec: Spec, layer: int) -> Iterator[str]:
    """Yield the names of a layer's last states; those of a single layer are the graph's outputs."""
    number = f"_l{layer}" if spec.num_layers > 1 else ""
    return (f"{name}{number}" for name in _states(spec))


def _joined_states(spec: Spec) -> Iterator[bytes]:
    layers = (_layer_states(spec, layer) for layer in range(spec.num_layers))
    for name, parts in zip(_states(spec), zip(*layers, strict=True), strict=True):
        yield node("Concat", parts, [name], {"axis": 0})
