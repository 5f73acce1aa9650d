#!/usr/bin/env python3
"""Record other libraries' own weights and what their networks answer, for the tests of layouts.

    python scripts/record_peers.py [LIBRARY …]      where the libraries are installed: `pip install
    -e '.[peers]'`

Each network is two layers deep.  Its weights lie in a file as its library names them; beside them,
its answer to one input.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parents[1] / "tests" / "arrays" / "peers"
INPUT_SIZE, HIDDEN_SIZE, STEPS = 3, 4, 5
INPUT = np.linspace(-1, 1, STEPS * INPUT_SIZE, dtype=np.float32).reshape(1, STEPS, INPUT_SIZE)


Network = tuple[Mapping[str, Any], Any]  # its weights by name, its answer


def _keras(rnn_type: str, bidirectional: bool) -> Network:
    import keras

    layer = {
        "lstm": keras.layers.LSTM,
        "gru": keras.layers.GRU,
        "rnn": keras.layers.SimpleRNN,
    }[rnn_type]
    layers = [layer(HIDDEN_SIZE, return_sequences=True) for _ in range(2)]
    if bidirectional:
        layers = [keras.layers.Bidirectional(layer) for layer in layers]
    model = keras.Sequential([keras.layers.Input((STEPS, INPUT_SIZE)), *layers])
    generator = np.random.default_rng(1)
    for weight in model.weights:  # biases too, which begin at zero
        weight.assign(generator.normal(0, 0.5, weight.shape))
    return {w.path: np.asarray(w) for w in model.weights}, model(INPUT)


def _linen(rnn_type: str, bidirectional: bool) -> Network:
    import flax.linen as nn
    import jax
    from flax.traverse_util import flatten_dict

    cell = {"lstm": nn.OptimizedLSTMCell, "gru": nn.GRUCell, "rnn": nn.SimpleCell}[rnn_type]

    class Deep(nn.Module):  # type: ignore[misc]  # flax need not be installed
        @nn.compact  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            for layer in range(2):
                names = [f"{way}layer_{layer}" for way in ("forward_", "backward_")]
                if bidirectional:
                    ways = [nn.RNN(cell(HIDDEN_SIZE, name=name)) for name in names]
                    x = nn.Bidirectional(*ways)(x)
                else:
                    x = nn.RNN(cell(HIDDEN_SIZE))(x)
            return x

    variables = Deep().init(jax.random.key(0), INPUT)
    variables = _drawn(variables)
    return flatten_dict(variables, sep="/"), Deep().apply(variables, INPUT)


def _drawn(tree: Any) -> Any:
    import jax

    generator = np.random.default_rng(2)
    return jax.tree.map(lambda leaf: generator.normal(0, 0.5, leaf.shape).astype("f4"), tree)


def _nnx(rnn_type: str, bidirectional: bool) -> Network:
    from flax import nnx

    cell = {"lstm": nnx.OptimizedLSTMCell, "gru": nnx.GRUCell, "rnn": nnx.SimpleCell}[rnn_type]

    class Deep(nnx.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            wide = HIDDEN_SIZE * (1 + bidirectional)
            self.layer_0, self.layer_1 = self._layer(INPUT_SIZE), self._layer(wide)

        def _layer(self, size: int) -> Any:
            ways = [
                nnx.RNN(cell(size, HIDDEN_SIZE, rngs=nnx.Rngs(way)))
                for way in range(1 + bidirectional)
            ]
            return nnx.Bidirectional(*ways) if bidirectional else ways[0]

        def __call__(self, x: Any) -> Any:
            for layer in (self.layer_0, self.layer_1):
                x = layer(x)
            return x

    network = Deep()
    state = _drawn(nnx.state(network, nnx.Param))
    nnx.update(network, state)
    flat = nnx.to_flat_state(nnx.state(network, nnx.Param))
    return {"/".join(path): np.asarray(leaf[...]) for path, leaf in flat}, network(INPUT)


def _onnx(rnn_type: str, bidirectional: bool) -> Network:
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    directions = 1 + bidirectional
    weights = _onnx_weights({"rnn": 1, "gru": 3, "lstm": 4}[rnn_type] * HIDDEN_SIZE, directions)
    nodes: list[Any] = []
    for layer in range(2):
        nodes += _onnx_layer(rnn_type, layer, "bidirectional" if bidirectional else "forward")
    constants = weights | {"flat": np.array([STEPS, 1, directions * HIDDEN_SIZE])}
    ends = [helper.make_tensor_value_info(end, TensorProto.FLOAT, None) for end in ("x0", "x2")]
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "network", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return weights, session.run(None, {"x0": INPUT.transpose(1, 0, 2)})[0].transpose(1, 0, 2)


def _onnx_weights(rows: int, directions: int) -> dict[str, Any]:
    generator = np.random.default_rng(3)
    return {
        f"layer_{layer}/{name}": generator.normal(0, 0.5, (directions, *shape)).astype(np.float32)
        for layer in range(2)
        for name, shape in {
            "W": (rows, directions * HIDDEN_SIZE if layer else INPUT_SIZE),
            "R": (rows, HIDDEN_SIZE),
            "B": (2 * rows,),
        }.items()
    }


def _onnx_layer(rnn_type: str, layer: int, direction: str) -> list[Any]:
    """One operator, then its answers side by side: (steps, directions, batch, H) to (steps, batch,
    directions · H).
    """
    from onnx import helper

    options = {"linear_before_reset": 1} if rnn_type == "gru" else {}
    ins = [f"x{layer}", *(f"layer_{layer}/{name}" for name in "WRB")]
    make, outs = helper.make_node, [f"{name}{layer}" for name in "yt"]
    return [
        make(
            rnn_type.upper(),
            ins,
            outs[:1],
            hidden_size=HIDDEN_SIZE,
            direction=direction,
            **options,
        ),
        make("Transpose", outs[:1], outs[1:], perm=[0, 2, 1, 3]),
        make("Reshape", [outs[1], "flat"], [f"x{layer + 1}"]),
    ]


def _haiku(rnn_type: str, _: bool) -> Network:
    import haiku
    import jax

    core = {"lstm": haiku.LSTM, "rnn": haiku.VanillaRNN}[rnn_type]

    def deep(x: Any) -> Any:
        for _ in range(2):
            made = core(HIDDEN_SIZE)
            x, _ = haiku.dynamic_unroll(made, x, made.initial_state(1))
        return x

    network = haiku.without_apply_rng(haiku.transform(deep))
    x = INPUT.transpose(1, 0, 2)
    drawn = _drawn(network.init(jax.random.key(0), x))
    arrays = {f"{part}/{name}": array for part, of in drawn.items() for name, array in of.items()}
    return arrays, network.apply(drawn, x).transpose(1, 0, 2)


def _sonnet(rnn_type: str, _: bool) -> Network:
    import sonnet

    core = {"lstm": sonnet.LSTM, "rnn": sonnet.VanillaRNN}[rnn_type]
    cores = [core(HIDDEN_SIZE, name=f"{rnn_type}_{layer}") for layer in range(2)]

    def run() -> Any:
        x = INPUT.transpose(1, 0, 2)
        for made in cores:
            x, _ = sonnet.dynamic_unroll(made, x, made.initial_state(1))
        return np.asarray(x).transpose(1, 0, 2)

    run()  # they draw when they first run
    generator = np.random.default_rng(4)
    weights = [weight for made in cores for weight in made.variables]
    for weight in weights:
        weight.assign(generator.normal(0, 0.5, weight.shape))
    return {weight.name: weight.numpy() for weight in weights}, run()


def _tf1(rnn_type: str, _: bool) -> Network:
    import tensorflow
    from tf_keras.src.layers.rnn import legacy_cells

    v1 = tensorflow.compat.v1
    cell = {"lstm": legacy_cells.LSTMCell, "rnn": legacy_cells.BasicRNNCell}[rnn_type]
    with v1.Graph().as_default(), v1.Session() as session:
        steps = [v1.constant(step) for step in INPUT.transpose(1, 0, 2)]
        for layer in range(2):
            with v1.variable_scope(f"cell_{layer}"):
                made = cell(HIDDEN_SIZE)
                state = made.zero_state(1, "float32")
                for number, step in enumerate(steps):
                    steps[number], state = made(step, state)
        generator = np.random.default_rng(5)
        weights = v1.global_variables()
        for weight in weights:
            weight.load(generator.normal(0, 0.5, weight.shape), session)
        arrays = {weight.name: session.run(weight) for weight in weights}
        return arrays, np.stack(session.run(steps), axis=1)


def _cudnn(rnn_type: str, _: bool) -> Network:
    """Layers of tf_keras, whose own conversion makes of their weights those of a CuDNNLSTM or
    CuDNNGRU.
    """
    import tf_keras
    from tf_keras.src.saving.legacy.hdf5_format import preprocess_weights_for_loading

    layer = {"lstm": tf_keras.layers.LSTM, "gru": tf_keras.layers.GRU}[rnn_type]
    of_cudnn = type(f"CuDNN{rnn_type.upper()}", (), {})()
    layers = [layer(HIDDEN_SIZE, return_sequences=True) for _ in range(2)]
    model = tf_keras.Sequential([tf_keras.layers.Input((STEPS, INPUT_SIZE)), *layers])
    generator = np.random.default_rng(6)
    arrays: dict[str, Any] = {}
    for number, made in enumerate(layers):
        made.set_weights([generator.normal(0, 0.5, w.shape) for w in made.get_weights()])
        theirs = preprocess_weights_for_loading(of_cudnn, made.get_weights())
        named = zip(("kernel", "recurrent_kernel", "bias"), theirs, strict=True)
        arrays |= {f"cu_dnn{rnn_type}_{number}/{name}:0": array for name, array in named}
    return arrays, model(INPUT)


def _mlx(rnn_type: str, _: bool) -> Network:
    import mlx.core as mx
    from mlx import nn

    mx.random.seed(7)
    kind = getattr(nn, rnn_type.upper())
    layers = [kind(INPUT_SIZE, HIDDEN_SIZE), kind(HIDDEN_SIZE, HIDDEN_SIZE)]
    arrays: dict[str, Any] = {}
    answer = mx.array(INPUT)
    for number, layer in enumerate(layers):
        layer.update(
            {name: mx.random.normal(a.shape) / 2 for name, a in layer.parameters().items()}
        )
        arrays |= {f"layers.{number}.{name}": np.array(a) for name, a in layer.parameters().items()}
        answer = layer(answer)[0] if rnn_type == "lstm" else layer(answer)
    return arrays, np.array(answer)


ALL, ONE = ("one", "two"), ("one",)
LIBRARIES: Mapping[str, tuple[Any, tuple[str, ...], tuple[str, ...]]] = {
    "keras": (_keras, ("rnn", "gru", "lstm"), ALL),
    "keras_cudnn": (_cudnn, ("gru", "lstm"), ONE),
    "flax_linen": (_linen, ("rnn", "gru", "lstm"), ALL),
    "flax_nnx": (_nnx, ("rnn", "gru", "lstm"), ALL),
    "onnx": (_onnx, ("rnn", "gru", "lstm"), ALL),
    "haiku": (_haiku, ("rnn", "lstm"), ONE),
    "sonnet": (_sonnet, ("rnn", "lstm"), ONE),
    "tf1": (_tf1, ("rnn", "lstm"), ONE),
    "mlx": (_mlx, ("rnn", "gru", "lstm"), ONE),
}


def _record(library: str, rnn_type: str, ways: str) -> None:
    arrays, answer = LIBRARIES[library][0](rnn_type, ways == "two")
    np.savez_compressed(FOLDER / f"{library}-{rnn_type}-{ways}.npz", **arrays)
    np.save(FOLDER / f"{library}-{rnn_type}-{ways}.npy", np.asarray(answer, np.float32))
    print(library, rnn_type, ways, *[*arrays][:3])


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for library in sys.argv[1:] or LIBRARIES:
        for rnn_type, ways in product(*LIBRARIES[library][1:]):
            _record(library, rnn_type, ways)
