"""Keras's CuDNN layers are told by their bias or their name, and never taken for another
layout's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stepzero_rnn.arrays.records import Upload
from stepzero_rnn.spec.networks import RNNS
from tests.arrays.making import kept, network, refusals, saved, taken

GENERATOR = np.random.default_rng(9)


def layer(path: str, rnn_type: str, *, biases: int = 2, inputs: int = 3) -> dict[str, Any]:
    """Make a layer's arrays, with as many biases."""
    rows = len(RNNS[rnn_type].letters) * 5
    shapes = {"kernel": (inputs, rows), "recurrent_kernel": (5, rows), "bias": (biases * rows,)}
    return {
        f"{path}/{name}:0": GENERATOR.normal(size=s) for name, s in shapes.items() if 0 not in s
    }


def test_each_gates_matrices_lie_as_kerass_own_conversion_reads_them(tmp_path):
    """`k.T` of the recurrent matrix, `k.T.reshape(k.shape, order="F")` of the input's, for Keras's
    (in, out).
    """
    arrays = layer("lstm", "lstm")

    taken(tmp_path, saved(tmp_path / "from", arrays), network(), layout="keras", strict=True)

    found = kept(tmp_path)
    kernels = np.split(arrays["lstm/kernel:0"], 4, axis=1)
    recurrent = np.split(arrays["lstm/recurrent_kernel:0"], 4, axis=1)
    keras_kernels = [k.T.reshape(k.shape, order="F") for k in kernels]
    assert np.array_equal(found["weight_ih_l0"], np.concatenate([k.T for k in keras_kernels]))
    assert np.array_equal(found["weight_hh_l0"], np.concatenate([k.T.T for k in recurrent]))
    biases = np.concatenate([found["bias_ih_l0"], found["bias_hh_l0"]])
    assert np.array_equal(biases, arrays["lstm/bias:0"])


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_large_layer_is_read_as_a_small_one(tmp_path, order):
    spec = network(input_size=700, hidden_size=600, bias=False)
    kernel = GENERATOR.normal(size=(700, 2400)).astype(np.float32)
    uploads = saved(tmp_path / "from", {"cu_dnnlstm/kernel": np.array(kernel, order=order)})

    taken(tmp_path, uploads, spec, layout="keras")

    gates = [k.ravel().reshape(600, 700) for k in np.split(kernel, 4, axis=1)]
    assert np.array_equal(kept(tmp_path)["weight_ih_l0"], np.concatenate(gates))


@pytest.mark.parametrize("rnn_type", ["lstm", "gru"])
def test_a_name_shows_it_where_there_is_no_bias(tmp_path, rnn_type):
    plain = layer("cell", rnn_type, biases=0)
    spec = network(rnn_type, bias=False)
    named = {name.replace("cell/", f"cu_dnn{rnn_type}_1/"): a for name, a in plain.items()}

    of_keras = taken(tmp_path, saved(tmp_path / "a", plain), spec, layout="keras")
    of_cudnn = taken(tmp_path, saved(tmp_path / "b", named), spec, layout="keras")

    assert of_keras.sha256 != of_cudnn.sha256


@pytest.mark.parametrize("rnn_type", ["lstm", "gru"])
def test_both_directions_are_read(tmp_path, rnn_type):
    paths = ("both/forward_cu_dnn", "both/backward_cu_dnn")
    arrays = {n: a for path in paths for n, a in layer(path, rnn_type).items()}
    spec = network(rnn_type, bidirectional=True)

    manifest = taken(tmp_path, saved(tmp_path / "a", arrays), spec, layout="keras", strict=True)

    assert len(manifest.entries) == 8


MIXED = [
    (
        layer("layer_0", "lstm") | layer("layer_1", "lstm", biases=1, inputs=5),
        "of layer_1 does not",
    ),
    (layer("cu_dnnlstm_0", "lstm", biases=1), "next to it does not"),
]


@pytest.mark.parametrize(("arrays", "said"), MIXED, ids=["two layers", "name and bias"])
def test_a_mixture_is_refused(tmp_path, arrays, said):
    spec = network(num_layers=2 if len(arrays) > 3 else 1)

    (error,) = refusals(tmp_path, saved(tmp_path / "from", arrays), spec, layout="keras")

    assert error.code == "unknown_array"
    assert "CuDNNLSTM" in error.detail
    assert said in error.detail


def test_two_biases_in_one_are_never_called_onnxs_in_layout_keras(tmp_path):
    for rnn_type, biases in (("rnn", 2), ("lstm", 3), ("gru", 3)):
        uploads = saved(tmp_path / "from", layer("cell", rnn_type, biases=biases))

        errors = refusals(tmp_path, uploads, network(rnn_type), layout="keras")

        assert not any("ONNX" in error.detail for error in errors)


CUDNN_NAMES = [
    ("cu_dnnlstm/", "cu_dnnlstm/", "weights"),
    ("cu_dnnlstm/", "cu_dnnlstm", "weights"),
    ("model/cu_dnnlstm_1/", "model/cu_dnnlstm_1/", "weights"),
    ("CuDNNLSTM/", "", "weights"),
    ("CuDNNLSTM/", "CuDNNLSTM/", "weights"),
    ("cudnn_lstm/", "", "weights"),
    ("", "", "cu_dnnlstm"),
]


@pytest.mark.parametrize(("path", "prefix", "file"), CUDNN_NAMES, ids=str)
def test_a_name_shows_it_whatever_the_prefix_leaves_of_it(tmp_path, path, prefix, file):
    plain = layer("cell", "lstm", biases=0)
    named = {name.replace("cell/", path): array for name, array in plain.items()}
    spec = network(bias=False)
    (upload,) = saved(tmp_path / "a", named)
    cudnn = {name.replace("cell/", "cu_dnn/"): array for name, array in plain.items()}

    read = taken(
        tmp_path, [Upload(f"{file}.npz", upload.path)], spec, layout="keras", prefix=prefix
    )

    expected = taken(tmp_path, saved(tmp_path / "b", cudnn), spec, layout="keras")
    assert read.sha256 == expected.sha256


@pytest.mark.parametrize("prefix", ["", "rnn/cudnn_compatible_lstm_cell/"], ids=str)
def test_tensorflow_1s_compatible_cell_has_no_forget_bias(tmp_path, prefix):
    path = "rnn/cudnn_compatible_lstm_cell"
    arrays = {f"{path}/kernel": np.zeros((8, 20)), f"{path}/bias": np.full(20, 0.5)}

    taken(tmp_path, saved(tmp_path / "a", arrays), network(), layout="tf1", prefix=prefix)

    assert kept(tmp_path)["bias_ih_l0"].tolist() == [0.5] * 20
    assert kept(tmp_path)["bias_hh_l0"].tolist() == [0] * 20
