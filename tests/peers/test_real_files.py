"""Weights that packages carry, taken as an upload takes them, make PyTorch answer as the runtime
that they were made for.
"""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

import stepzero_rnn
from stepzero_rnn.errors import InvalidArrays

pytestmark = [
    pytest.mark.peers,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*no array tells:UserWarning"),  # each a test of its own
]

Array = NDArray[Any]
CLOSE = 1e-5


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep arrays in a folder of one's own."""
    monkeypatch.setenv("STEPZERO_ARRAYS_FOLDER", str(tmp_path / "arrays"))


def carried(package: str, file: str) -> Path:
    """Find a file that a package carries, without running the package."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        pytest.skip(f"{package} is not installed")
    return Path(found.submodule_search_locations[0], file)


def spec(rnn_type: str, inputs: int, hidden: int, **fields: Any) -> dict[str, Any]:
    """Describe a network."""
    return {"rnn_type": rnn_type, "input_size": inputs, "hidden_size": hidden, **fields}


def answer(recipe: Any, x: Array, state: Any = None) -> tuple[Array, Array]:
    """Run a network on (steps, batch, features); give its outputs and its last hidden state."""
    with torch.no_grad():
        y, last = stepzero_rnn.build(recipe)(torch.from_numpy(x), state)
    return y.numpy(), (last[0] if isinstance(last, tuple) else last).numpy()


def noise(*shape: int) -> Array:
    """Make an input."""
    return np.random.default_rng(3).standard_normal(shape).astype(np.float32)


def methods_of(source: Path, *names: str) -> dict[str, Any]:
    """Compile methods of a module's classes, without what its import loads and downloads."""
    classes = [
        node for node in ast.parse(source.read_text()).body if isinstance(node, ast.ClassDef)
    ]
    wanted: list[ast.stmt] = [
        n for c in classes for n in c.body if isinstance(n, ast.FunctionDef) and n.name in names
    ]
    scope: dict[str, Any] = {"np": np}
    exec(compile(ast.Module(wanted, []), str(source), "exec"), scope)  # noqa: S102 - the peer's own code
    return scope


@pytest.mark.parametrize("part", ["enc", "dec"])
def test_g2p_ens_gru_answers_as_its_own_code(part: str) -> None:
    with np.load(carried("g2p_en", "checkpoint20.npz")) as file:
        own = {kind: file[f"{part}_{kind}"] for kind in ("w_ih", "w_hh", "b_ih", "b_hh")}
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    runtime = methods_of(carried("g2p_en", "g2p.py"), "sigmoid", "grucell", "gru")
    itself = SimpleNamespace()
    itself.sigmoid = lambda *a: runtime["sigmoid"](itself, *a)
    itself.grucell = lambda *a: runtime["grucell"](itself, *a)
    x = noise(9, 2, 256)

    recipe = stepzero_rnn.with_arrays(
        spec("gru", 256, 256), dict(zip(names, own.values(), strict=True)), strict=True
    )

    theirs = runtime["gru"](itself, x.transpose(1, 0, 2), 9, *own.values()).transpose(1, 0, 2)
    np.testing.assert_allclose(answer(recipe, x)[0], theirs, atol=CLOSE)


def test_silero_vads_state_dict_answers_as_its_own_torchscript(tmp_path: Path) -> None:
    model = torch.jit.load(str(carried("silero_vad", "data/silero_vad.jit")))
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    x, theirs, state = noise(9, 2, 128), [], (torch.zeros(2, 128), torch.zeros(2, 128))
    with torch.no_grad():
        for step in torch.from_numpy(x):
            state = model._model.decoder.rnn(step, state)
            theirs.append(state[0].numpy())
    network, files = spec("lstm", 128, 128), [tmp_path / "model.safetensors"]

    with pytest.raises(InvalidArrays, match=r"prefix=_model\. or prefix=_model_8k\.") as refusal:
        stepzero_rnn.with_arrays(network, files)
    (error,) = refusal.value.facts["errors"]
    with pytest.raises(InvalidArrays, match="prefix=") as refusal:
        stepzero_rnn.with_arrays(network, files, prefix=error["allowed"][0])
    prefix = refusal.value.facts["errors"][0]["allowed"]
    recipe = stepzero_rnn.with_arrays(network, files, prefix=prefix, strict=True)

    np.testing.assert_allclose(answer(recipe, x)[0], np.stack(theirs), atol=CLOSE)


def test_silero_vads_operator_answers_as_onnx_runtime() -> None:
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    model = onnx.load(carried("silero_vad", "data/silero_vad_16k_sequence.onnx"))
    (node,) = (node for node in model.graph.node if node.op_type == "LSTM")
    stored = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    arrays = {name: stored[given] for name, given in zip("WRB", node.input[1:4], strict=True)}
    shown = [node.input[0], node.output[0]]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in shown)
    h, c = noise(2, 1, 1, 128)
    session = runtime.InferenceSession(model.SerializeToString())
    x, y = session.run(shown, {"input": noise(9, 576), "h": h, "c": c})

    recipe = stepzero_rnn.with_arrays(spec("lstm", 128, 128), arrays, layout="onnx", strict=True)

    state = (torch.from_numpy(h), torch.from_numpy(c))
    np.testing.assert_allclose(answer(recipe, x, state)[0], y[:, 0], atol=CLOSE)


def test_silero_vads_whole_file_answers_as_its_cell() -> None:
    whole = carried("silero_vad", "data/silero_vad_16k.safetensors")
    cell, held = torch.nn.LSTMCell(128, 128), load_file(whole)
    cell.load_state_dict({n: held[f"lstm_cell.{n}"] for n in cell.state_dict()})
    x, theirs, state = noise(9, 2, 128), [], None
    with torch.no_grad():
        for step in torch.from_numpy(x):
            state = cell(step, state)
            theirs.append(state[0].numpy())

    with pytest.raises(InvalidArrays, match=r"send prefix=lstm_cell\."):
        stepzero_rnn.with_arrays(spec("lstm", 128, 128), [whole])
    recipe = stepzero_rnn.with_arrays(
        spec("lstm", 128, 128), [whole], prefix="lstm_cell.", strict=True
    )

    np.testing.assert_allclose(answer(recipe, x)[0], np.stack(theirs), atol=CLOSE)


@pytest.mark.parametrize("size", [50, 100])
def test_chars2vecs_lstm_answers_as_keras_where_it_runs_with_sigmoid(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    h5py, keras = pytest.importorskip("h5py"), pytest.importorskip("keras")
    arrays: dict[str, Array] = {}

    def read(name: str, item: Any) -> None:
        arrays.update({name: item[()]} if isinstance(item, h5py.Dataset) else {})

    with h5py.File(carried("chars2vec", f"trained_models/eng_{size}/weights.h5")) as file:
        file.visititems(read)
    first, second = sorted({name.rpartition("/")[0] for name in arrays})
    inputs = arrays[f"{first}/kernel:0"].shape[0]
    x = np.eye(inputs, dtype=np.float32)[np.arange(7 * 2).reshape(7, 2) % inputs]

    def theirs(activation: Any) -> Array:
        layers = [
            keras.layers.LSTM(size, return_sequences=True, recurrent_activation=activation)
            for _ in range(2)
        ]
        model = keras.Sequential([keras.layers.Input((None, inputs)), *layers])
        parts = ("kernel:0", "recurrent_kernel:0", "bias:0")
        model.set_weights(
            [arrays[f"{layer}/{part}"] for layer in (first, second) for part in parts]
        )
        return np.asarray(model(x.transpose(1, 0, 2))).transpose(1, 0, 2)

    with pytest.warns(UserWarning, match="hard_sigmoid"):
        recipe = stepzero_rnn.with_arrays(
            spec("lstm", inputs, size, num_layers=2), arrays, layout="keras", strict=True
        )

    ours = answer(recipe, x)[0]
    np.testing.assert_allclose(ours, theirs("sigmoid"), atol=CLOSE)
    hard = theirs(lambda v: keras.ops.clip(0.2 * v + 0.5, 0, 1))  # what it was trained with
    assert np.abs(ours - hard).max() > 0.05


def node_tests() -> list[Any]:
    """List ONNX's own tests of the operators, of networks that PyTorch has."""
    if find_spec("onnx") is None:
        return []
    with np.errstate(all="ignore"):
        from onnx.backend.test.case.node import collect_testcases

        cases = {case.name: case for case in collect_testcases()}
    chosen = [case for case in cases.values() if case.model.graph.node[0].op_type in MODULES]
    return [case for case in chosen if _is_read(case.model.graph.node[0])]


MODULES = {"GRU": "gru", "LSTM": "lstm", "RNN": "rnn"}


def _is_read(node: Any) -> bool:
    """PyTorch has no peepholes, and no network of the backward direction alone."""
    direction = next((a.s for a in node.attribute if a.name == "direction"), b"forward")
    return len(node.input) < 8 and direction != b"reverse"


@pytest.mark.filterwarnings("ignore")
def test_onnxs_node_tests_answer_as_onnx_runtime_with_linear_before_reset() -> None:
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    cases = node_tests()
    for case in cases:
        node = onnx.NodeProto()
        node.CopyFrom(case.model.graph.node[0])
        batch_first = any(a.name == "layout" and a.i for a in node.attribute)
        kept = [a for a in node.attribute if a.name not in ("layout", "linear_before_reset")]
        del node.attribute[:], node.output[:]
        node.attribute.extend(kept)
        node.output.extend(["Y", "Y_h"])
        if node.op_type == "GRU":
            node.attribute.append(onnx.helper.make_attribute("linear_before_reset", 1))
        given = dict(zip([n for n in node.input if n], case.data_sets[0][0], strict=True))
        if batch_first:
            given["X"] = given["X"].transpose(1, 0, 2)
        floats = onnx.TensorProto.FLOAT
        ends = [onnx.helper.make_tensor_value_info(n, floats, None) for n in (*given, "Y", "Y_h")]
        graph = onnx.helper.make_graph([node], "node", ends[:-2], ends[-2:])
        model = onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid("", 21)], ir_version=10
        )
        theirs = runtime.InferenceSession(model.SerializeToString()).run(None, given)
        x, w, r = (given[name] for name in "XWR")
        arrays = {name: given[name] for name in "WRB" if name in given}
        network = spec(
            MODULES[node.op_type],
            w.shape[2],
            r.shape[2],
            bias="B" in given,
            bidirectional=len(w) == 2,
        )

        recipe = stepzero_rnn.with_arrays(network, arrays, layout="onnx", strict=True)

        y, last = answer(recipe, x)
        side_by_side = theirs[0].transpose(0, 2, 1, 3).reshape(y.shape)
        np.testing.assert_allclose(y, side_by_side, atol=CLOSE, err_msg=case.name)
        np.testing.assert_allclose(last, theirs[1], atol=CLOSE, err_msg=case.name)

    assert {case.model.graph.node[0].op_type for case in cases} == {*MODULES}
