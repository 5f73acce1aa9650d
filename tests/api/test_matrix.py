"""Every network in every format comes out as a file that outside readers load into PyTorch's own
module.
"""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
import safetensors.torch
import torch

from tests.api.asking import make

INPUTS, HIDDEN, PROJECTED = 3, 5, 2

NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "rnn_tanh": {"rnn_type": "rnn", "nonlinearity": "tanh"},
    "rnn_relu": {"rnn_type": "rnn", "nonlinearity": "relu"},
    "gru": {"rnn_type": "gru"},
    "lstm": {"rnn_type": "lstm"},
    "lstm_projected": {"rnn_type": "lstm", "proj_size": PROJECTED},
}
DTYPES: Mapping[str, torch.dtype] = {
    "float32": torch.float32,
    "float64": torch.float64,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}
MODULES: Mapping[str, type[torch.nn.RNNBase]] = {
    "rnn": torch.nn.RNN,
    "gru": torch.nn.GRU,
    "lstm": torch.nn.LSTM,
}
State = Mapping[str, torch.Tensor]


def load_pt(body: bytes, folder: Path) -> State:
    path = folder / "checkpoint.pt"
    path.write_bytes(body)
    state: State = torch.load(path, weights_only=True, mmap=True)
    return state


def load_safetensors(body: bytes, _: Path) -> State:
    return safetensors.torch.load(body)


def load_npz(body: bytes, _: Path) -> State:
    with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def load_bundle(body: bytes, _: Path) -> State:
    with zipfile.ZipFile(io.BytesIO(body)) as files:
        assert files.testzip() is None
        return safetensors.torch.load(files.read("checkpoint.safetensors"))


READERS: Mapping[str, Callable[[bytes, Path], State]] = {
    "pt": load_pt,
    "safetensors": load_safetensors,
    "npz": load_npz,
    "bundle": load_bundle,
}


class Case(NamedTuple):
    """One recipe of the matrix."""

    network: str
    layers: int
    bidirectional: bool
    bias: bool
    dtype: str

    def __str__(self) -> str:
        both = "both" if self.bidirectional else "one"
        bias = "bias" if self.bias else "no_bias"
        return f"{self.network}-{self.layers}-{both}-{bias}-{self.dtype}"

    @property
    def arguments(self) -> dict[str, Any]:
        return {
            **NETWORKS[self.network],
            "input_size": INPUTS,
            "hidden_size": HIDDEN,
            "num_layers": self.layers,
            "bidirectional": self.bidirectional,
            "bias": self.bias,
        }

    @property
    def formats(self) -> list[str]:
        return [name for name in READERS if (self.dtype, name) != ("bfloat16", "npz")]

    def module(self) -> torch.nn.RNNBase:
        given = self.arguments
        return MODULES[given.pop("rnn_type")](**given, dtype=DTYPES[self.dtype]).eval()

    def states(self, client: httpx.Client, folder: Path) -> Iterator[tuple[str, State]]:
        """Return what outside readers find in the file of every format that can hold it."""
        for name in self.formats:
            answer = make(client, self.arguments, dtype=self.dtype, format=name)
            yield name, READERS[name](answer.content, folder)


CASES = [Case(*case) for case in product(NETWORKS, (1, 2, 3), (False, True), (False, True), DTYPES)]

# One of each kind for what starts a process.
A_FEW = (
    Case("rnn_relu", 1, False, False, "float32"),
    Case("gru", 2, False, True, "float64"),
    Case("lstm", 3, True, True, "float16"),
    Case("lstm_projected", 2, True, True, "bfloat16"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_file_loads_strictly_into_pytorchs_module_which_then_runs(
    case: Case, client: httpx.Client, tmp_path: Path
):
    module = case.module()

    for name, state in case.states(client, tmp_path):
        module.load_state_dict(dict(state), strict=True)
        kept = module.state_dict()
        assert all(torch.equal(kept[key], value) for key, value in state.items()), name
        assert all(t.dtype == DTYPES[case.dtype] for t in state.values()), name
        assert all(t.is_contiguous() and t.device.type == "cpu" for t in state.values()), name
        assert len({t.untyped_storage().data_ptr() for t in state.values()}) == len(state), name
    with torch.inference_mode():
        output, _ = module(torch.zeros(2, 1, INPUTS, dtype=DTYPES[case.dtype]))
    assert output.isfinite().all()


@pytest.mark.parametrize("network", NETWORKS)
def test_numpy_has_no_bfloat16_so_there_is_no_such_file(network: str, client: httpx.Client):
    request = {**Case(network, 1, False, True, "bfloat16").arguments, "dtype": "bfloat16"}
    answer = client.post("/v1/checkpoints", json={**request, "format": "npz"})

    assert answer.status_code == 422
    assert answer.json()["code"] == "dtype_not_in_format"


@pytest.mark.parametrize("network", NETWORKS)
def test_every_format_holds_the_same_numbers(network: str, client: httpx.Client, tmp_path: Path):
    states = dict(Case(network, 2, True, True, "float32").states(client, tmp_path))

    assert list(states) == list(READERS)
    for name, values in states["pt"].items():
        assert all(torch.equal(values, state[name]) for state in states.values()), name


@pytest.fixture(scope="module")
def bundles(client: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Mapping[Case, Path]:
    """Bundles on disk."""
    paths = {case: tmp_path_factory.mktemp("bundle") / "bundle.zip" for case in A_FEW}
    for case, path in paths.items():
        answer = make(client, case.arguments, dtype=case.dtype, format="bundle")
        path.write_bytes(answer.content)
    return paths


@pytest.mark.parametrize("case", A_FEW, ids=str)
def test_unzip_finds_no_fault_in_a_bundle(case: Case, bundles: Mapping[Case, Path]):
    done = subprocess.run(
        ["unzip", "-t", str(bundles[case])], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout
    assert "No errors detected" in done.stdout


@pytest.fixture(scope="module")
def printed(bundles: Mapping[Case, Path]) -> Mapping[Case, str]:
    """What the loader scripts of the bundles print, run one after another by an interpreter that
    knows no app.
    """
    scripts = []
    for path in bundles.values():
        with zipfile.ZipFile(path) as files:
            files.extractall(path.parent)
        scripts.append(str(path.parent / "load.py"))
    run_all = "import runpy, sys\nfor path in sys.argv[1:]: runpy.run_path(path)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", run_all, *scripts], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(bundles, done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("case", A_FEW, ids=str)
def test_the_script_in_a_bundle_loads_its_checkpoint(case: Case, printed: Mapping[Case, str]):
    width = PROJECTED if case.network == "lstm_projected" else HIDDEN

    assert printed[case] == str((16, 4, width * (2 if case.bidirectional else 1)))
