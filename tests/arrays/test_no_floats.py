"""Numbers that are no floats are refused with what makes floats of them, which is never a cast
alone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from stepzero_rnn.arrays.records import Upload
from stepzero_rnn.arrays.saving import as_uploads
from stepzero_rnn.errors import InvalidArrays
from tests.arrays.making import kept, network, refusals, saved, taken

KINDS = ["i1", "u1", "i2", "u2", ">u2", "i4", "i8", "?", "c8", "V2"]
TENSORS = [torch.uint16, torch.int8, torch.int32, torch.float8_e4m3fn, torch.bool]


def stored(folder: Path, tensor: torch.Tensor) -> list[Upload]:
    """Write a bias as .safetensors."""
    save_file({"bias_ih_l0": tensor}, folder / "upload")
    return [Upload("a.safetensors", folder / "upload")]


@pytest.mark.parametrize("kind", KINDS)
def test_no_array_is_to_be_cast(tmp_path, kind):
    uploads = saved(tmp_path / "from", {"bias_ih_l0": np.zeros(20, kind)})

    (error,) = refusals(tmp_path, uploads, network())

    assert error.code == "not_floats"
    assert "astype(np.float" not in error.detail


@pytest.mark.parametrize("dtype", TENSORS, ids=str)
def test_no_tensor_is_to_be_cast(tmp_path, dtype):
    (error,) = refusals(tmp_path, stored(tmp_path, torch.zeros(20).to(dtype)), network())

    assert error.code == "not_floats"
    assert "torch.float32" not in error.detail


def test_quantized_numbers_are_to_be_scaled(tmp_path):
    for tensor in (torch.zeros(20, dtype=torch.int8), torch.zeros(20).to(torch.float8_e4m3fn)):
        (error,) = refusals(tmp_path, stored(tmp_path, tensor), network())

        assert "multiply by the scale" in error.detail


@pytest.mark.parametrize("kind", ["<u2", ">u2"])
def test_the_bits_of_bfloat16_are_read_as_the_refusal_says(tmp_path, kind):
    bias = torch.linspace(-1, 1, 20).to(torch.bfloat16)
    bits = bias.view(torch.int16).numpy().view(np.uint16).astype(kind)
    (error,) = refusals(tmp_path, saved(tmp_path / "from", {"bias_ih_l0": bits}), network())
    said = "torch.from_numpy(a.astype(np.uint16).view(np.int16)).view(torch.bfloat16)"

    again = torch.from_numpy(bits.astype(np.uint16).view(np.int16)).view(torch.bfloat16)
    taken(tmp_path, stored(tmp_path, again), network())

    assert said in error.detail
    assert np.array_equal(kept(tmp_path)["bias_ih_l0"], bias.float().numpy())


def test_a_masked_array_does_not_lose_its_mask(tmp_path):
    masked = np.ma.masked_array(np.ones(20), mask=[True] + [False] * 19)

    with pytest.raises(InvalidArrays, match="masked"):
        as_uploads({"bias_ih_l0": masked}, tmp_path)
