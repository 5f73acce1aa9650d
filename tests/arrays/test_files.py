"""Files that NumPy and safetensors write are read to the bit, and all become the same file."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_tensors

import stepzero_rnn
from stepzero_rnn.arrays.canonical import open_stored
from stepzero_rnn.arrays.records import Upload
from tests.arrays.making import DEEP, KINDS, kept, network, saved, taken, weights

FILES = ["npy", "npz", "packed.npz", "safetensors"]
DEEP_LSTM = network(**DEEP)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_library_writes_is_read_to_the_bit(tmp_path, kind, file):
    spec = network(kind, **DEEP)
    arrays = weights(spec)

    taken(tmp_path, saved(tmp_path / "from", arrays, file), spec, strict=True)

    found = kept(tmp_path)
    assert found.keys() == arrays.keys()
    assert all(found[name].tobytes() == array.tobytes() for name, array in arrays.items())


@pytest.mark.parametrize("file", ["npz", "safetensors"])
def test_what_the_library_itself_writes_is_read_to_the_bit(tmp_path, file):
    path = stepzero_rnn.save(DEEP_LSTM, tmp_path / f"net.{file}")

    taken(tmp_path, [Upload(path.name, path)], DEEP_LSTM, strict=True)

    found = kept(tmp_path)
    drawn = stepzero_rnn.state_dict(DEEP_LSTM)
    assert found.keys() == drawn.keys()
    assert all(np.array_equal(found[name], value.numpy()) for name, value in drawn.items())


@pytest.mark.parametrize("file", ["npy", "npz", "packed.npz"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("number", ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"])
def test_every_float_in_every_order_of_bytes_and_axes_is_read(tmp_path, number, order, file):
    arrays = {
        name: np.array(array, number, order=order)
        for name, array in weights(DEEP_LSTM, number).items()
    }

    taken(tmp_path, saved(tmp_path / "from", arrays, file), DEEP_LSTM)

    wide = np.float64 if number.endswith("8") else np.float32
    assert all(np.array_equal(kept(tmp_path)[name], a.astype(wide)) for name, a in arrays.items())


def test_every_version_of_npy_is_read(tmp_path):
    array = weights(DEEP_LSTM)["weight_ih_l0"]
    for version in ((1, 0), (2, 0), (3, 0)):
        path = tmp_path / "upload"
        with path.open("wb") as file:
            np.lib.format.write_array(file, array, version)

        taken(tmp_path, [Upload("weight_ih_l0.npy", path)], DEEP_LSTM)

        assert kept(tmp_path)["weight_ih_l0"].tobytes() == array.tobytes()


def test_bfloat16_comes_by_safetensors(tmp_path):
    spec = network()
    tensors = {n: torch.from_numpy(a).bfloat16() for n, a in weights(spec).items()}
    save_tensors(tensors, tmp_path / "upload")

    manifest = taken(tmp_path, [Upload("a.safetensors", tmp_path / "upload")], spec)

    assert {entry.dtype for entry in manifest.entries} == {"bfloat16"}
    assert all(
        np.array_equal(kept(tmp_path)[name], tensor.float().numpy())
        for name, tensor in tensors.items()
    )


def test_the_address_is_the_sha256_of_what_the_safetensors_library_writes(tmp_path):
    arrays: dict[str, Any] = weights(DEEP_LSTM)
    numbers = ("<f2", "<f4", "<f8")
    mixed = {name: a.astype(numbers[n % 3]) for n, (name, a) in enumerate(arrays.items())}
    save_file(mixed, tmp_path / "theirs")

    manifest = taken(tmp_path, saved(tmp_path / "from", mixed), DEEP_LSTM)

    theirs = (tmp_path / "theirs").read_bytes()
    assert (tmp_path / "stored").read_bytes() == theirs
    assert manifest.sha256 == hashlib.sha256(theirs).hexdigest()
    assert manifest.size_bytes == len(theirs)


def test_an_address_is_a_promise(tmp_path):
    arrays: dict[str, Any] = {
        "weight_ih_l0": np.arange(60, dtype=np.float32).reshape(20, 3),
        "bias_ih_l0": np.arange(20, dtype=np.float64),
        "bias_hh_l0.forget": np.arange(5, dtype=np.float16),
    }

    manifest = taken(tmp_path, saved(tmp_path / "from", arrays), network())

    assert manifest.sha256 == "725357d34ee111617bf7e3c3a9b2183f6f89440f3dabf1be39a1e8fdf18eac6b"


def test_the_address_is_the_same_whatever_the_arrays_came_in(tmp_path):
    arrays = weights(DEEP_LSTM)
    turned = {name: np.asfortranarray(a).astype(">f4") for name, a in reversed(arrays.items())}

    addresses = {
        taken(tmp_path, saved(tmp_path / file, given, file), DEEP_LSTM).sha256
        for file in FILES
        for given in ([arrays] if file == "safetensors" else [arrays, turned])
    }

    assert len(addresses) == 1


def test_arrays_may_come_in_several_files_of_different_kinds(tmp_path):
    arrays = weights(DEEP_LSTM)
    names = [*arrays]
    parts = [{name: arrays[name] for name in names[n::4]} for n in range(4)]
    uploads = [
        upload
        for file, part in zip(FILES, parts, strict=True)
        for upload in saved(tmp_path / file, part, file)
    ]

    together = taken(tmp_path, uploads, DEEP_LSTM, strict=True)

    assert together.sha256 == taken(tmp_path, saved(tmp_path / "one", arrays), DEEP_LSTM).sha256


def test_any_elements_are_read_without_the_others(tmp_path):
    arrays = weights(DEEP_LSTM)
    taken(tmp_path, saved(tmp_path / "from", arrays), DEEP_LSTM)

    with open_stored(tmp_path / "stored") as stored:
        assert (
            stored.read("weight_hh_l1", 7, 23).tolist()
            == arrays["weight_hh_l1"].ravel()[7:23].tolist()
        )
