"""The bundle is a folder that explains and runs itself."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from stepzero_rnn.formats import FORMATS
from stepzero_rnn.plan import plan
from stepzero_rnn.spec.canonical import canonical, canonical_json
from stepzero_rnn.spec.checkpoint import FormatName, Spec
from stepzero_rnn.spec.parse import parse_json
from stepzero_rnn.summary import room_bytes
from tests.formats.laying import NETWORKS, SIZES, SMALL, state_dict_of, write

DROPPED = Spec(rnn_type="gru", num_layers=2, dropout=0.25, batch_first=True, **SIZES)


def our_file(spec: Spec, name: FormatName = "bundle") -> bytes:
    """Save weights with our segments."""
    planned = plan(spec)
    return write(planned, FORMATS[name].segments(planned), state_dict_of(planned))


def unpack(spec: Spec, folder: Path) -> Path:
    """Unpack a bundle."""
    zipfile.ZipFile(BytesIO(our_file(spec))).extractall(folder)
    return folder


def test_it_holds_four_files_and_the_summary_is_last() -> None:
    assert zipfile.ZipFile(BytesIO(our_file(SMALL))).namelist() == [
        "checkpoint.safetensors",
        "spec.json",
        "load.py",
        "summary.json",
    ]


def test_its_checkpoint_is_the_safetensors_file() -> None:
    checkpoint = zipfile.ZipFile(BytesIO(our_file(SMALL))).read("checkpoint.safetensors")

    assert checkpoint == our_file(SMALL, "safetensors")


def test_its_spec_asks_for_the_same_recipe() -> None:
    text = zipfile.ZipFile(BytesIO(our_file(SMALL))).read("spec.json").decode()

    assert parse_json(Spec, text) == SMALL
    assert text == json.dumps(canonical(SMALL), indent=2, sort_keys=True) + "\n"


def test_its_summary_fills_the_planned_room() -> None:
    summary = zipfile.ZipFile(BytesIO(our_file(SMALL))).read("summary.json")

    assert len(summary) == room_bytes(plan(SMALL))


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("spec", [*NETWORKS, DROPPED], ids=canonical_json)
def test_its_script_runs_the_network(
    spec: Spec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runpy.run_path(str(unpack(spec, tmp_path) / "load.py"))

    leading = (4, 16) if spec.batch_first else (16, 4)
    assert capsys.readouterr().out == f"{(*leading, spec.output_size)}\n"


def test_its_script_runs_by_itself_from_any_folder(tmp_path: Path) -> None:
    script = unpack(DROPPED, tmp_path / "bundle") / "load.py"

    shown = subprocess.run(
        [sys.executable, "-I", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (shown.stdout, shown.stderr) == ("(4, 16, 4)\n", "")


def test_its_script_says_only_what_differs_from_pytorchs_defaults() -> None:
    script = zipfile.ZipFile(BytesIO(our_file(DROPPED))).read("load.py").decode()

    assert (
        script
        == '''\
"""Load checkpoint.safetensors and run it once; needs torch and safetensors."""

from pathlib import Path

import torch
from safetensors.torch import load_file

network = torch.nn.GRU(
    input_size=3,
    hidden_size=4,
    num_layers=2,
    batch_first=True,
    dropout=0.25,
    dtype=torch.float32,
)
network.load_state_dict(load_file(Path(__file__).with_name("checkpoint.safetensors")), strict=True)
network.eval()

features = torch.randn(4, 16, 3, dtype=torch.float32)  # batch, time, feature
with torch.inference_mode():
    output, state = network(features)
print(tuple(output.shape))
'''
    )
