"""A whole model's file: the network's arrays are chosen by what their names begin with, and a
refusal says by what.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from stepzero_rnn.arrays.records import Upload
from stepzero_rnn.errors import InvalidArrays
from tests.arrays.making import kept, network, refusals, saved, taken, weights

GRU = network("gru")
DEEP = network(num_layers=2)


class Model(torch.nn.Module):
    """A network between other layers, one of which counts in integers."""

    def __init__(self) -> None:
        super().__init__()
        self.bn = torch.nn.BatchNorm1d(3)
        self.rnn = torch.nn.GRU(3, 5)
        self.head = torch.nn.Linear(5, 2)


def zeros(**shapes: Any) -> dict[str, Any]:
    """Make arrays by their shapes."""
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


def lstm(path: str, inputs: int = 3) -> dict[str, Any]:
    """Make a layer's arrays under Keras's names."""
    parts = zeros(kernel=(inputs, 20), recurrent_kernel=(5, 20), bias=20)
    return {f"{path}/{name}": array for name, array in parts.items()}


DENSE = {f"dense/{name}": array for name, array in zeros(kernel=(5, 2), bias=2).items()}
EMBEDDING = {"embedding/embeddings": np.zeros((9, 3), np.float32)}
# The layout, the network, the file's arrays, and the prefix that the refusal advises.
WHOLE: dict[str, tuple[str, Any, dict[str, Any], str]] = {
    "a network of PyTorch below two modules": (
        "pytorch",
        network(),
        {f"model.rnn.{n}": a for n, a in weights(network()).items()}
        | zeros(**{"model.head.weight": (2, 5)}),
        "model.rnn.",
    ),
    "one layer of Keras": ("keras", network(), EMBEDDING | lstm("lstm/lstm_cell") | DENSE, "lstm/"),
    "two layers of Keras": (
        "keras",
        DEEP,
        EMBEDDING | lstm("lstm/cell") | lstm("lstm_1/cell", 5) | DENSE,
        "lstm",
    ),
    "both directions of Keras": (
        "keras",
        network(bidirectional=True),
        lstm("both/forward_lstm/cell") | lstm("both/backward_lstm/cell") | DENSE,
        "both/",
    ),
    "Flax": (
        "flax",
        network(),
        zeros(**{"params/RNN_0/cell/hi/kernel": (5, 5), "params/Dense_0/kernel": (5, 2)}),
        "params/RNN_0/",
    ),
    "ONNX": (
        "onnx",
        network(),
        zeros(**{"lstm/W": (1, 20, 3), "lstm/R": (1, 20, 5), "dense/W": (2, 5), "dense/B": 2}),
        "lstm/",
    ),
}


@pytest.fixture
def model(tmp_path):
    """A file as it is advised in place of a pickled one."""
    save_file(Model().state_dict(), tmp_path / "upload")
    return [Upload("model.safetensors", tmp_path / "upload")]


def test_a_state_dict_is_refused_once_with_the_prefix_to_send(tmp_path, model):
    (error,) = refusals(tmp_path, model, GRU)

    assert (error.pointer, error.code, error.allowed) == ("/prefix", "other_arrays", "rnn.")
    assert "those that begin with `rnn.`: set prefix=rnn.; the others: bn." in error.detail
    assert "bn.num_batches_tracked" in error.given
    assert not any("rnn." in name for name in error.given)


@pytest.mark.parametrize("prefix", ["rnn.", "rnn"])
def test_a_state_dict_is_taken_by_its_prefix(tmp_path, model, prefix):
    manifest = taken(tmp_path, model, GRU, prefix=prefix, strict=True)

    assert manifest.prefix == "rnn."
    assert kept(tmp_path).keys() == weights(GRU).keys()


@pytest.mark.parametrize("name", WHOLE)
def test_the_prefix_that_a_refusal_advises_is_taken(tmp_path, name):
    layout, spec, arrays, prefix = WHOLE[name]
    uploads = saved(tmp_path / "from", arrays)

    (error,) = refusals(tmp_path, uploads, spec, layout=layout)
    manifest = taken(tmp_path, uploads, spec, layout=layout, prefix=error.allowed)

    assert error.allowed == prefix
    alone = {name: a for name, a in arrays.items() if name.startswith(prefix)}
    again = taken(tmp_path, saved(tmp_path / "alone", alone), spec, layout=layout)
    assert manifest.sha256 == again.sha256


def test_a_cells_parameters_are_those_of_one_layer(tmp_path):
    cell = torch.nn.LSTMCell(3, 5)
    save_file(cell.state_dict(prefix="cell."), tmp_path / "upload")

    taken(tmp_path, [Upload("a.safetensors", tmp_path / "upload")], network(), strict=True)

    found = kept(tmp_path)
    assert all(
        np.array_equal(found[f"{name}_l0"], tensor.detach().numpy())
        for name, tensor in cell.named_parameters()
    )


def test_a_file_of_two_networks_is_refused_with_the_prefix_of_each(tmp_path):
    for names, layout in ((weights(network()), "pytorch"), (lstm("cell"), "keras")):
        arrays = {f"{of}/{name}": a for of in ("enc", "dec") for name, a in names.items()}

        (error,) = refusals(
            tmp_path, saved(tmp_path / "from", arrays | DENSE), network(), layout=layout
        )

        assert error.allowed == ["enc/", "dec/"]
        assert "prefix=enc/ or prefix=dec/" in error.detail


def test_a_prefix_of_nothing_is_refused_with_the_names_that_there_are(tmp_path, model):
    (error,) = refusals(tmp_path, model, GRU, prefix="gru.")

    assert (error.pointer, error.code, error.given) == ("/prefix", "matches_nothing", "gru.")
    assert "rnn.bias_hh_l0" in error.allowed


def test_a_misspelt_name_is_told_beside_what_is_not_the_networks(tmp_path):
    arrays = {f"rnn.{n}": a for n, a in weights(network()).items()} | zeros(**{"bn.weight": 3})
    arrays["rnn.bias_hh_10"] = arrays.pop("rnn.bias_hh_l0")

    errors = refusals(tmp_path, saved(tmp_path / "from", arrays), network())

    assert [error.pointer for error in errors] == ["/prefix", "/files/weights.npz/rnn.bias_hh_10"]
    assert "did you mean bias_hh_l0" in errors[1].detail


def test_no_layout_is_guessed_where_names_are_understood(tmp_path):
    arrays = weights(network()) | zeros(**{"head/kernel": (5, 2), "head/bias": 2})

    errors = refusals(tmp_path, saved(tmp_path / "from", arrays), network())

    assert [error.code for error in errors] == ["unknown_array"] * 2
    assert not any("layout" in error.detail for error in errors)


def test_a_bias_alone_is_no_sign_of_a_layout(tmp_path, model):
    for layout in ("keras", "flax", "onnx"):
        errors = refusals(tmp_path, model, GRU, layout=layout)

        guesses = {e.given for e in errors if "is its layout pytorch?" in e.detail}
        assert guesses == {"rnn." + name for name in weights(GRU)}
        assert not any("prefix" in error.detail for error in errors)


def test_numbers_of_the_network_that_are_no_floats_are_refused(tmp_path):
    arrays = weights(network()) | {"bias_ih_l0": np.ones(20, np.int64)}

    (error,) = refusals(tmp_path, saved(tmp_path / "from", arrays), network())

    assert (error.pointer, error.code) == ("/files/weights.npz/bias_ih_l0", "not_floats")


def test_names_stand_in_sentences_as_they_are(tmp_path):
    uploads = saved(tmp_path / "from", {"lstm/cell/kernel": np.ones((3, 21))})

    with pytest.raises(InvalidArrays) as refusal:
        taken(tmp_path, uploads, network(), layout="keras")

    assert str(refusal.value).startswith("/files/weights.npz/lstm/cell/kernel: ")
    assert refusal.value.facts["errors"][0]["pointer"] == "/files/weights.npz/lstm~1cell~1kernel"


KNOWN_HABITS = [
    ({"rnns.0.module.weight_hh_l0_raw": (20, 5)}, "AWD-LSTM"),
    (
        {"rnns.0.module.weight_ih_l0": (20, 3), "rnns.0.module.weight_hh_l0_raw": (20, 5)},
        "AWD-LSTM",
    ),
    ({"cudnn_lstm/opaque_kernel": (7,)}, "in one vector, as stored by cuDNN"),
    ({"parameters": (20 * (3 + 5 + 2),)}, "in one vector, as stored by cuDNN"),
]


@pytest.mark.parametrize(("shapes", "said"), KNOWN_HABITS, ids=lambda value: str(value)[:40])
def test_what_other_programs_are_known_to_write_is_told(tmp_path, shapes, said):
    errors = refusals(tmp_path, saved(tmp_path / "from", zeros(**shapes)), network())

    assert [error.code for error in errors] == ["unknown_array"]
    assert said in errors[0].detail


def layers_of(*begins: str) -> dict[str, Any]:
    """Make networks of one layer each, under PyTorch's names."""
    return {f"{begin}{n}": a for begin in begins for n, a in weights(network()).items()}


@pytest.mark.parametrize(
    ("begins", "spec"),
    [
        (("rnn1.", "rnn2."), DEEP),
        (("layers.0.", "layers.1."), DEEP),
        (("encoder.lstm1.", "encoder.lstm2."), DEEP),
        (("fwd.", "bwd."), network(bidirectional=True)),
    ],
    ids=str,
)
def test_a_prefix_that_gives_a_part_of_the_network_is_not_advised(tmp_path, begins, spec):
    (error,) = refusals(tmp_path, saved(tmp_path / "from", layers_of(*begins)), spec)

    assert error.allowed is None
    assert "prefix=" not in error.detail
    assert "weight_ih_l1 for the second layer's" in error.detail
    assert "weight_ih_l0_reverse for the backward direction's" in error.detail


def test_a_prefix_that_leaves_a_matrix_out_is_not_advised(tmp_path):
    moved = {f"module.{n}": a for n, a in weights(network()).items()}
    moved["weight_hh_l0"] = moved.pop("module.weight_hh_l0")

    (error,) = refusals(tmp_path, saved(tmp_path / "from", moved), network())

    assert error.allowed is None
    assert "prefix=" not in error.detail


def test_a_network_that_no_prefix_tells_apart_is_to_be_sent_by_itself(tmp_path):
    (error,) = refusals(tmp_path, saved(tmp_path / "from", layers_of("", "ema.")), network())

    assert error.allowed is None
    assert "prefix=" not in error.detail
    assert "in a separate file" in error.detail


def test_parts_of_paths_are_not_advised(tmp_path):
    uploads = saved(tmp_path / "from", lstm("below") | lstm("above", 5))

    (error,) = refusals(tmp_path, uploads, DEEP, layout="keras")

    assert error.allowed is None
    assert "prefix" not in error.detail
    assert "layer_0/" in error.detail


def test_a_prefix_does_not_cut_a_number(tmp_path):
    uploads = saved(tmp_path / "from", lstm("lstm_1/cell") | lstm("lstm_10/cell"))

    by_beginning = taken(tmp_path, uploads, network(), layout="keras", prefix="lstm_1")
    by_whole_name = taken(tmp_path, uploads, network(), layout="keras", prefix="lstm_1/")

    assert by_beginning.sha256 == by_whole_name.sha256


AWD = {
    f"0.rnns.{layer}.{name}": shape
    for layer in (0, 1)
    for name, shape in {
        "weight_hh_l0_raw": (20, 5),
        "module.weight_hh_l0": (20, 5),
        "module.weight_ih_l0": (20, 5 if layer else 3),
        "module.bias_ih_l0": 20,
    }.items()
}
FIRST_OF_AWD = {name: shape for name, shape in AWD.items() if name.startswith("0.rnns.0")}


@pytest.mark.parametrize(
    ("shapes", "prefix"),
    [
        (AWD, ""),
        (AWD, "0.rnns."),
        (AWD, "0.rnns.0."),
        (AWD, "0.rnns.0.module."),
        (AWD, "0.rnns.0.module"),
        (FIRST_OF_AWD | {"1.decoder.weight": (9, 5)}, ""),
    ],
    ids=["all", "rnns", "a layer", "its module", "without a dot", "with a head"],
)
def test_dropped_weights_are_never_taken_nor_advised_for_the_weights(tmp_path, shapes, prefix):
    uploads = saved(tmp_path / "from", zeros(**shapes))

    errors = refusals(tmp_path, uploads, network(), prefix=prefix)

    assert any("AWD-LSTM" in error.detail for error in errors)
    assert not any("prefix=" in error.detail for error in errors)
    assert not any("by its prefix" in error.detail for error in errors)


IN_PARTS = [
    ("weight_hh_l0_orig", "prune.remove"),
    ("rnn.weight_hh_l0_mask", "prune.remove"),
    ("weight_ih_l0_reverse_g", "remove_weight_norm"),
    ("weight_hh_l0_u", "remove_spectral_norm"),
    ("parametrizations.weight_hh_l0.original", "remove_parametrizations"),
    ("rnn.parametrizations.weight_hh_l0.original0", "remove_parametrizations"),
    ("rnn.parametrizations.weight_hh_l0.0._u", "remove_parametrizations"),
]


@pytest.mark.parametrize(("name", "remedy"), IN_PARTS, ids=str)
def test_a_parameter_in_parts_is_told_how_to_become_whole(tmp_path, name, remedy):
    begin = "rnn." * name.startswith("rnn.")
    arrays = {f"{begin}{n}": a for n, a in weights(network()).items()}
    del arrays[f"{begin}weight_hh_l0"]
    arrays |= zeros(**{name: (20, 5), "head.weight": (2, 5)})

    (error, *_) = refusals(tmp_path, saved(tmp_path / "from", arrays), network())

    assert remedy in error.detail
    assert "prefix=" not in error.detail


@pytest.mark.parametrize("shape", [(5, 2), (8, 20)], ids=["of its own", "of the network's"])
def test_a_dense_layer_is_not_advised_for_a_network_of_one_matrix(tmp_path, shape):
    cell = "rnn/basic_lstm_cell"
    names = {f"{cell}/kernel": (8, 20), f"{cell}/bias": 20}
    head = {"dense/kernel": shape, "dense/bias": shape[1]}

    errors = refusals(
        tmp_path, saved(tmp_path / "from", zeros(**names | head)), network(), layout="tf1"
    )

    assert [error.allowed for error in errors] == [["rnn/"]]
    assert "prefix=dense/" not in errors[0].detail


def test_a_layer_is_not_advised_where_another_is_in_parts(tmp_path):
    arrays = layers_of("rnn1.") | zeros(
        **{"rnn2.weight_hh_l0_orig": (20, 5), "rnn2.weight_hh_l0_mask": (20, 5)}
    )

    errors = refusals(tmp_path, saved(tmp_path / "from", arrays), DEEP)

    assert "prune.remove" in errors[0].detail
    assert not any("prefix=" in error.detail for error in errors)
