"""Arrays that do not fit are refused by name, with both shapes and the likely cause."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file as save_tensors

from stepzero_rnn.arrays.records import Sizes, Upload
from stepzero_rnn.errors import InvalidArrays
from tests.arrays.making import DEEP, kept, network, refusals, saved, taken, weights

DEEP_LSTM = network(**DEEP)

# The network, one array's name and shape, what is needed, and a part of the cause that is guessed;
# H = 5, I = 3.
MISFITS: list[tuple[Any, str, tuple[int, ...], tuple[int, ...], str]] = [
    (
        network(),
        "weight_ih_l0",
        (5, 3),
        (20, 3),
        "is it one gate only? Layout pytorch accepts gates by name",
    ),
    (network("gru"), "bias_hh_l0", (5,), (15,), "as in bias_hh_l0.reset"),
    (
        network(),
        "weight_ih_l0",
        (3, 20),
        (20, 3),
        "any square matrix with it, provided its gates are in the order i, f, g, o",
    ),
    (network(), "bias_ih_l0", (20, 1), (20,), "an axis of length 1 is missing or superfluous"),
    (network(), "bias_ih_l0", (1, 20), (20,), "an axis of length 1 is missing or superfluous"),
    (
        network("gru"),
        "weight_ih_l0",
        (3, 15),
        (15, 3),
        "provided its gates are in the order r, z, n",
    ),
    (
        network("rnn"),
        "weight_ih_l0",
        (3, 5),
        (5, 3),
        "Send its .T, and the .T of any square matrix",
    ),
    (
        network(),
        "bias_ih_l0",
        (40,),
        (20,),
        "Send its halves as bias_ih_l0 and bias_hh_l0, provided their gates",
    ),
    (network(), "weight_hh_l0", (15, 5), (20, 5), "is its rnn_type gru?"),
    (network("rnn"), "bias_ih_l0", (20,), (5,), "is its rnn_type lstm?"),
    (network(), "weight_ih_l0.forget", (20, 3), (5, 3), "omit the gate from its name"),
    (network("projected"), "weight_hh_l0", (20, 5), (20, 2), "from a network without projection?"),
    (network(), "weight_hh_l0", (20, 2), (20, 5), "a proj_size of 2? proj_size is 0"),
    (
        DEEP_LSTM,
        "weight_ih_l1",
        (20, 5),
        (20, 10),
        "from a unidirectional network? bidirectional is true",
    ),
    (network(num_layers=2), "weight_ih_l1", (20, 10), (20, 5), "bidirectional is false"),
    (network(num_layers=2), "weight_ih_l1", (20, 3), (20, 5), "is it from layer 0?"),
    (network(), "bias_ih_l0", (4 * 64,), (20,), "come from a network with hidden_size 64"),
    (network(), "weight_ih_l0", (16, 2), (20, 3), "input_size 2 and hidden_size 4; to use"),
    (
        network(),
        "weight_ih_l0",
        (5, 3, 4),
        (20, 3),
        "are the gates stacked along axis 2? Send np.concatenate(np.moveaxis(a, 2, 0), axis=0)",
    ),
    (
        network(),
        "weight_hh_l0",
        (4, 5, 5),
        (20, 5),
        "axis 0? Send np.concatenate(np.moveaxis(a, 0, 0), axis=0), provided they are in the order i, f, g, o",
    ),
    (network(), "weight_ih_l0", (8, 20), (20, 3), "one matrix over input and state?"),
    (network(), "weight_hh_l0", (20 * (3 + 5 + 2),), (20, 5), "in one vector, as stored by cuDNN"),
    (network(), "weight_ih_l0", (), (20, 3), ""),
    (network(), "weight_ih_l0.forget", (7, 3), (5, 3), ""),
    (network(), "weight_ih_l0", (0, 3), (20, 3), ""),
    (network(), "weight_ih_l0", (7, 7, 7), (20, 3), ""),
]
MISFITS_ELSEWHERE = [
    (
        "keras",
        network(),
        "kernel",
        (20, 3),
        (3, 20),
        "any square matrix with it, provided its gates are in the order i, f, g, o",
    ),
    ("keras", network("gru"), "bias", (15,), (2, 15), "created with reset_after=False?"),
    ("keras", network(), "kernel", (8, 20), (3, 20), "Haiku have one (layout tf1 or haiku)"),
    (
        "keras",
        network("gru"),
        "kernel",
        (8, 15),
        (3, 15),
        "applies the reset gate before the matrix",
    ),
    (
        "keras",
        network(),
        "kernel",
        (3, 5, 4),
        (3, 20),
        "np.moveaxis(a, 2, 0), axis=1), provided they are in the order i, f, g, o",
    ),
    ("tf1", network(), "kernel", (3, 20), (8, 20), "the matrix over input or state alone?"),
    ("haiku", network(), "linear/w", (5, 20), (8, 20), "the matrix over input or state alone?"),
    ("onnx", network("gru"), "B", (1, 15), (1, 30), "is it only one of the two biases?"),
    ("onnx", network(), "W", (20, 3), (1, 20, 3), "an axis of length 1 is missing or superfluous"),
    ("onnx", network(**DEEP), "layer_0/W", (1, 20, 3), (2, 20, 3), ""),
    ("flax", network(), "ii/kernel", (3, 20), (3, 5), "omit the gate from its name"),
]


def test_both_shapes_are_told_and_the_likely_cause(tmp_path):
    for spec, name, given, needed, cause in MISFITS:
        errors = refusals(tmp_path, saved(tmp_path / "from", {name: np.ones(given)}), spec)

        parameter = name.partition(".")[0]
        assert [error.code for error in errors] == ["shape_mismatch"]
        assert errors[0].pointer == f"/files/weights.npz/{name}"
        assert (errors[0].given, errors[0].allowed) == ([*given], [*needed])
        assert errors[0].detail.startswith(f"{parameter} needs shape ({needed[0]},")
        assert cause in errors[0].detail


def test_shapes_of_other_layouts_are_told_as_those_have_them(tmp_path):
    for layout, spec, name, given, needed, cause in MISFITS_ELSEWHERE:
        uploads = saved(tmp_path / "from", {name: np.ones(given)})

        errors = refusals(tmp_path, uploads, spec, layout=layout)

        assert (errors[0].given, errors[0].allowed) == ([*given], [*needed])
        assert cause in errors[0].detail


def test_arrays_of_another_hidden_size_are_told_of_which(tmp_path):
    uploads = saved(tmp_path / "from", weights(network(hidden_size=7)))

    errors = refusals(tmp_path, uploads, network())

    assert len(errors) == 4
    assert all("the arrays come from a network with hidden_size 7" in e.detail for e in errors)


def test_one_array_unlike_the_others_is_named_alone(tmp_path):
    arrays = weights(network()) | {"bias_hh_l0": np.ones(24)}

    errors = refusals(tmp_path, saved(tmp_path / "from", arrays), network())

    assert [error.pointer for error in errors] == ["/files/weights.npz/bias_hh_l0"]
    assert "its shape implies a network with hidden_size 6, unlike the others" in errors[0].detail


UNKNOWN = [
    ("weight_ih_10", network(), "did you mean weight_ih_l0"),
    ("kernel", network(), "valid names: weight_ih_l0, weight_hh_l0, bias_ih_l0"),
    ("weight_ih_l0.reset", network(), "is its rnn_type gru?"),
    ("lstm/lstm_cell/recurrent_kernel", network(), "is its layout keras or haste?"),
    ("LSTMCell_0/hf/kernel", network(), "is its layout keras, flax, tf1 or haste?"),
    ("layer_0.W", network(), "is its layout onnx?"),
    ("xweight_ih_l0", network(), "did you mean weight_ih_l0"),
    ("weight_ih_l00", network(), "did you mean weight_ih_l0"),
    ("weight_ih_l2", DEEP_LSTM, "it belongs to layer 2, but num_layers is 2"),
    ("weight_ih_l0_reverse", network(), "bidirectional is false"),
    ("weight_hr_l0", network(), "proj_size is 0"),
    ("weight_hr_l0", network("gru"), "weight_hh_l0"),
    ("bias_ih_l0", network(bias=False), "it is a bias, but bias is false"),
    ("x" * 513, network(), "its name is too long"),
]


def test_a_name_of_nothing_is_refused_with_the_nearest(tmp_path):
    for name, spec, reason in UNKNOWN:
        uploads = saved(tmp_path / "from", {name: np.ones((20, 3))}, "safetensors")

        errors = refusals(tmp_path, uploads, spec)

        assert [error.code for error in errors] == ["unknown_array"]
        assert reason in errors[0].detail


MISLAID = [
    ("keras", network(), "weight_ih_l0", "is its layout pytorch?"),
    ("flax", network(), "cell/hn/kernel", "is its rnn_type gru?"),
    ("onnx", network("gru"), "in/kernel", "is its layout keras, flax or haste?"),
]


@pytest.mark.parametrize(
    ("layout", "spec", "name", "hint"), MISLAID, ids=lambda value: str(value)[:20]
)
def test_a_name_of_another_layout_or_network_is_told_of_which(tmp_path, layout, spec, name, hint):
    uploads = saved(tmp_path / "from", {name: np.ones((20, 3))})

    errors = refusals(tmp_path, uploads, spec, layout=layout)

    assert hint in errors[0].detail


def test_a_foreign_name_of_nothing_is_refused_with_those_of_its_layout(tmp_path):
    uploads = saved(tmp_path / "from", {"lstm/kernels": np.ones((3, 20))})

    errors = refusals(tmp_path, uploads, network(), layout="keras")

    assert errors[0].allowed == ["kernel", "recurrent_kernel"]


@pytest.mark.parametrize(
    "arrays",
    [
        [{"bias_ih_l0": 20}, {"bias_ih_l0": 20}],
        [{"bias_ih_l0": 20}, {"bias_ih_l0.forget": 5}],
        [{"bias_ih_l0.f": 5, "bias_ih_l0.forget": 5}],
        [{"bias_ih_l0.f": 5}, {"bias_ih_l0": 20}],
    ],
)
def test_what_is_given_twice_is_refused(tmp_path, arrays):
    uploads = [
        upload
        for n, part in enumerate(arrays)
        for upload in saved(tmp_path / str(n), {name: np.ones(size) for name, size in part.items()})
    ]

    errors = refusals(tmp_path, uploads, network())

    assert [error.code for error in errors] == ["given_twice"]
    assert "bias_ih_l0, or one of its gates, is given twice" in errors[0].detail


def test_at_most_a_page_of_errors_is_listed(tmp_path):
    arrays = {f"nothing{n}": np.ones(1) for n in range(100)}

    errors = refusals(tmp_path, saved(tmp_path / "from", arrays), network())

    assert len(errors) == 32


def test_strict_lists_what_is_missing(tmp_path):
    arrays = weights(DEEP_LSTM)
    del arrays["weight_hh_l1"], arrays["bias_ih_l0_reverse"]
    arrays["bias_ih_l0_reverse.input"] = np.ones(5)

    errors = refusals(tmp_path, saved(tmp_path / "from", arrays), DEEP_LSTM, strict=True)

    assert errors[0].code == "missing_arrays"
    assert errors[0].allowed == ["bias_ih_l0_reverse", "weight_hh_l1"]


def test_without_strict_some_arrays_are_enough(tmp_path):
    manifest = taken(tmp_path, saved(tmp_path / "from", {"bias_hh_l1": np.ones(20)}), DEEP_LSTM)

    assert [entry.name for entry in manifest.entries] == ["bias_hh_l1"]


def test_files_without_arrays_are_refused(tmp_path):
    assert refusals(tmp_path, saved(tmp_path / "from", {}), network())[0].code == "no_arrays"


def test_nothing_is_left_of_what_is_refused(tmp_path):
    bad = weights(network()) | {"weight_hh_l0": np.full((20, 5), np.nan, "f4")}

    for arrays in (bad, {"bias_ih_l0": np.ones(19)}):
        with pytest.raises(InvalidArrays):
            taken(tmp_path, saved(tmp_path / "from", arrays, "packed.npz"), network())

    assert [path.name for path in tmp_path.iterdir()] == ["from"]


@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none_is_refused_wherever_it_stands(tmp_path, value, kind):
    array = np.ones((20, 3), kind)
    array[13, 2] = value

    errors = refusals(tmp_path, saved(tmp_path / "from", {"weight_ih_l0": array}), network())

    assert [(error.code, error.pointer) for error in errors] == [
        ("nonfinite", "/files/weights.npz/weight_ih_l0")
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_bfloat16_that_is_no_number_is_refused(tmp_path, value):
    bias = torch.zeros(20, dtype=torch.bfloat16)
    bias[7] = value
    save_tensors({"bias_ih_l0": bias}, tmp_path / "upload")

    errors = refusals(tmp_path, [Upload("a", tmp_path / "upload")], network())

    assert [error.code for error in errors] == ["nonfinite"]


class TestAGrowingNetwork:
    """A smaller network's arrays are taken as they are, if all are of one."""

    def test_is_told_by_its_arrays(self, tmp_path):
        arrays = weights(network("projected", **DEEP))
        asked = network(
            "projected", input_size=9, hidden_size=8, proj_size=4, num_layers=5, bidirectional=True
        )

        manifest = taken(tmp_path, saved(tmp_path / "from", arrays), asked, grow=True, strict=True)

        assert manifest.sizes == Sizes(3, 5, 2, 2)
        assert {name: array.shape for name, array in kept(tmp_path).items()} == {
            name: array.shape for name, array in arrays.items()
        }

    def test_has_no_size_that_no_array_tells(self, tmp_path):
        uploads = saved(tmp_path / "from", {"bias_ih_l1": np.ones(16)})

        manifest = taken(tmp_path, uploads, network(num_layers=3), grow=True)

        assert manifest.sizes == Sizes(None, 4, None, 2)

    def test_may_be_smaller_than_a_projection_that_no_array_tells(self, tmp_path):
        uploads = saved(tmp_path / "from", {"bias_ih_l0": np.ones(16)})
        asked = network("projected", hidden_size=9, proj_size=6)

        assert taken(tmp_path, uploads, asked, grow=True).sizes == Sizes(None, 4, None, 1)

    def test_is_of_equal_size_too(self, tmp_path):
        uploads = saved(tmp_path / "from", weights(DEEP_LSTM))

        grown = taken(tmp_path, uploads, DEEP_LSTM, grow=True)

        assert grown == taken(tmp_path, uploads, DEEP_LSTM)

    def test_may_come_in_any_layout(self, tmp_path):
        arrays = {"lstm/kernel": np.ones((2, 16)), "lstm/recurrent_kernel": np.ones((4, 16))}

        manifest = taken(
            tmp_path,
            saved(tmp_path / "from", arrays),
            network(num_layers=2),
            layout="keras",
            grow=True,
        )

        assert manifest.sizes == Sizes(2, 4, None, 1)

    def test_is_one_network(self, tmp_path):
        arrays = weights(network(hidden_size=4)) | {"bias_hh_l0": np.ones(12)}

        errors = refusals(tmp_path, saved(tmp_path / "from", arrays), network(), grow=True)

        assert [(error.pointer, error.allowed) for error in errors] == [
            ("/files/weights.npz/bias_hh_l0", [16])
        ]

    def test_does_not_shrink(self, tmp_path):
        uploads = saved(tmp_path / "from", weights(network(hidden_size=6, input_size=4)))

        errors = refusals(tmp_path, uploads, network(), grow=True)

        assert [(error.code, error.given, error.allowed) for error in errors] == [
            ("larger_than_network", 4, 3),
            ("larger_than_network", 6, 5),
        ]

    def test_does_not_grow_a_projection(self, tmp_path):
        uploads = saved(tmp_path / "from", weights(network(hidden_size=4)))

        errors = refusals(
            tmp_path, uploads, network("projected", hidden_size=9, proj_size=6), grow=True
        )

        assert "from a network without projection" in errors[0].detail

    def test_is_whole_when_strict(self, tmp_path):
        arrays = weights(network(hidden_size=4))
        del arrays["weight_ih_l0"]

        errors = refusals(
            tmp_path,
            saved(tmp_path / "from", arrays),
            network(num_layers=2),
            grow=True,
            strict=True,
        )

        assert errors[0].allowed == ["weight_ih_l0"]


def test_a_bias_of_twice_the_size_is_not_called_two_where_others_have_the_size(tmp_path):
    uploads = saved(tmp_path / "from", weights(network(hidden_size=10)))

    errors = refusals(tmp_path, uploads, network())

    assert len(errors) == 4
    assert all("come from a network with hidden_size 10" in error.detail for error in errors)
