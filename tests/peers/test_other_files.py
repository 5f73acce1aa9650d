"""Files that Keras writes, and that packages carry, are uploaded as they are, and make PyTorch
answer as Keras or ONNX Runtime.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import stepzero_rnn
from stepzero_rnn.errors import InvalidArrays

pytestmark = [
    pytest.mark.peers,
    pytest.mark.filterwarnings("ignore:.*no array tells:UserWarning"),
    pytest.mark.filterwarnings("ignore::stepzero_rnn.RecipeWarning"),
]

CLOSE = 1e-5
# Writes a model in every kind of file, and its outputs, for an input of noise.
KERAS = """
import sys, numpy as np, keras
folder, kind, two, dtype = sys.argv[1], sys.argv[2], sys.argv[3] == "2", sys.argv[4]
keras.utils.set_random_seed(3)
keras.config.set_floatx(dtype)
cell = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}[kind]
def layer():
    made = cell(5, return_sequences=True, bias_initializer="random_normal", recurrent_initializer="random_normal")
    return keras.layers.Bidirectional(made) if two else made
model = keras.Sequential([keras.layers.Input((None, 3)), *(layer() for _ in range(1 + two)), keras.layers.Dense(2)])
x = np.random.default_rng(1).standard_normal((2, 7, 3)).astype("float32")
inner = keras.Sequential(model.layers[:-1])
np.savez(f"{folder}/answer.npz", x=x, y=np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(inner(x), "float32"))))
model.save_weights(f"{folder}/model.weights.h5")
model.save(f"{folder}/model.keras")
model.save(f"{folder}/model.h5")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep arrays in a folder of one's own."""
    monkeypatch.setenv("STEPZERO_ARRAYS_FOLDER", str(tmp_path / "arrays"))


def written_by_keras(folder: Path, kind: str, directions: int, dtype: str = "float32") -> Any:
    """Let Keras write its files, and return the input and the output of its network."""
    if find_spec("keras") is None or find_spec("h5py") is None:
        pytest.skip("Keras or h5py is not installed")
    subprocess.run(
        [sys.executable, "-c", KERAS, str(folder), kind, str(directions), dtype],
        env={**os.environ, "KERAS_BACKEND": "torch"},  # noqa: TID251 - of a child process
        check=True,
        capture_output=True,
    )
    with np.load(folder / "answer.npz") as file:
        return file["x"], file["y"]


def answer(recipe: Any, x: Any) -> Any:
    """Run a network on (batch, steps, features)."""
    with torch.no_grad():
        return stepzero_rnn.build(recipe)(torch.from_numpy(x.transpose(1, 0, 2)))[0].transpose(0, 1)


def taken(spec: Any, path: Path, **options: Any) -> Any:
    """Take a network out of the file of a whole model, with the prefix that its refusal names."""
    with pytest.raises(InvalidArrays, match="set prefix=") as refusal:
        stepzero_rnn.with_arrays(spec, [path], **options)
    (error,) = refusal.value.facts["errors"]
    return stepzero_rnn.with_arrays(spec, [path], **options, prefix=error["allowed"], strict=True)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_files_of_keras_answer_as_the_model(tmp_path: Path, kind: str, directions: int) -> None:
    x, theirs = written_by_keras(tmp_path, kind, directions)
    spec = {"rnn_type": kind, "input_size": 3, "hidden_size": 5, "num_layers": directions}
    spec["bidirectional"] = directions == 2

    for file in ("model.weights.h5", "model.keras", "model.h5"):
        recipe = taken(spec, tmp_path / file, layout="keras")

        np.testing.assert_allclose(answer(recipe, x), theirs, atol=CLOSE, err_msg=file)


def test_bfloat16_of_keras_is_read(tmp_path: Path) -> None:
    x, theirs = written_by_keras(tmp_path, "gru", 1, "bfloat16")
    spec = {"rnn_type": "gru", "input_size": 3, "hidden_size": 5}

    recipe = taken(spec, tmp_path / "model.weights.h5", layout="keras")

    np.testing.assert_allclose(answer(recipe, x), theirs, atol=0.05)


def carried(package: str, file: str) -> Path:
    """Find a file that a package carries, without running the package."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        pytest.skip(f"{package} is not installed")
    return Path(found.submodule_search_locations[0], file)


@pytest.mark.parametrize(
    ("file", "prefix"),
    [
        ("silero_vad_16k_sequence.onnx", ""),
        ("silero_vad_openvino_16k.onnx", ""),
        ("silero_vad_16k_op15.onnx", ""),
        ("silero_vad.onnx", "If_0_then_branch__Inline_0__/"),
    ],
)
def test_silero_vads_graphs_hold_one_network(file: str, prefix: str) -> None:
    onnx = pytest.importorskip("onnx")
    spec = {"rnn_type": "lstm", "input_size": 128, "hidden_size": 128}
    plain = carried("silero_vad", "data/silero_vad_16k_sequence.onnx")
    graph = onnx.load(plain).graph
    (node,) = (node for node in graph.node if node.op_type == "LSTM")
    stored = {i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer}
    arrays = {name: stored[given] for name, given in zip("WRB", node.input[1:4], strict=True)}

    theirs = stepzero_rnn.with_arrays(spec, arrays, layout="onnx", strict=True)
    ours = stepzero_rnn.with_arrays(
        spec, [plain.with_name(file)], layout="onnx", prefix=prefix, strict=True
    )

    assert ours == theirs


def test_chars2vecs_file_is_read_as_it_is() -> None:
    spec = {"rnn_type": "lstm", "input_size": 59, "hidden_size": 50, "num_layers": 2}
    path = carried("chars2vec", "trained_models/eng_50/weights.h5")

    recipe = stepzero_rnn.with_arrays(spec, [path], layout="keras", strict=True)

    assert stepzero_rnn.state_dict(recipe)["weight_ih_l0"].shape == (200, 59)
