"""The libraries whose defaults are presets: each draws a network by itself, and runs it.

What they draw is laid out as PyTorch's modules have it: by `stepzero_rnn.arrays` where it knows the
layout, else here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from stepzero_rnn.arrays.ingest import ingest
from stepzero_rnn.arrays.records import ReadOptions, Upload
from stepzero_rnn.spec.arrays import LayoutName
from stepzero_rnn.spec.checkpoint import Spec

Array = NDArray[Any]
Arrays = Mapping[str, Array]
I, H, T, B = 40, 64, 5, 3  # noqa: E741 - features, hidden features, time steps, batch
ORDER = {"rnn": "-", "gru": "rzn", "lstm": "ifgo"}


@dataclass(frozen=True)
class Drawn:
    """What a library drew, under its own names, and its outputs (T, B, H) for an input (T, B,
    I).
    """

    arrays: Arrays
    run: Callable[[Array], Array]


@dataclass(frozen=True)
class Peer:
    """A library's network.

    `layout` names how its arrays lie, or turns them into PyTorch's.  `steps` is for how many its
    outputs can be a PyTorch module's: one where a GRU applies the reset gate before the matrix,
    which is the same while the state is 0.
    """

    preset: str
    rnn_type: str
    draw: Callable[[int], Drawn]
    layout: LayoutName | Callable[[Arrays], dict[str, Array]]
    steps: int = T
    nonlinearity: str = "tanh"

    @property
    def spec(self) -> Spec:
        """The recipe of our own draw."""
        activation = {"nonlinearity": self.nonlinearity} if self.rnn_type == "rnn" else {}
        named: dict[str, Any] = {"rnn_type": self.rnn_type, "init": self.preset, **activation}
        return Spec(input_size=I, hidden_size=H, **named)

    def state(self, arrays: Arrays, folder: Path) -> dict[str, Array]:
        """Lay out what the library drew as PyTorch's parameters."""
        if callable(self.layout):
            return self.layout(arrays)
        save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, folder / "given")
        given = [Upload("given.safetensors", folder / "given")]
        options = ReadOptions(layout=self.layout, strict=True)
        ingest(given, folder / "stored", self.spec, options)
        return dict(load_file(folder / "stored"))


def keras(layer: str) -> Callable[[int], Drawn]:
    """Draw a layer of Keras 3, on JAX."""

    def draw(seed: int) -> Drawn:
        library = pytest.importorskip("keras")
        library.utils.set_random_seed(seed)
        made = getattr(library.layers, layer)(H, return_sequences=True)
        made.build((None, None, I))
        arrays = {w.path.rpartition("/")[2]: np.asarray(w.value) for w in made.weights}
        return Drawn(arrays, lambda x: _steps_first(made(_batch_first(x))))

    return draw


def linen(cell: str) -> Callable[[int], Drawn]:
    """Draw a cell of flax.linen."""

    def draw(seed: int) -> Drawn:
        jax, library = pytest.importorskip("jax"), pytest.importorskip("flax.linen")
        made = getattr(library, cell)(features=H)
        x = np.zeros((B, I), np.float32)
        carry = made.initialize_carry(jax.random.key(0), x.shape)
        drawn = made.init(jax.random.key(seed), carry, x)["params"]
        arrays = {
            f"{part}/{name}": np.asarray(a) for part, of in drawn.items() for name, a in of.items()
        }
        net = library.RNN(made)
        return Drawn(
            arrays, lambda x: _steps_first(net.apply({"params": {"cell": drawn}}, _batch_first(x)))
        )

    return draw


def nnx(cell: str) -> Callable[[int], Drawn]:
    """Draw a cell of flax.nnx."""

    def draw(seed: int) -> Drawn:
        library = pytest.importorskip("flax.nnx")
        made = getattr(library, cell)(I, H, rngs=library.Rngs(seed))
        drawn = library.to_pure_dict(library.state(made, library.Param))
        arrays = {
            f"{part}/{name}": np.asarray(a) for part, of in drawn.items() for name, a in of.items()
        }
        return Drawn(arrays, lambda x: _steps_first(library.RNN(made)(_batch_first(x))))

    return draw


def haiku(core: str) -> Callable[[int], Drawn]:
    """Draw a core of Haiku."""

    def draw(seed: int) -> Drawn:
        jax, library = pytest.importorskip("jax"), pytest.importorskip("haiku")

        def unroll(x: Array) -> Any:
            made = getattr(library, core)(H)
            return library.dynamic_unroll(made, x, made.initial_state(B))[0]

        net = library.without_apply_rng(library.transform(unroll))
        drawn = net.init(jax.random.key(seed), np.zeros((T, B, I), np.float32))
        arrays = {
            f"{part}/{name}": np.asarray(a) for part, of in drawn.items() for name, a in of.items()
        }
        return Drawn(arrays, lambda x: np.asarray(net.apply(drawn, x)))

    return draw


def sonnet(core: str) -> Callable[[int], Drawn]:
    """Draw a core of Sonnet 2."""

    def draw(seed: int) -> Drawn:
        tensorflow, library = pytest.importorskip("tensorflow"), pytest.importorskip("sonnet")
        tensorflow.random.set_seed(seed)
        made = getattr(library, core)(H)

        def run(x: Array) -> Array:
            return np.asarray(library.dynamic_unroll(made, x, made.initial_state(B))[0])

        run(np.zeros((T, B, I), np.float32))  # it draws when it first runs
        return Drawn(
            {v.name.partition("/")[2].removesuffix(":0"): v.numpy() for v in made.variables}, run
        )

    return draw


def tf1(cell: str) -> Callable[[int], Drawn]:
    """Draw a cell of TensorFlow 1, as tf_keras still keeps it."""

    def draw(seed: int) -> Drawn:
        v1 = pytest.importorskip("tensorflow").compat.v1
        library = pytest.importorskip("tf_keras.src.layers.rnn.legacy_cells")
        with v1.Graph().as_default():
            v1.set_random_seed(seed)
            made, x = getattr(library, cell)(H), v1.placeholder("float32", (T, B, I))
            state, outputs = made.zero_state(B, "float32"), []
            for step in range(T):
                output, state = made(x[step], state)
                outputs.append(output)
            variables, session = v1.global_variables(), v1.Session()
            session.run(v1.global_variables_initializer())
        arrays = {v.name.partition("/")[2].removesuffix(":0"): session.run(v) for v in variables}
        return Drawn(arrays, lambda given: np.stack(session.run(outputs, {x: given})))

    return draw


def _batch_first(x: Array) -> Array:
    return x.transpose(1, 0, 2)


def _steps_first(x: Any) -> Array:
    return np.asarray(x).transpose(1, 0, 2)


def _module(ih: Array, hh: Array, bias: Array, order: str, *, keep: int = 1) -> dict[str, Array]:
    """Lay out matrices (in, gates·H) whose gates stand in `order`; `keep` is −1 where an open z
    overwrites the state.
    """
    sign = {"z": np.float32(keep)}
    laid = [
        np.concatenate([sign.get(gate, np.float32(1)) * split[order.index(gate)] for gate in sorted(order, key="ifgorzn-".index)])
        for split in (np.split(matrix.T, len(order)) for matrix in (ih, hh, bias))
    ]  # fmt: skip
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0")
    return {**dict(zip(names, laid, strict=True)), "bias_hh_l0": np.zeros_like(laid[2])}


def _with_forget_bias(bias: Array) -> Array:
    """Add the 1 that these libraries add while they run, gates in the order i, g, f, o."""
    return bias + np.repeat(np.array([0, 0, 1, 0], np.float32), H)


def _haiku_rnn(a: Arrays) -> dict[str, Array]:
    ih, hh = "vanilla_rnn/linear", "vanilla_rnn/linear_1"
    laid = _module(a[f"{ih}/w"], a[f"{hh}/w"], a[f"{ih}/b"], "-")
    return laid | {"bias_hh_l0": a[f"{hh}/b"]}


def _haiku_lstm(a: Arrays) -> dict[str, Array]:
    w = a["lstm/linear/w"]
    return _module(w[:I], w[I:], _with_forget_bias(a["lstm/linear/b"]), "igfo")


def _haiku_gru(a: Arrays) -> dict[str, Array]:
    return _module(a["gru/w_i"], a["gru/w_h"], a["gru/b"], "zrn", keep=-1)


def _sonnet_rnn(a: Arrays) -> dict[str, Array]:
    return _module(a["input_to_hidden/w"], a["hidden_to_hidden/w"], a["b"], "-")


def _sonnet_lstm(a: Arrays) -> dict[str, Array]:
    return _module(a["w_i"], a["w_h"], a["b"], "ifgo")


def _sonnet_gru(a: Arrays) -> dict[str, Array]:
    return _module(a["w_i"], a["w_h"], a["b"], "zrn", keep=-1)


def _tf1_rnn(a: Arrays) -> dict[str, Array]:
    return _module(a["kernel"][:I], a["kernel"][I:], a["bias"], "-")


def _tf1_lstm(a: Arrays) -> dict[str, Array]:
    return _module(a["kernel"][:I], a["kernel"][I:], _with_forget_bias(a["bias"]), "igfo")


def _tf1_gru(a: Arrays) -> dict[str, Array]:
    kernel = np.concatenate([a["gates/kernel"], a["candidate/kernel"]], axis=1)
    bias = np.concatenate([a["gates/bias"], a["candidate/bias"]])
    return _module(kernel[:I], kernel[I:], bias, "rzn")


PEERS = (
    Peer("keras", "rnn", keras("SimpleRNN"), "keras"),
    Peer("keras", "gru", keras("GRU"), "keras"),
    Peer("keras", "lstm", keras("LSTM"), "keras"),
    Peer("flax_linen", "rnn", linen("SimpleCell"), "flax"),
    Peer("flax_linen", "gru", linen("GRUCell"), "flax"),
    Peer("flax_linen", "lstm", linen("LSTMCell"), "flax"),
    Peer("flax_linen", "lstm", linen("OptimizedLSTMCell"), "flax"),
    Peer("flax_linen", "lstm", nnx("LSTMCell"), "flax"),
    Peer("flax_nnx", "rnn", nnx("SimpleCell"), "flax"),
    Peer("flax_nnx", "gru", nnx("GRUCell"), "flax"),
    Peer("flax_nnx", "lstm", nnx("OptimizedLSTMCell"), "flax"),
    Peer("haiku", "rnn", haiku("VanillaRNN"), _haiku_rnn, nonlinearity="relu"),
    Peer("haiku", "gru", haiku("GRU"), _haiku_gru, steps=1),
    Peer("haiku", "lstm", haiku("LSTM"), _haiku_lstm),
    Peer("sonnet", "rnn", sonnet("VanillaRNN"), _sonnet_rnn),
    Peer("sonnet", "gru", sonnet("GRU"), _sonnet_gru, steps=1),
    Peer("sonnet", "lstm", sonnet("LSTM"), _sonnet_lstm),
    Peer("tf1", "rnn", tf1("BasicRNNCell"), _tf1_rnn),
    Peer("tf1", "gru", tf1("GRUCell"), _tf1_gru, steps=1),
    Peer("tf1", "lstm", tf1("LSTMCell"), _tf1_lstm),
)
