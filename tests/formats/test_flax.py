"""Flax computes from our files what torch's module computes, and writes the same bytes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.flax
from flax import nnx, serialization, traverse_util

import stepzero_rnn
from stepzero_rnn.errors import NetworkNotInFormat
from stepzero_rnn.formats import FORMATS, msgpack
from stepzero_rnn.formats.origin import spec_of_origin
from stepzero_rnn.plan import plan
from stepzero_rnn.spec.canonical import canonical_json
from stepzero_rnn.spec.checkpoint import FormatName, Spec
from stepzero_rnn.spec.networks import RnnType
from tests.formats.flax_judge import CELLS, outputs
from tests.formats.laying import SIZES, write
from tests.formats.other_networks import TOLERANCES, difference, inputs, networks_of

LSTM = Spec(rnn_type="lstm", batch_first=True, **SIZES)


@pytest.fixture(autouse=True)
def _with_float64() -> Any:
    with jax.enable_x64(True):
        yield


def file(spec: Spec, name: FormatName = "flax") -> bytes:
    """Write a file."""
    return b"".join(stepzero_rnn.stream(spec, format=name))


@pytest.mark.parametrize("spec", networks_of("flax"), ids=canonical_json)
def test_linen_computes_what_torch_does_and_writes_the_same_bytes(spec: Spec) -> None:
    data = file(spec)
    tree = serialization.msgpack_restore(data)

    assert serialization.msgpack_serialize(tree) == data
    assert spec_of_origin(tree["stepzero"]) == spec
    assert difference(spec, outputs(spec, tree)) <= TOLERANCES[spec.dtype]


@pytest.mark.parametrize("rnn_type", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_dotted_names_are_the_same_tree(rnn_type: RnnType, bidirectional: bool) -> None:
    spec = Spec(rnn_type=rnn_type, bidirectional=bidirectional, num_layers=2, **SIZES)
    packed = serialization.msgpack_restore(file(spec))
    del packed["stepzero"]

    flat = safetensors.flax.load(file(spec, "flax_safetensors"))

    assert jax.tree.all(
        jax.tree.map(np.array_equal, traverse_util.unflatten_dict(flat, sep="."), packed)
    )


def test_the_lstm_of_nnx_takes_the_same_kernels() -> None:
    tree = serialization.msgpack_restore(file(LSTM))["layer_0"]
    cell = nnx.LSTMCell(LSTM.input_size, LSTM.hidden_size, rngs=nnx.Rngs(0))

    for name, arrays in tree.items():
        part = getattr(cell, "if_" if name == "if" else name)
        for kind, array in arrays.items():
            getattr(part, kind)[...] = array

    found = nnx.RNN(cell)(jnp.asarray(inputs(LSTM).numpy()))
    assert difference(LSTM, np.asarray(found)) <= TOLERANCES["float32"]


def test_an_array_above_the_limit_is_in_chunks_as_the_library_writes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(msgpack, "MAX_ARRAY_BYTES", 40)
    monkeypatch.setattr(serialization, "MAX_CHUNK_SIZE", 40)
    planned = plan(LSTM)

    data = write(planned, FORMATS["flax"].layout(planned), stepzero_rnn.state_dict(LSTM))

    tree = serialization.msgpack_restore(data)
    assert serialization.msgpack_serialize(tree) == data
    assert difference(LSTM, outputs(LSTM, tree)) <= TOLERANCES["float32"]


@pytest.mark.parametrize("name", ["flax", "flax_safetensors"])
def test_a_projection_is_refused_with_the_reason(name: FormatName) -> None:
    with pytest.raises(NetworkNotInFormat, match="Flax's LSTM has no projection"):
        file(LSTM.model_copy(update={"proj_size": 2}), name)
