"""The `.safetensors` file is what the library writes."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pytest
import safetensors.torch
import torch
from safetensors import safe_open

from stepzero_rnn.formats import FORMATS
from stepzero_rnn.plan import plan
from stepzero_rnn.spec.canonical import canonical, canonical_json
from stepzero_rnn.spec.checkpoint import Spec
from tests.formats.laying import NETWORKS, SMALL, module_of, state_dict_of, write

SAFETENSORS = FORMATS["safetensors"]
TRIES = 64  # each gives one of two random orders of the metadata


def our_file(spec: Spec) -> bytes:
    """Save weights with our segments."""
    planned = plan(spec)
    return write(planned, SAFETENSORS.segments(planned), state_dict_of(planned))


@pytest.mark.parametrize("spec", NETWORKS, ids=canonical_json)
def test_every_kind_of_network_is_saved_as_the_library_does(spec: Spec) -> None:
    origin = json.dumps(
        {"recipe": canonical(spec), "version": 1}, sort_keys=True, separators=(",", ":")
    )
    metadata = {"format": "pt", "stepzero": origin}
    weights = state_dict_of(plan(spec))

    ours = our_file(spec)

    theirs = (safetensors.torch.save(weights, metadata) for _ in iter(int, 1))
    assert any(ours == file for file in islice(theirs, TRIES))


def test_a_network_of_a_thousand_tensors_is_read_back_by_the_library() -> None:
    spec = Spec(rnn_type="rnn", input_size=1, hidden_size=2, num_layers=300)
    weights = state_dict_of(plan(spec))

    loaded = safetensors.torch.load(our_file(spec))

    assert loaded.keys() == weights.keys()
    assert all(torch.equal(loaded[name], weights[name]) for name in weights)


def test_the_library_shows_the_recipe(tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    path.write_bytes(our_file(SMALL))

    with safe_open(path, "pt") as file:
        metadata = file.metadata()

    assert metadata["format"] == "pt"
    assert json.loads(metadata["stepzero"]) == {"recipe": canonical(SMALL), "version": 1}


@pytest.mark.parametrize("spec", NETWORKS, ids=canonical_json)
def test_torchs_module_takes_it_strictly(spec: Spec) -> None:
    module = module_of(spec)

    module.load_state_dict(safetensors.torch.load(our_file(spec)), strict=True)

    assert next(module.parameters()).dtype == getattr(torch, spec.dtype)
