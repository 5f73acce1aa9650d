"""The `.onnx` file computes what PyTorch's module does: judged by ONNX's own checker and
interpreter, and by ONNX Runtime where it has the dtype.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import onnx
import pytest

import stepzero_rnn
from stepzero_rnn.errors import NetworkNotInFormat
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.formats import onnx as layout
from stepzero_rnn.formats.segments import size_of
from stepzero_rnn.plan import plan
from stepzero_rnn.spec.canonical import canonical, canonical_json
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.recipe import file_stem
from tests.formats.laying import SIZES, write
from tests.formats.onnx_judges import difference_to_torch

# A few roundings, and for bfloat16 those of an interpreter that keeps every step in it.
TOLERANCES = {"float32": 1e-6, "float64": 1e-15, "float16": 2e-3, "bfloat16": 2e-2}
KINDS: list[dict[str, Any]] = [
    {"rnn_type": "rnn"},
    {"rnn_type": "rnn", "nonlinearity": "relu"},
    {"rnn_type": "gru"},
    {"rnn_type": "lstm"},
]
NETWORKS = [
    Spec(
        dtype=dtype,
        num_layers=layers,
        bidirectional=bidirectional,
        bias=bias,
        batch_first=batch_first,
        **kind,
        **SIZES,
    )
    for dtype, kind, layers, bidirectional, bias, batch_first in product(
        TOLERANCES, KINDS, (1, 3), (False, True), (False, True), (False, True)
    )
]
DEEP = Spec(rnn_type="lstm", num_layers=2, bidirectional=True, init="orthogonal", **SIZES)
LARGE = Spec(rnn_type="gru", input_size=300, hidden_size=400, bidirectional=True)
ABOVE = Spec(rnn_type="lstm", input_size=16384, hidden_size=16384)  # 8 GiB


def one_file(spec: Spec) -> bytes:
    """Write a graph that contains its weights."""
    return b"".join(stepzero_rnn.stream(spec, format="onnx"))


def write_pair(spec: Spec, folder: Path) -> Path:
    """Write a graph that refers to its weights, and these; return its path."""
    planned = plan(spec)
    weights = stepzero_rnn.state_dict(spec)
    path = folder / "network.onnx"
    path.write_bytes(write(planned, layout.graph_without_weights(planned), weights))
    data = folder / f"{file_stem(spec)}.onnx.data"
    data.write_bytes(write(planned, layout.data_segments(planned), weights))
    return path


def entries(tensor: onnx.TensorProto) -> dict[str, str]:
    """Return where the elements of an external tensor are."""
    return {entry.key: entry.value for entry in tensor.external_data}


def weights_of(model: onnx.ModelProto) -> Sequence[onnx.TensorProto]:
    """Return a graph's weights; its last initializer is the shape of its Reshapes."""
    return list(model.graph.initializer)[:-1]


@pytest.mark.parametrize("spec", NETWORKS, ids=canonical_json)
class TestEveryKindOfNetwork:
    def test_computes_outputs_and_states_of_torchs_module_at_any_length(
        self, spec: Spec, tmp_path: Path
    ) -> None:
        path = stepzero_rnn.save(spec, tmp_path / "network.onnx")

        assert difference_to_torch(spec, path) <= TOLERANCES[spec.dtype]

    def test_satisfies_the_full_checker_and_is_what_the_library_would_write(
        self, spec: Spec
    ) -> None:
        file = one_file(spec)
        model = onnx.load_from_string(file)

        onnx.checker.check_model(model, full_check=True)

        assert model.SerializeToString() == file


class TestGraph:
    def test_has_dynamic_axes_in_the_order_of_the_module(self) -> None:
        axes = {
            batch_first: {
                value.name: [
                    dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim
                ]
                for value in [*graph.input, *graph.output]
            }
            for batch_first in (False, True)
            for graph in [
                onnx.load_from_string(
                    one_file(DEEP.model_copy(update={"batch_first": batch_first}))
                ).graph
            ]
        }

        states = {"h_n": [4, "batch", 4], "c_n": [4, "batch", 4]}
        assert axes == {
            False: {"input": ["time", "batch", 3], "output": ["time", "batch", 8], **states},
            True: {"input": ["batch", "time", 3], "output": ["batch", "time", 8], **states},
        }

    def test_of_one_layer_has_three_nodes(self) -> None:
        model = onnx.load_from_string(one_file(Spec(rnn_type="lstm", **SIZES)))

        assert [node.op_type for node in model.graph.node] == ["LSTM", "Transpose", "Reshape"]

    @pytest.mark.parametrize(
        ("dtype", "versions"), [("float32", (17, 8)), ("float64", (17, 8)), ("bfloat16", (22, 10))]
    )
    def test_has_the_oldest_version_that_has_the_dtype(
        self, dtype: str, versions: tuple[int, int]
    ) -> None:
        model = onnx.load_from_string(one_file(DEEP.model_copy(update={"dtype": dtype})))

        assert (model.opset_import[0].version, model.ir_version) == versions

    def test_records_the_recipe(self) -> None:
        model = onnx.load_from_string(one_file(DEEP))
        metadata = {entry.key: entry.value for entry in model.metadata_props}

        assert json.loads(metadata["stepzero"]) == {"recipe": canonical(DEEP), "version": 1}

    def test_refuses_a_projection_before_anything_is_drawn(self) -> None:
        projected = plan(Spec(rnn_type="lstm", proj_size=2, **SIZES))

        for name in ("onnx", "onnx_data", "onnx_zip"):
            with pytest.raises(NetworkNotInFormat) as refused:
                FORMATS[name].size(projected)

            assert refused.value.facts["reason"] == "ONNX's LSTM has no projection (`proj_size`)"

    @pytest.mark.parametrize("dtype", TOLERANCES)
    def test_warns_of_what_onnx_runtime_does_not_run(self, dtype: str) -> None:
        spec = DEEP.model_copy(update={"dtype": dtype})

        warned = FORMATS["onnx"].warning(spec)

        assert bool(warned) == (dtype in ("float64", "bfloat16"))


class TestTwoFiles:
    @pytest.mark.parametrize("spec", [DEEP, LARGE], ids=["small", "large"])
    def test_are_loaded_by_onnx_runtime(self, spec: Spec, tmp_path: Path) -> None:
        path = write_pair(spec, tmp_path)
        onnx.checker.check_model(path, full_check=True)

        assert difference_to_torch(spec, path) <= 1e-5

    @pytest.mark.parametrize("spec", [DEEP, LARGE], ids=["small", "large"])
    def test_have_the_weights_of_the_one(self, spec: Spec, tmp_path: Path) -> None:
        pair = onnx.load(write_pair(spec, tmp_path))
        one = onnx.load_from_string(one_file(spec))

        assert {each.name: each.raw_data for each in pair.graph.initializer} == {
            each.name: each.raw_data for each in one.graph.initializer
        }
        assert pair.graph.node == one.graph.node

    def test_hold_large_weights_at_multiples_of_a_page(self, tmp_path: Path) -> None:
        model = onnx.load(write_pair(LARGE, tmp_path), load_external_data=False)
        places = {tensor.name: entries(tensor) for tensor in weights_of(model)}

        sizes = {name: int(place["length"]) for name, place in places.items()}
        assert sizes == {"W_l0": 2880000, "R_l0": 3840000, "B_l0": 19200}
        assert {name: int(place["offset"]) for name, place in places.items()} == {
            "W_l0": 0,
            "R_l0": -(-2880000 // 4096) * 4096,
            "B_l0": -(-2880000 // 4096) * 4096 + 3840000,
        }
        data = tmp_path / f"{file_stem(LARGE)}.onnx.data"
        assert data.stat().st_size == size_of(layout.data_segments(plan(LARGE)))

    def test_are_the_formats_above_2_gib_only(self) -> None:
        above = plan(ABOVE)
        file = write(above, FORMATS["onnx"].segments(above), {})
        graph = onnx.load_from_string(file)

        places = [entries(tensor) for tensor in weights_of(graph)]
        ends = [int(place["offset"]) + int(place["length"]) for place in places]
        assert {place["location"] for place in places} == {f"{file_stem(ABOVE)}.onnx.data"}
        assert ends[-1] == FORMATS["onnx_data"].size(above) >= above.size_bytes > 2**33
        assert graph.SerializeToString() == file
        with pytest.raises(NetworkNotInFormat, match="`onnx` is one file with all weights"):
            FORMATS["onnx_data"].size(plan(DEEP))

    @pytest.mark.parametrize(
        ("deep", "inputs"), [({}, 2**26), ({"num_layers": 1024, "bidirectional": True}, 2**25)]
    )
    def test_begin_before_a_message_would_be_too_long(
        self, deep: dict[str, Any], inputs: int
    ) -> None:
        plans = [
            plan(Spec(rnn_type="lstm", input_size=size, hidden_size=1, dtype="float64", **deep))
            for size in (inputs - 2**17, inputs - 2**12, inputs - 2**10, inputs)
        ]
        sizes = [FORMATS["onnx"].size(each) for each in plans]

        assert sizes[0] > plans[0].size_bytes > 2**31 - 2**23
        assert sizes[-1] < 2**22
        assert max(sizes) < 2**31


class TestZip:
    def test_unpacks_to_two_files_that_load(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(stepzero_rnn.save(DEEP, tmp_path / "network.onnx.zip")) as file:
            assert file.testzip() is None
            file.extractall(tmp_path / "unpacked")

        stem = file_stem(DEEP)
        assert file.namelist() == [f"{stem}.onnx", f"{stem}.onnx.data"]
        assert difference_to_torch(DEEP, tmp_path / f"unpacked/{stem}.onnx") <= 1e-6
