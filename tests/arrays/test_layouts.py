"""Weights of Keras, Flax and ONNX, as those libraries wrote them, make PyTorch answer as they
answered.

The files in `peers/` are by `scripts/record_peers.py`: Keras 3.15, Flax 0.12, ONNX Runtime, Haiku
0.0.17, Sonnet 2.0.2, tf_keras 2.21 (the cells of TensorFlow 1, and its conversion to CuDNN's
layers) and MLX 0.32 themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file as save_tensors

from stepzero_rnn.arrays import layouts
from stepzero_rnn.arrays.layouts import LAYOUTS
from stepzero_rnn.arrays.records import Upload
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import RNNS
from tests.arrays.making import Arrays, kept, network, refusals, saved, taken, weights

PEERS = sorted(Path(__file__).with_name("peers").glob("*.npz"))
INPUT = np.linspace(-1, 1, 15, dtype=np.float32).reshape(1, 5, 3)
MODULES = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


def described(peer: Path) -> tuple[str, Spec]:
    """Return a recording's layout and network."""
    library, rnn_type, ways = peer.stem.split("-")
    sizes: dict[str, Any] = {"input_size": 3, "hidden_size": 4, "num_layers": 2}
    return library.partition("_")[0], Spec(
        rnn_type=rnn_type,  # type: ignore[arg-type]  # checked by pydantic
        bidirectional=ways == "two",
        nonlinearity="relu" if peer.stem.startswith("haiku-rnn") else None,
        **sizes,
    )


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.stem)
class TestAPeersWeights:
    def test_make_pytorch_answer_as_the_peer_did(self, tmp_path, peer):
        layout, spec = described(peer)
        relu = {"nonlinearity": "relu"} if spec.nonlinearity == "relu" else {}
        module = MODULES[spec.rnn_type](
            3, 4, num_layers=2, bidirectional=spec.bidirectional, batch_first=True, **relu
        )

        taken(tmp_path, [Upload(peer.name, peer)], spec, layout=layout, strict=True)

        tensors = {name: torch.from_numpy(array) for name, array in kept(tmp_path).items()}
        module.load_state_dict(tensors)
        with torch.no_grad():
            answer = module(torch.from_numpy(INPUT))[0].numpy()
        # Sums of at most 13 terms below 4, two layers, five steps: a few hundred roundings of 2⁻²⁴.
        np.testing.assert_allclose(answer, np.load(peer.with_suffix(".npy")), atol=5e-6)

    def test_have_the_address_of_the_same_weights_in_pytorchs_layout(self, tmp_path, peer):
        layout, spec = described(peer)

        there = taken(tmp_path, [Upload(peer.name, peer)], spec, layout=layout)

        uploads = saved(tmp_path / "from", kept(tmp_path), "safetensors")
        assert taken(tmp_path, uploads, spec).sha256 == there.sha256


def test_every_layout_and_network_has_been_recorded_from_its_library():
    recorded = {(described(peer)[0], described(peer)[1].rnn_type) for peer in PEERS}

    foreign = {(layout, rnn_type) for layout in LAYOUTS for rnn_type in LAYOUTS[layout]}
    # Haste runs on a GPU alone; its layout is held to its source's formulas below.
    assert recorded == {of for of in foreign if of[0] not in ("pytorch", "haste")}


@pytest.mark.parametrize(
    ("layout", "rnn_type"), [(layout, kind) for layout in LAYOUTS for kind in LAYOUTS[layout]]
)
def test_the_arrays_of_a_layout_together_hold_every_gate(layout, rnn_type):
    rules = LAYOUTS[layout][rnn_type].values()

    given = {(kind, gate) for rule in rules for kind in rule.kinds for gate in rule.gates}
    given |= {(rule.zero, gate) for rule in rules if rule.zero for gate in rule.gates}

    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    assert {(kind, gate) for kind in kinds for gate in RNNS[rnn_type].letters} <= given


def sigmoid(x: Any) -> Any:
    """Squash."""
    return 1 / (1 + np.exp(-x))


def haste_lstm(a: Arrays, x: Any, h: Any, c: Any) -> tuple[Any, Any]:
    """Take a step of Haste's LSTM, as its `lib/lstm_forward_gpu.cu.cc` does."""
    i, g, f, o = np.split(x @ a["kernel"] + h @ a["recurrent_kernel"] + a["bias"], 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def haste_gru(a: Arrays, x: Any, h: Any, _: Any) -> tuple[Any, Any]:
    """Take a step of Haste's GRU, as its `lib/gru_forward_gpu.cu.cc` does."""
    parts = zip(
        np.split(x @ a["kernel"] + a["bias"], 3),
        np.split(h @ a["recurrent_kernel"] + a["recurrent_bias"], 3),
        strict=True,
    )
    (xz, hz), (xr, hr), (xg, hg) = parts
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    return z * h + (1 - z) * np.tanh(xg + r * hg), None


@pytest.mark.parametrize(("rnn_type", "step"), [("lstm", haste_lstm), ("gru", haste_gru)])
def test_hastes_weights_compute_what_its_formulas_do(tmp_path, rnn_type, step):
    gates = len(RNNS[rnn_type].letters)
    shapes = {"kernel": (3, gates * 4), "recurrent_kernel": (4, gates * 4), "bias": (gates * 4,)}
    shapes |= {"recurrent_bias": (12,)} if rnn_type == "gru" else {}
    generator = np.random.default_rng(8)
    arrays = {n: generator.normal(0, 0.5, shape).astype("f4") for n, shape in shapes.items()}
    answers, h, c = [], np.zeros(4), np.zeros(4)
    for x in INPUT[0]:
        h, c = step(arrays, x, h, c)
        answers.append(h)
    spec = network(rnn_type, hidden_size=4)

    taken(tmp_path, saved(tmp_path / "from", arrays), spec, layout="haste", strict=True)

    module = MODULES[rnn_type](3, 4, batch_first=True)
    module.load_state_dict({n: torch.from_numpy(a) for n, a in kept(tmp_path).items()})
    with torch.no_grad():
        found = module(torch.from_numpy(INPUT))[0][0].numpy()
    np.testing.assert_allclose(found, answers, atol=5e-6)


@pytest.mark.parametrize("layout", ["haiku", "sonnet", "tf1"])
def test_a_gru_that_pytorch_cannot_compute_is_refused(tmp_path, layout):
    uploads = saved(tmp_path / "from", {"gru/w_i": np.ones((3, 15))})

    (error,) = refusals(tmp_path, uploads, network("gru"), layout=layout)

    assert (error.pointer, error.code) == ("/layout", "layout_unlike")
    assert "applies the reset gate before the matrix" in error.detail
    assert error.allowed == ["pytorch", "keras", "flax", "onnx", "haste", "mlx"]


def test_one_matrix_over_input_and_projected_state_is_not_read(tmp_path):
    uploads = saved(tmp_path / "from", {"lstm/kernel": np.ones((5, 20))})

    (error,) = refusals(tmp_path, uploads, network("projected"), layout="tf1")

    assert error.code == "layout_unlike"
    assert "projection" in error.detail


def test_the_forget_bias_that_is_added_while_it_runs_is_the_other_bias(tmp_path):
    for numbers in ("<f2", "<f4", "<f8"):
        uploads = saved(tmp_path / "from", {"lstm/bias": np.full(20, 0.5, numbers)})

        taken(tmp_path, uploads, network(), layout="tf1")

        assert kept(tmp_path)["bias_ih_l0"].tolist() == [0.5] * 20
        assert kept(tmp_path)["bias_hh_l0"].tolist() == [0] * 5 + [1] * 5 + [0] * 10


def test_the_forget_bias_of_a_file_in_bfloat16_is_one(tmp_path):
    save_tensors({"lstm/bias": torch.zeros(20, dtype=torch.bfloat16)}, tmp_path / "upload")

    taken(tmp_path, [Upload("a.safetensors", tmp_path / "upload")], network(), layout="tf1")

    assert kept(tmp_path)["bias_hh_l0"].tolist() == [0] * 5 + [1] * 5 + [0] * 10


GATE_WORDS = {
    "input": "i",
    "forget": "f",
    "cell": "g",
    "output": "o",
}


@pytest.mark.parametrize("words", [GATE_WORDS, dict(zip("ifgo", "ifgo", strict=True))])
def test_all_gates_of_a_parameter_are_the_parameter(tmp_path, words):
    spec, arrays = network(), weights(network())
    blocks = dict(zip("ifgo", np.split(arrays["weight_ih_l0"], 4), strict=True))
    cut = {f"weight_ih_l0.{word}": blocks[letter] for word, letter in words.items()}

    whole = {"weight_ih_l0": arrays["weight_ih_l0"]}
    by_gate = taken(tmp_path, saved(tmp_path / "cut", cut), spec)

    assert by_gate.sha256 == taken(tmp_path, saved(tmp_path / "whole", whole), spec).sha256


def test_some_gates_are_kept_under_their_names(tmp_path):
    block = np.ones((5, 3), np.float32)

    manifest = taken(
        tmp_path, saved(tmp_path / "from", {"weight_ih_l0.f": block}), network(), layout="pytorch"
    )

    assert [(entry.name, entry.shape) for entry in manifest.entries] == [
        ("weight_ih_l0.forget", (5, 3))
    ]


def test_gates_of_different_types_stay_apart(tmp_path):
    kinds = {"reset": "f4", "update": "f8", "new": "f4"}
    cut = {f"bias_ih_l0.{gate}": np.ones(5, kind) for gate, kind in kinds.items()}

    manifest = taken(tmp_path, saved(tmp_path / "from", cut), network("gru"))

    assert {entry.name: entry.dtype for entry in manifest.entries} == {
        "bias_ih_l0.new": "float32",
        "bias_ih_l0.reset": "float32",
        "bias_ih_l0.update": "float64",
    }


def test_the_one_bias_of_keras_is_the_total(tmp_path):
    bias = np.arange(20, dtype=np.float32)

    taken(tmp_path, saved(tmp_path / "from", {"lstm/bias": bias}), network(), layout="keras")

    assert kept(tmp_path)["bias_ih_l0"].tolist() == bias.tolist()
    assert kept(tmp_path)["bias_hh_l0"].tolist() == [0] * 20


def test_a_grus_biases_within_the_new_gate_are_kept_apart(tmp_path):
    biases = {"in/bias": np.full(5, 1.0), "hn/bias": np.full(5, 2.0)}

    taken(tmp_path, saved(tmp_path / "from", biases), network("gru"), layout="flax")

    assert {name: set(array.tolist()) for name, array in kept(tmp_path).items()} == {
        "bias_ih_l0.new": {1.0},
        "bias_hh_l0.new": {2.0},
    }


@pytest.mark.parametrize(
    ("prefix", "told"), [("rnn.", "rnn."), ("module.lstm.", "module.lstm."), ("a/b/", "a/b/")]
)
def test_what_all_names_begin_with_is_left_out_and_told(tmp_path, prefix, told):
    arrays = weights(network())
    named = {prefix + name: array for name, array in arrays.items()}

    manifest = taken(tmp_path, saved(tmp_path / "from", named), network(), strict=True)

    assert manifest.prefix == told
    assert kept(tmp_path).keys() == arrays.keys()


def test_names_that_begin_in_different_ways_are_refused(tmp_path):
    arrays = {"encoder.bias_ih_l0": np.ones(20), "decoder.bias_hh_l0": np.ones(20)}

    errors = refusals(tmp_path, saved(tmp_path / "from", arrays), network())

    assert [error.pointer for error in errors] == ["/files/weights.npz/decoder.bias_hh_l0"]
    assert "have 2 different prefixes" in errors[0].detail


LAYER_NAMES = [
    {"layer_0/kernel": 3, "layer_1/kernel": 5},
    {"layers_1/kernel": 5, "layers_0/kernel": 3},
    {"lstm/kernel": 3, "lstm_1/kernel": 5},
    {"model/lstm_10/lstm_cell/kernel:0": 5, "model/lstm_9/lstm_cell/kernel:0": 3},
    {"rnn.cell.kernel": 3, "rnn.cell_1.kernel": 5},
    {"layer_0/cell/kernel/value": 3, "layer_1/cell/kernel/value": 5},
]


@pytest.mark.parametrize("names", LAYER_NAMES, ids="+".join)
def test_layers_are_told_by_the_numbers_in_names(tmp_path, names):
    arrays = {name: np.ones((inputs, 20), np.float32) for name, inputs in names.items()}

    manifest = taken(
        tmp_path, saved(tmp_path / "from", arrays), network(num_layers=2), layout="keras"
    )

    assert [(entry.name, entry.shape) for entry in manifest.entries] == [
        ("weight_ih_l0", (20, 3)),
        ("weight_ih_l1", (20, 5)),
    ]


def test_layers_may_be_told_by_the_names_of_files(tmp_path):
    uploads = []
    for layer, inputs in enumerate((3, 5)):
        saved(tmp_path / str(layer), {"W": np.ones((1, 20, inputs), np.float32)})
        path = tmp_path / str(layer) / "weights.npz"
        uploads.append(Upload(f"layer_{layer}.npz", path))

    manifest = taken(tmp_path, uploads, network(num_layers=2), layout="onnx")

    assert [entry.name for entry in manifest.entries] == ["weight_ih_l0", "weight_ih_l1"]


UNPLACED = [
    (["lstm/kernel"], {"num_layers": 2}, "arrays have 1 ("),
    (["lstm/kernel", "lstm_1/kernel"], {}, "arrays have 2 ("),
    (["lstm/kernel", "top/kernel"], {"num_layers": 2}, "differ in more than a number"),
    (["forward_backward/backward_lstm/kernel"], {"bidirectional": True}, "both forward and"),
    (["lstm/kernel"], {"bidirectional": True}, "the direction is missing"),
    (["backward_lstm/kernel"], {}, "bidirectional is false"),
]


@pytest.mark.parametrize(("names", "fields", "reason"), UNPLACED, ids=str)
def test_a_layer_or_direction_that_cannot_be_told_is_refused(tmp_path, names, fields, reason):
    arrays = {name: np.ones((3, 20)) for name in names}

    errors = refusals(tmp_path, saved(tmp_path / "from", arrays), network(**fields), layout="keras")

    assert reason in errors[0].detail


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_readme_names_every_array_of_every_layout(layout):
    text = (Path(layouts.__file__).with_name("README.md")).read_text()

    parts = {
        part for rules in LAYOUTS[layout].values() for name in rules for part in name.split("/")
    }
    if layout == "pytorch":
        parts = {f"{part}_l0" for part in parts if "." not in part}
    assert [part for part in parts if f"`{part}" not in text and f"/{part}`" not in text] == []
