"""Keras 3, on two of its backends, computes from our files what torch's module computes."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import stepzero_rnn
from stepzero_rnn.dtypes import DTypeName
from stepzero_rnn.errors import NetworkNotInFormat
from stepzero_rnn.formats.origin import spec_of_origin
from stepzero_rnn.spec.canonical import canonical_json
from stepzero_rnn.spec.checkpoint import FormatName, Spec
from tests.formats.laying import SIZES
from tests.formats.other_networks import TOLERANCES, judged_by_keras, networks_of

DEEP = Spec(rnn_type="gru", num_layers=2, bidirectional=True, **SIZES)


pytestmark = pytest.mark.timeout(400)  # 64 models are loaded and compiled


@pytest.fixture(scope="module", params=["jax", "torch"])
def judgements(request: pytest.FixtureRequest) -> Mapping[str, Mapping[str, Any]]:
    """What Keras made of every network's files, by recipe."""
    return judged_by_keras(request.param, networks_of("keras"))


def test_keras_computes_what_torch_does(judgements: Mapping[str, Mapping[str, Any]]) -> None:
    assert len(judgements) in (44, 64)  # on JAX, on torch
    for spec in networks_of("keras"):
        if (row := judgements.get(canonical_json(spec))) is not None:
            assert row["difference"] <= tolerance(spec), (row, spec)


def tolerance(spec: Spec) -> float:
    """Return how far outputs may differ; the state of Keras's SimpleRNN begins as float32."""
    is_plain = spec.rnn_type == "rnn"
    return TOLERANCES["float32" if is_plain and spec.dtype == "float64" else spec.dtype]


def test_weights_alone_are_those_of_the_model(judgements: Mapping[str, Mapping[str, Any]]) -> None:
    assert [row for row in judgements.values() if not row["weights_are_equal"]] == []


@pytest.mark.parametrize("name", ["keras", "keras_weights"])
def test_a_projection_is_refused_with_the_reason(name: FormatName) -> None:
    spec = Spec(rnn_type="lstm", proj_size=2, **SIZES)

    with pytest.raises(NetworkNotInFormat, match="Keras's LSTM has no projection"):
        next(iter(stepzero_rnn.stream(spec, format=name)))


class TestHdf5:
    def test_is_read_by_its_library_with_the_recipe(self, tmp_path: Path) -> None:
        path = stepzero_rnn.save(DEEP, tmp_path / "network.weights.h5")
        state = stepzero_rnn.state_dict(DEEP)

        with h5py.File(path) as file:
            kernel = file["layers/bidirectional_1/backward_layer/cell/vars/0"][()]
            bias = file["layers/bidirectional/forward_layer/cell/vars/2"][()]
            recipe = file.attrs["stepzero"].decode()

        r, z, n = np.split(state["weight_ih_l1_reverse"].numpy(), 3)
        assert np.array_equal(kernel, np.concatenate([z, r, n]).T)
        assert bias.shape == (2, 3 * SIZES["hidden_size"])
        assert spec_of_origin(recipe) == DEEP

    @pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
    def test_has_the_types_of_its_library(self, tmp_path: Path, dtype: DTypeName) -> None:
        spec = Spec(rnn_type="gru", bidirectional=True, dtype=dtype, **SIZES)

        with h5py.File(stepzero_rnn.save(spec, tmp_path / "network.weights.h5")) as file:
            found = file["layers/bidirectional/forward_layer/cell/vars/1"]

            assert found.dtype == np.dtype(dtype)
            assert found.id.get_offset() % 64 == 0

    def test_may_have_a_thousand_layers(self, tmp_path: Path) -> None:
        spec = Spec(rnn_type="rnn", input_size=1, hidden_size=1, num_layers=1000)

        with h5py.File(stepzero_rnn.save(spec, tmp_path / "network.weights.h5")) as file:
            assert len(file["layers"]) == 1000
            assert file["layers/simple_rnn_999/cell/vars/1"].shape == (1, 1)


def test_a_model_holds_the_recipe_and_needs_no_unpacking(tmp_path: Path) -> None:
    path = stepzero_rnn.save(DEEP, tmp_path / "network.keras")

    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        assert spec_of_origin(file.comment.decode()) == DEEP
        assert {entry.compress_type for entry in file.infolist()} == {zipfile.ZIP_STORED}
        inner = file.read("model.weights.h5")

    assert inner == b"".join(stepzero_rnn.stream(DEEP, format="keras_weights"))
