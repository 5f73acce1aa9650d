"""The `.npz` file holds what numpy writes, and numpy reads it without pickle."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stepzero_rnn.formats import FORMATS
from stepzero_rnn.plan import plan
from stepzero_rnn.spec.canonical import canonical, canonical_json
from stepzero_rnn.spec.checkpoint import Spec
from tests.formats.laying import NETWORKS, SMALL, module_of, state_dict_of, write

NPZ = FORMATS["npz"]
HELD = [spec for spec in NETWORKS if spec.dtype in NPZ.dtypes]


def our_file(spec: Spec) -> bytes:
    """Save weights with our segments."""
    planned = plan(spec)
    return write(planned, NPZ.segments(planned), state_dict_of(planned))


def npy(array: NDArray[Any]) -> bytes:
    """Save an array with numpy."""
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


@pytest.mark.parametrize("spec", HELD, ids=canonical_json)
def test_every_entry_is_the_npy_file_that_numpy_writes(spec: Spec) -> None:
    file = zipfile.ZipFile(BytesIO(our_file(spec)))

    assert {name: file.read(name) for name in file.namelist()} == {
        f"{name}.npy": npy(tensor.numpy()) for name, tensor in state_dict_of(plan(spec)).items()
    }


@pytest.mark.parametrize("width", [1, 9, 10, 99, 100, 999, 12345, 1234567])
def test_headers_of_every_length_are_numpys(width: int) -> None:
    spec = Spec(rnn_type="rnn", input_size=width, hidden_size=1, dtype="float16")
    written = zipfile.ZipFile(BytesIO(our_file(spec))).read("weight_ih_l0.npy")

    assert written == npy(state_dict_of(plan(spec))["weight_ih_l0"].numpy())


@pytest.mark.parametrize("spec", HELD, ids=canonical_json)
def test_what_numpy_reads_is_the_state_dict(spec: Spec) -> None:
    arrays = dict(np.load(BytesIO(our_file(spec)), allow_pickle=False))

    state = {name: torch.from_numpy(array) for name, array in arrays.items()}

    module_of(spec).load_state_dict(state, strict=True)
    assert list(state) == [tensor.name for tensor in plan(spec).tensors]


def test_the_recipe_is_the_zips_comment() -> None:
    comment = zipfile.ZipFile(BytesIO(our_file(SMALL))).comment

    assert json.loads(comment) == {"recipe": canonical(SMALL), "version": 1}
