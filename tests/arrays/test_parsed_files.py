"""ONNX and HDF5 files are read as the arrays in them are: to the bit."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import stepzero_rnn
from stepzero_rnn.arrays.records import Upload
from tests.arrays.foreign import (
    hdf5,
    keras_datasets,
    module,
    onnx_arrays,
    onnx_bytes,
    onnx_model,
    onnx_nodes,
)
from tests.arrays.making import DEEP, kept, network, refusals, saved, taken, weights

NETWORKS = [
    ("lstm", {}),
    ("lstm", DEEP),
    ("gru", {}),
    ("gru", DEEP),
    ("gru", {"bias": False}),
    ("rnn", {"num_layers": 2}),
]
TYPES = ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"]


def put(folder: Path, content: bytes, name: str = "model.onnx") -> list[Upload]:
    """Write a file."""
    (folder / name).write_bytes(content)
    return [Upload(name, folder / name)]


def totals(state: Any) -> dict[str, Any]:
    """Return weights, and the sum of each two biases."""
    found = {name: np.asarray(value) for name, value in state.items()}
    return {
        name: value + found.get(name.replace("_ih", "_hh"), 0) if "bias_ih" in name else value
        for name, value in found.items()
        if "bias_hh" not in name
    }


def is_equal(found: Any, given: Any) -> bool:
    """Whether arrays are equal to the bit."""
    return found.keys() == given.keys() and all(
        np.array_equal(found[name], np.asarray(value)) for name, value in given.items()
    )


@pytest.mark.parametrize(("kind", "fields"), NETWORKS)
def test_the_network_of_an_onnx_graph_is_read_to_the_bit(tmp_path, kind, fields):
    spec = network(kind, **fields)
    net = module(spec)

    taken(tmp_path, put(tmp_path, onnx_bytes(net, kind)), spec, layout="onnx", strict=True)

    assert is_equal(kept(tmp_path), net.state_dict())


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_pytorch_answers_as_the_graph_that_was_uploaded(tmp_path, monkeypatch, kind):
    monkeypatch.setenv("STEPZERO_ARRAYS_FOLDER", str(tmp_path / "arrays"))
    spec = network(kind, **DEEP)
    (upload,) = put(tmp_path, onnx_bytes(module(spec), kind))
    x = np.random.default_rng(1).standard_normal((7, 2, 3)).astype(np.float32)

    recipe = stepzero_rnn.with_arrays(spec, [upload.path], layout="onnx", strict=True)

    (theirs,) = ReferenceEvaluator(str(upload.path)).run(None, {"x": x})
    with torch.no_grad():
        ours = stepzero_rnn.build(recipe)(torch.from_numpy(x))[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize(("kind", "fields"), NETWORKS)
def test_the_weights_of_a_keras_model_are_read_to_the_bit(tmp_path, kind, fields):
    spec = network(kind, **fields)
    net = module(spec)
    path = hdf5(tmp_path / "model.weights.h5", keras_datasets(net, kind))

    taken(tmp_path, [Upload(path.name, path)], spec, layout="keras", strict=True)

    assert is_equal(totals(kept(tmp_path)), totals(net.state_dict()))


def test_a_keras_archive_is_read_as_the_weights_in_it(tmp_path):
    spec = network("gru", **DEEP)
    net = module(spec)
    weights_path = hdf5(tmp_path / "weights", keras_datasets(net, "gru"))
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as file:
        file.writestr("metadata.json", "{}")
        file.writestr("config.json", "{}")
        file.write(weights_path, "model.weights.h5")

    path = tmp_path / "model.keras"
    taken(tmp_path, [Upload(path.name, path)], spec, layout="keras", strict=True)

    assert is_equal(kept(tmp_path), net.state_dict())
    assert {entry.name for entry in tmp_path.iterdir()} == {"weights", "model.keras", "stored"}


def test_names_of_an_older_keras_are_read_with_the_prefix_that_is_suggested(tmp_path):
    spec = network("lstm", num_layers=2)
    net = module(spec)
    parts, datasets = ("kernel:0", "recurrent_kernel:0", "bias:0"), {}
    for name, array in keras_datasets(net, "lstm").items():
        layer, number = name.split("/")[1], int(name[-1])
        datasets[f"model_weights/{layer}/{layer}/lstm_cell/{parts[number]}"] = array
    datasets["model_weights/dense/dense/kernel:0"] = np.zeros((5, 2), "f4")
    datasets["optimizer_weights/Adam/iter:0"] = np.array(3)
    path = hdf5(tmp_path / "model.h5", datasets)
    uploads = [Upload(path.name, path)]

    (error,) = refusals(tmp_path, uploads, spec, layout="keras")
    taken(tmp_path, uploads, spec, layout="keras", strict=True, prefix=error.allowed)

    assert error.code == "other_arrays"
    assert error.allowed == "model_weights/lstm"
    assert is_equal(totals(kept(tmp_path)), totals(net.state_dict()))


@pytest.mark.parametrize(
    "settings", [{}, {"chunks": (3, 2)}, {"compression": "gzip", "shuffle": True}]
)
@pytest.mark.parametrize("number", TYPES)
def test_every_float_and_storage_of_hdf5_is_read(tmp_path, number, settings):
    arrays = {"weight_ih_l0": weights(network())["weight_ih_l0"].astype(number)}
    path = hdf5(tmp_path / "own.h5", arrays, **settings)

    taken(tmp_path, [Upload(path.name, path)], network())

    wide = np.float64 if number.endswith("8") else np.float32
    assert np.array_equal(kept(tmp_path)["weight_ih_l0"], arrays["weight_ih_l0"].astype(wide))


def test_bfloat16_is_read_as_keras_writes_it(tmp_path):
    tensor = torch.randn(20, 3).bfloat16()
    with h5py.File(tmp_path / "model.weights.h5", "w") as file:
        file["weight_ih_l0"] = tensor.view(torch.int16).numpy().view("V2")
        uploads = [Upload("model.weights.h5", tmp_path / "model.weights.h5")]
        file.flush()
        (error,) = refusals(tmp_path, uploads, network())
        file["weight_ih_l0"].attrs["dtype"] = "bfloat16"

    taken(tmp_path, uploads, network())

    assert (error.pointer, error.code) == ("/files/model.weights.h5/weight_ih_l0", "not_floats")
    assert np.array_equal(kept(tmp_path)["weight_ih_l0"], tensor.float().numpy())


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bfloat16"])
@pytest.mark.parametrize("is_raw", [True, False])
def test_every_float_and_field_of_onnx_is_read(tmp_path, dtype, is_raw):
    net = module(network("gru")).to(getattr(torch, dtype))
    arrays = onnx_arrays(net.float(), "gru", 0)
    kind = {"float32": "FLOAT", "float64": "DOUBLE"}.get(dtype, dtype.upper())
    number = onnx.TensorProto.DataType.Value(kind)
    node = helper.make_node("GRU", ["x", *arrays], ["y"], linear_before_reset=1, hidden_size=5)
    tensors = []
    for name, array in arrays.items():
        tensor = helper.make_tensor(name, number, array.shape, array.ravel())
        if is_raw:
            tensor = numpy_helper.from_array(numpy_helper.to_array(tensor), name)
        tensors.append(tensor)

    content = onnx_model([node, *tensors]).SerializeToString()
    manifest = taken(tmp_path, put(tmp_path, content), network("gru"), layout="onnx")

    assert {entry.dtype for entry in manifest.entries} == {dtype}
    assert is_equal(kept(tmp_path), net.state_dict())


def test_arrays_of_constants_identities_and_branches_are_found(tmp_path):
    net = module(network())
    arrays = onnx_arrays(net, "lstm", 0)
    inner = helper.make_node("LSTM", ["x", "w", "R", "B"], ["y"], hidden_size=5)
    constant = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(arrays["W"]))
    same = helper.make_node("Identity", ["c"], ["w"])
    branch = helper.make_graph([inner], "then", [], [onnx.ValueInfoProto(name="y")])
    chosen = helper.make_node("If", ["is"], ["y"], then_branch=branch, else_branch=branch)
    chosen.attribute.pop()  # one branch is enough here
    others = [numpy_helper.from_array(arrays[name], name) for name in "RB"]
    content = onnx_model([constant, same, chosen, *others]).SerializeToString()

    taken(tmp_path, put(tmp_path, content), network(), layout="onnx", strict=True)

    assert is_equal(kept(tmp_path), net.state_dict())


def unfolded(net: Any, begin: str = "") -> list[Any]:
    """Return an LSTM's node, and nodes that stack its arrays from those of PyTorch at run time."""
    made: list[Any] = []

    def gates(name: str) -> list[str]:
        made.append(numpy_helper.from_array(net.state_dict()[name].numpy(), f"{begin}{name}"))
        outs = [f"{begin}{name}_{gate}" for gate in "ifgo"]
        made.append(helper.make_node("Split", [f"{begin}{name}"], outs, axis=0))
        return [outs[0], outs[3], outs[1], outs[2]]

    made.append(numpy_helper.from_array(np.array([0]), f"{begin}first"))
    for array, names in (
        ("W", ["weight_ih_l0"]),
        ("R", ["weight_hh_l0"]),
        ("B", ["bias_ih_l0", "bias_hh_l0"]),
    ):
        blocks = [block for name in names for block in gates(name)]
        made.append(helper.make_node("Concat", blocks, [f"{begin}{array}_flat"], axis=0))
        given = [f"{begin}{array}_flat", f"{begin}first"]
        made.append(helper.make_node("Unsqueeze", given, [f"{begin}{array}"]))
    inputs = ["x", *(f"{begin}{array}" for array in "WRB")]
    return [*made, helper.make_node("LSTM", inputs, [f"{begin}y"], hidden_size=5)]


def test_arrays_that_an_exporter_left_to_be_stacked_are_computed(tmp_path):
    net = module(network())
    uploads = put(tmp_path, onnx_model(unfolded(net)).SerializeToString())

    taken(tmp_path, uploads, network(), layout="onnx", strict=True)

    assert is_equal(kept(tmp_path), net.state_dict())


def test_a_network_that_is_in_a_graph_twice_is_one(tmp_path):
    net = module(network())
    twice = [*unfolded(net, "then_"), *unfolded(net, "else_")]

    content = onnx_model(twice).SerializeToString()
    taken(tmp_path, put(tmp_path, content), network(), layout="onnx", strict=True)

    assert is_equal(kept(tmp_path), net.state_dict())


def test_an_array_that_is_computed_otherwise_is_refused_by_the_name_of_its_node(tmp_path):
    model = onnx.ModelProto.FromString(onnx_bytes(module(network()), "lstm"))
    model.graph.node.insert(0, helper.make_node("Relu", ["W0"], ["made"]))
    model.graph.node[1].input[1] = "made"

    errors = refusals(tmp_path, put(tmp_path, model.SerializeToString()), network(), layout="onnx")

    assert [error.code for error in errors] == ["not_stored"]
    assert "computed by a node Relu" in errors[0].detail


def test_one_of_several_networks_in_a_graph_is_chosen_by_its_prefix(tmp_path):
    spec = network("gru", num_layers=2)
    first, second = module(spec), module(spec.model_copy(update={"num_layers": 1}))
    parts = [*onnx_nodes(first, "gru", "enc_"), *onnx_nodes(second, "gru", "dec_")]
    other = numpy_helper.from_array(np.zeros((9, 9), "f4"), "embedding")
    uploads = put(tmp_path, onnx_model([*parts, other], "enc_", "dec_").SerializeToString())

    (error,) = refusals(tmp_path, uploads, spec, layout="onnx")
    taken(tmp_path, uploads, spec, layout="onnx", strict=True, prefix="enc_rnn")

    assert "prefix=enc_rnn" in error.detail
    assert is_equal(kept(tmp_path), first.state_dict())


@pytest.mark.parametrize(
    ("kind", "attributes", "said"),
    [
        ("gru", {"linear_before_reset": 0}, "linear_before_reset=0"),
        ("lstm", {"direction": "reverse"}, "direction='reverse'"),
        ("lstm", {"clip": 3.0}, "clip"),
        ("lstm", {"input_forget": 1}, "input_forget=1"),
        ("rnn", {"activations": ["Sigmoid"]}, "activations sigmoid"),
    ],
)
def test_a_node_that_pytorch_cannot_compute_is_refused_with_the_reason(
    tmp_path, kind, attributes, said
):
    uploads = put(tmp_path, onnx_bytes(module(network(kind)), kind, **attributes))

    errors = refusals(tmp_path, uploads, network(kind), layout="onnx")

    assert {error.code for error in errors} == {"unlike_pytorch"}
    assert all(said in error.detail for error in errors)


def test_peepholes_are_refused_with_the_reason(tmp_path):
    model = onnx.ModelProto.FromString(onnx_bytes(module(network()), "lstm"))
    model.graph.node[0].input.extend(["", "", "", "peepholes"])

    errors = refusals(tmp_path, put(tmp_path, model.SerializeToString()), network(), layout="onnx")

    assert all("peepholes" in error.detail for error in errors)


def test_a_graph_without_a_recurrent_node_says_what_it_has(tmp_path):
    node = helper.make_node("MatMul", ["x", "x"], ["y"])
    uploads = put(tmp_path, onnx_model([node]).SerializeToString())

    (error,) = refusals(tmp_path, uploads, network(), layout="onnx")

    assert (error.pointer, error.code) == ("/files/model.onnx", "broken_file")
    assert error.detail.endswith("its nodes are: MatMul")


def test_identify_reads_them_as_well(tmp_path):
    drawn = stepzero_rnn.build(
        {"rnn_type": "gru", "input_size": 10, "hidden_size": 64, "init": "orthogonal"}
    )
    (upload,) = put(tmp_path, onnx_bytes(drawn, "gru"))

    found = stepzero_rnn.identify([upload.path], layout="onnx")

    assert found.network["rnn_type"] == "gru"
    assert "orthogonal" in str(found.parts)


def test_kinds_of_files_may_be_mixed(tmp_path):
    spec = network("lstm")
    arrays = weights(spec)
    part = hdf5(tmp_path / "part.h5", {"weight_ih_l0": arrays.pop("weight_ih_l0")})

    taken(tmp_path, [*saved(tmp_path / "from", arrays), Upload("part.h5", part)], spec, strict=True)

    assert is_equal(kept(tmp_path), weights(spec))


@pytest.mark.parametrize(
    ("format", "layout"), [("onnx", "onnx"), ("keras_weights", "keras"), ("keras", "keras")]
)
@pytest.mark.parametrize(("kind", "fields"), NETWORKS)
def test_a_file_that_is_exported_here_is_the_same_network_when_it_is_uploaded(
    tmp_path, kind, fields, format, layout
):
    spec = network(kind, **fields)
    path = stepzero_rnn.save(spec, tmp_path / "net", format=format)

    taken(tmp_path, [Upload(path.name, path)], spec, layout=layout, strict=True)

    assert is_equal(totals(kept(tmp_path)), totals(stepzero_rnn.state_dict(spec)))
