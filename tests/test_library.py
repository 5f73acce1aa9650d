"""The library face: what the service does, for somebody who wants no server."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.utils.parametrizations import weight_norm

import stepzero_rnn
from stepzero_rnn.errors import (
    DeadOutput,
    DtypeNotInFormat,
    FormatMismatch,
    InvalidArrays,
    InvalidRecipe,
    InvalidSpec,
    RequestError,
    UnknownFormat,
)
from stepzero_rnn.spec.checkpoint import CheckSize, Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.recipe import decode_recipe

GRU = {"rnn_type": "gru", "input_size": 10, "hidden_size": 20}
LSTM = GRU | {"rnn_type": "lstm", "proj_size": 4, "num_layers": 2, "bidirectional": True}
RNN = GRU | {"rnn_type": "rnn", "nonlinearity": "relu", "bias": False}
NETWORKS = {"rnn": RNN, "gru": GRU, "lstm": LSTM, "bfloat16": LSTM | {"dtype": "bfloat16"}}
every_network = pytest.mark.parametrize("spec", NETWORKS.values(), ids=list(NETWORKS))


class TestBuild:
    @every_network
    def test_gives_torchs_own_module(self, spec: dict[str, Any]) -> None:
        assert type(stepzero_rnn.build(spec)) is getattr(torch.nn, spec["rnn_type"].upper())

    def test_gives_the_network_that_was_asked_for(self) -> None:
        module = stepzero_rnn.build(LSTM | {"batch_first": True, "dropout": 0.25, "bias": False})

        assert (module.input_size, module.hidden_size, module.num_layers) == (10, 20, 2)
        assert (module.bidirectional, module.proj_size, module.bias) == (True, 4, False)
        assert (module.batch_first, module.dropout) == (True, 0.25)

    def test_gives_the_nonlinearity_that_was_asked_for(self) -> None:
        module = stepzero_rnn.build(RNN)
        assert isinstance(module, torch.nn.RNN)

        assert module.nonlinearity == "relu"

    @every_network
    def test_gives_parameters_that_can_be_trained(self, spec: dict[str, Any]) -> None:
        module = stepzero_rnn.build(spec)
        output, _ = module(torch.ones(3, 2, 10, dtype=getattr(torch, spec.get("dtype", "float32"))))
        output.sum().backward()

        assert all(p.requires_grad and p.grad is not None for p in module.parameters())

    @every_network
    def test_gives_the_weights_of_the_state_dict(self, spec: dict[str, Any]) -> None:
        drawn = stepzero_rnn.state_dict(spec)
        for name, parameter in stepzero_rnn.build(spec).state_dict().items():
            assert torch.equal(parameter, drawn[name]), name


class TestStateDict:
    @every_network
    def test_loads_strictly_into_torchs_own_module(self, spec: dict[str, Any]) -> None:
        module = stepzero_rnn.build(spec | {"seed": 1})

        assert (
            str(module.load_state_dict(stepzero_rnn.state_dict(spec), strict=True))
            == "<All keys matched successfully>"
        )

    def test_is_the_same_each_time(self) -> None:
        one, other = stepzero_rnn.state_dict(LSTM), stepzero_rnn.state_dict(LSTM)

        assert all(torch.equal(one[name], other[name]) for name in one)

    def test_shares_no_memory_between_tensors(self) -> None:
        places = [
            tensor.untyped_storage().data_ptr() for tensor in stepzero_rnn.state_dict(LSTM).values()
        ]

        assert len(set(places)) == len(places)

    def test_is_the_users_to_change(self) -> None:
        drawn = stepzero_rnn.state_dict(GRU)
        drawn["bias_ih_l0"].fill_(1)

        assert drawn["bias_ih_l0"].tolist() == [1.0] * 60


def without_id(file: bytes) -> bytes:
    """Blank the 40 digits of torch's serialization id, and the two CRCs of that record."""
    assert file.count(b".data/serialization_id") == 2
    blanked = bytearray(file)
    header = file.index(b"archive/.data/serialization_id")
    digits = header + file[header:].index(b"PK\x07\x08") - 40
    blanked[digits : digits + 40] = bytes(40)
    blanked[digits + 44 : digits + 48] = bytes(4)  # in the data descriptor, after its signature
    entry = file.rindex(b"archive/.data/serialization_id") - 46
    blanked[entry + 16 : entry + 20] = bytes(4)  # in the directory
    return bytes(blanked)


class TestSave:
    @every_network
    def test_writes_what_torch_writes_but_for_the_id(
        self, spec: dict[str, Any], tmp_path: Path
    ) -> None:
        theirs = io.BytesIO()
        torch.save(stepzero_rnn.state_dict(spec), theirs)
        ours = stepzero_rnn.save(spec, tmp_path / "net.pt").read_bytes()

        assert without_id(ours) == without_id(theirs.getvalue())

    @every_network
    def test_writes_what_torch_loads(self, spec: dict[str, Any], tmp_path: Path) -> None:
        loaded = torch.load(stepzero_rnn.save(spec, tmp_path / "net.pt"), weights_only=True)

        assert list(loaded) == list(stepzero_rnn.state_dict(spec))
        assert all(
            torch.equal(loaded[name], t) for name, t in stepzero_rnn.state_dict(spec).items()
        )

    def test_writes_what_the_suffix_says(self, tmp_path: Path) -> None:
        assert load_file(stepzero_rnn.save(GRU, tmp_path / "net.safetensors"))
        assert np.load(stepzero_rnn.save(GRU | {"format": "npz"}, tmp_path / "net.NPZ"))
        assert torch.load(stepzero_rnn.save(GRU, tmp_path / "net.ckpt"), weights_only=True)

    def test_refuses_a_format_against_the_suffix(self, tmp_path: Path) -> None:
        with pytest.raises(
            FormatMismatch, match=r"net\.pt means pt, but the requested format is npz"
        ):
            stepzero_rnn.save(GRU | {"format": "npz"}, tmp_path / "net.pt")

        assert list(tmp_path.iterdir()) == []

    def test_writes_any_format(self, tmp_path: Path) -> None:
        drawn = stepzero_rnn.state_dict(GRU)
        safe = load_file(stepzero_rnn.save(GRU, tmp_path / "net.safetensors", format="safetensors"))
        numpy = np.load(stepzero_rnn.save(GRU, tmp_path / "net.npz", format="npz"))

        assert all(torch.equal(safe[name], tensor) for name, tensor in drawn.items())
        assert all(np.array_equal(numpy[name], tensor.numpy()) for name, tensor in drawn.items())

    def test_tells_how_far_it_is(self, tmp_path: Path) -> None:
        told: list[tuple[int, int]] = []
        size = (
            stepzero_rnn.save(GRU, tmp_path / "net.pt", progress=lambda *now: told.append(now))
            .stat()
            .st_size
        )

        assert told[-1] == (size, size)
        assert [done for done, _ in told] == sorted(done for done, _ in told)

    def test_replaces_an_older_file(self, tmp_path: Path) -> None:
        target = tmp_path / "net.pt"
        target.write_text("old")
        stepzero_rnn.save(GRU, target)

        assert torch.load(target, weights_only=True)

    def test_writes_into_a_device_and_leaves_it(self) -> None:
        assert stepzero_rnn.save(GRU, "/dev/null") == Path("/dev/null")
        assert Path("/dev/null").is_char_device()

    def test_writes_into_a_pipe_and_leaves_it(self, tmp_path: Path) -> None:
        whole = stepzero_rnn.save(GRU, tmp_path / "net.pt").read_bytes()
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with ThreadPoolExecutor() as pool:
            read = pool.submit(pipe.read_bytes)
            stepzero_rnn.save(GRU, pipe)

            assert read.result() == whole
        assert pipe.is_fifo()
        assert len(list(tmp_path.iterdir())) == 2

    def test_names_the_path_that_it_was_given_where_that_cannot_be(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError) as caught:
            stepzero_rnn.save(GRU, tmp_path / "nowhere" / "net.pt")

        assert caught.value.filename == str(tmp_path / "nowhere" / "net.pt")

    def test_does_not_take_a_folder_that_is_missing_for_a_file(self, tmp_path: Path) -> None:
        with pytest.raises(NotADirectoryError):
            stepzero_rnn.save(GRU, f"{tmp_path}/nowhere/")

        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("suffix", ["gguf", "h5", "npy", "GGUF"])
    def test_refuses_the_suffix_of_a_format_that_it_does_not_write(
        self, tmp_path: Path, suffix: str
    ) -> None:
        with pytest.raises(UnknownFormat, match=suffix.lower()):
            stepzero_rnn.save(GRU, tmp_path / f"net.{suffix}")

        assert list(tmp_path.iterdir()) == []

    def test_leaves_nothing_where_it_fails(self, tmp_path: Path) -> None:
        with pytest.raises(DeadOutput):
            stepzero_rnn.save(LSTM | {"init": "zeros"}, tmp_path / "net.pt")

        assert list(tmp_path.iterdir()) == []

    def test_leaves_an_older_file_where_it_fails(self, tmp_path: Path) -> None:
        target = tmp_path / "net.pt"
        target.write_text("old")
        with pytest.raises(DeadOutput):
            stepzero_rnn.save(LSTM | {"init": "zeros"}, target)

        assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


class TestStream:
    def test_gives_the_file(self, tmp_path: Path) -> None:
        streamed = b"".join(stepzero_rnn.stream(LSTM, format="safetensors"))

        assert (
            streamed == stepzero_rnn.save(LSTM, tmp_path / "net", format="safetensors").read_bytes()
        )

    def test_checks_before_the_first_byte(self) -> None:
        with pytest.raises(DeadOutput):
            next(stepzero_rnn.stream(LSTM | {"init": "zeros"}))

    def test_refuses_a_dtype_that_the_format_lacks(self) -> None:
        with pytest.raises(DtypeNotInFormat):
            next(stepzero_rnn.stream(GRU | {"dtype": "bfloat16"}, format="npz"))

    def test_can_be_left_at_any_time(self) -> None:
        stream = stepzero_rnn.stream(GRU | {"hidden_size": 800})
        next(stream)
        stream.close()  # type: ignore[attr-defined]

        assert list(stream) == []


class TestCheck:
    def test_tells_the_weights_and_the_forward_pass(self) -> None:
        summary = stepzero_rnn.check(GRU, check=CheckSize(seq_len=3, batch=2))

        assert [tensor.name for tensor in summary.weights.tensors] == list(
            stepzero_rnn.state_dict(GRU)
        )
        assert summary.forward.output_shape == [3, 2, 20]

    def test_tells_the_sha256_of_every_tensor(self) -> None:
        import hashlib

        drawn = stepzero_rnn.state_dict(GRU)
        for tensor in stepzero_rnn.check(GRU).weights.tensors:
            assert tensor.sha256 == hashlib.sha256(drawn[tensor.name].numpy().tobytes()).hexdigest()

    def test_tells_the_spread_beside_the_promise(self) -> None:
        figures = stepzero_rnn.check(GRU | {"init": "xavier_normal"}).weights.tensors[1].figures

        assert figures.expected_std == pytest.approx((2 / 40) ** 0.5)
        assert figures.std == pytest.approx(figures.expected_std, rel=5 / (2 * 1200) ** 0.5)


class TestPlan:
    def test_needs_no_drawing(self) -> None:
        huge = {"rnn_type": "rnn", "input_size": 2**40, "hidden_size": 2**40, "bias": False}

        assert stepzero_rnn.plan(huge).parameters == 2**81

    def test_takes_a_spec_or_a_mapping(self) -> None:
        assert stepzero_rnn.plan(GRU) == stepzero_rnn.plan(parse(Spec, GRU))


@pytest.mark.parametrize(
    "call", [stepzero_rnn.plan, stepzero_rnn.build, stepzero_rnn.state_dict, stepzero_rnn.check]
)
def test_every_call_names_every_wrong_field(call: Any) -> None:
    with pytest.raises(InvalidSpec) as refused:
        call({"rnn_type": "gru", "input_size": 0, "hidden_size": 0})

    pointers = [error["pointer"] for error in refused.value.facts["errors"]]
    assert pointers == ["/input_size", "/hidden_size"]


@pytest.mark.parametrize(
    "module",
    [
        "stepzero_rnn",
        "stepzero_rnn.errors",
        "stepzero_rnn.dtypes",
        "stepzero_rnn.plan",
        "stepzero_rnn.summary",
        "stepzero_rnn.formats",
        "stepzero_rnn.client",
    ]
    + [
        f"stepzero_rnn.spec.{name}"
        for name in ("base", "canonical", "checkpoint", "parse", "recipe", "schemes")
    ],
)
def test_what_is_asked_and_what_it_costs_start_without_torch(module: str) -> None:
    probe = f"import sys, {module}; print({{'torch', 'numba', 'fastapi'}} & set(sys.modules))"
    shown = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )

    assert shown.stdout == "set()\n"


def test_planning_starts_without_torch() -> None:
    probe = f"import sys, stepzero_rnn; stepzero_rnn.plan({GRU}); print({{'torch', 'numba'}} & set(sys.modules))"
    shown = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )

    assert shown.stdout == "set()\n"


def test_arrays_from_memory_are_called_by_their_names_and_no_files() -> None:
    with pytest.raises(InvalidArrays) as caught:
        stepzero_rnn.build(GRU, arrays={"weight_ih_l0": np.zeros((1, 2), np.float32)})

    assert "arrays.npz" not in str(caught.value)
    assert "/arrays/weight_ih_l0: " in str(caught.value)


def test_arrays_may_be_one_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", weight_ih_l0=np.full((60, 10), 0.5, np.float32))

    drawn = stepzero_rnn.state_dict(GRU, arrays=str(tmp_path / "own.npz"))

    assert drawn["weight_ih_l0"].unique().tolist() == [0.5]


def test_arrays_are_no_module() -> None:
    with pytest.raises(RequestError, match=r"not a GRU; pass its state_dict\(\)"):
        stepzero_rnn.build(GRU, arrays=cast(Any, stepzero_rnn.build(GRU)))


TOKEN = stepzero_rnn.plan(GRU).recipe
BIAS = {"bias_ih_l0": np.full(60, 0.5)}
ZEROS = GRU | {"init": "zeros", "accept_dead": True}  # allowed, but its units stay the same


def equal(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


class TestAToken:
    def test_is_a_plans_recipe(self) -> None:
        assert decode_recipe(TOKEN) == parse(Spec, GRU)

    def test_stands_for_its_spec_in_every_call(self, tmp_path: Path) -> None:
        assert stepzero_rnn.plan(TOKEN) == stepzero_rnn.plan(GRU)
        assert equal(stepzero_rnn.state_dict(TOKEN), stepzero_rnn.state_dict(GRU))
        assert equal(stepzero_rnn.build(TOKEN).state_dict(), stepzero_rnn.state_dict(GRU))
        assert stepzero_rnn.check(TOKEN).weights == stepzero_rnn.check(GRU).weights
        saved = stepzero_rnn.save(TOKEN, tmp_path / "gru.npz").read_bytes()
        assert saved == b"".join(stepzero_rnn.stream(TOKEN, format="npz"))
        assert stepzero_rnn.with_arrays(TOKEN, BIAS) == stepzero_rnn.with_arrays(GRU, BIAS)

    def test_that_is_cut_is_refused(self) -> None:
        with pytest.raises(InvalidRecipe):
            stepzero_rnn.build(TOKEN[:-1])


class TestUploadOptions:
    def test_are_taken_by_every_call_that_takes_arrays(self, tmp_path: Path) -> None:
        larger = GRU | {"hidden_size": 32}
        recipe = stepzero_rnn.with_arrays(larger, BIAS, grow=True)
        expected = stepzero_rnn.state_dict(recipe)

        assert equal(stepzero_rnn.state_dict(larger, arrays=BIAS, grow=True), expected)
        assert equal(stepzero_rnn.build(larger, arrays=BIAS, grow=True).state_dict(), expected)
        path = stepzero_rnn.save(larger, tmp_path / "grown.pt", arrays=BIAS, grow=True)
        assert equal(torch.load(path, weights_only=True), expected)

    def test_may_name_one_part_to_redraw(self) -> None:
        part = {"parameter": "bias", "gate": "new"}

        assert stepzero_rnn.with_arrays(GRU, BIAS, redraw=part) == stepzero_rnn.with_arrays(
            GRU, BIAS, redraw=[part]
        )

    def test_are_refused_without_arrays(self) -> None:
        with pytest.raises(RequestError, match="`grow` is for `arrays`, and none are given"):
            stepzero_rnn.build(GRU, grow=True)


class TestAPrefix:
    def test_of_a_state_dict_is_that_of_a_larger_model(self) -> None:
        model = torch.nn.ModuleDict({"rnn": torch.nn.GRU(10, 20), "head": torch.nn.Linear(20, 2)})
        drawn = stepzero_rnn.state_dict(GRU, prefix="rnn.")

        loaded = model.load_state_dict(drawn, strict=False)

        assert (loaded.missing_keys, loaded.unexpected_keys) == (["head.weight", "head.bias"], [])
        assert equal(model["rnn"].state_dict(), stepzero_rnn.state_dict(GRU))

    def test_leaves_torchs_metadata_where_torch_has_it(self) -> None:
        drawn: Any = stepzero_rnn.state_dict(GRU, prefix="rnn.")
        theirs: Any = torch.nn.ModuleDict({"rnn": torch.nn.GRU(10, 20)}).state_dict()

        assert drawn._metadata["rnn"] == theirs._metadata["rnn"]
        assert drawn._metadata["stepzero"]["version"] == 1


MODULES = {
    "rnn": (RNN, lambda: torch.nn.RNN(10, 20, nonlinearity="relu", bias=False)),
    "gru": (GRU, lambda: torch.nn.GRU(10, 20, batch_first=True)),
    "lstm": (LSTM, lambda: torch.nn.LSTM(10, 20, 2, bidirectional=True, proj_size=4)),
    "bfloat16": (
        GRU | {"dtype": "bfloat16"},
        lambda: torch.nn.GRU(10, 20, dtype=torch.bfloat16),
    ),
}


class TestInit:
    @pytest.mark.parametrize("name", MODULES)
    def test_draws_what_a_spec_of_these_sizes_draws(self, name: str) -> None:
        spec, make = MODULES[name]
        init = {"weight_hh": "orthogonal"}

        module = stepzero_rnn.init_(make(), init, seed=7)

        expected = stepzero_rnn.state_dict(spec | {"init": init, "seed": 7})
        assert equal(module.state_dict(), expected)

    def test_keeps_the_module_and_its_parameters(self) -> None:
        module = torch.nn.GRU(10, 20)
        module.weight_ih_l0.requires_grad_(False)
        before = list(module.parameters())

        assert stepzero_rnn.init_(module, "orthogonal") is module
        assert all(now is then for now, then in zip(module.parameters(), before, strict=True))
        assert [p.requires_grad for p in module.parameters()] == [False, True, True, True]
        assert all(p.grad_fn is None for p in module.parameters())

    @pytest.mark.gpu
    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    def test_leaves_the_parameters_on_their_device(self) -> None:
        module = stepzero_rnn.init_(torch.nn.GRU(10, 20, device="cuda"), "orthogonal")

        assert module.weight_hh_l0.is_cuda
        expected = stepzero_rnn.state_dict(GRU | {"init": "orthogonal"})
        assert equal(module.cpu().state_dict(), expected)

    def test_takes_a_part_of_a_model(self) -> None:
        model = torch.nn.ModuleDict({"encoder": torch.nn.GRU(10, 20)})

        stepzero_rnn.init_(cast(torch.nn.GRU, model["encoder"]))

        assert equal(model["encoder"].state_dict(), stepzero_rnn.state_dict(GRU))

    @pytest.mark.parametrize(
        ("module", "said"),
        [
            (torch.nn.Linear(2, 3), "fills an nn.RNN, nn.GRU or nn.LSTM, not a Linear"),
            (torch.nn.ModuleDict({"rnn": torch.nn.GRU(2, 3)}), "it has one at 'rnn'"),
            (torch.nn.GRUCell(2, 3), "not a GRUCell"),
            (None, "not a NoneType"),
            (torch.nn.GRU(2, 3, device="meta"), r"on the meta device; call to_empty\(\) first"),
            (weight_norm(torch.nn.GRU(2, 3), "weight_hh_l0"), "differ from those of a plain"),
            (
                torch.nn.GRU(2, 3, dtype=torch.complex64),
                "one of float32, float64, float16, bfloat16; found: torch.complex64",
            ),
        ],
    )
    def test_refuses_what_it_cannot_fill(self, module: Any, said: str) -> None:
        with pytest.raises(RequestError, match=said):
            stepzero_rnn.init_(module)

    def test_changes_nothing_where_the_init_is_not_valid(self) -> None:
        module = torch.nn.GRU(10, 20)
        before = {name: tensor.clone() for name, tensor in module.state_dict().items()}

        with pytest.raises(InvalidSpec, match="orthogonal"):
            stepzero_rnn.init_(module, "orthogonl")

        assert equal(module.state_dict(), before)


class TestWarnings:
    @pytest.mark.parametrize(
        "call",
        [
            stepzero_rnn.build,
            stepzero_rnn.state_dict,
            stepzero_rnn.stream,
            lambda spec: stepzero_rnn.save(spec, "/dev/null"),
            lambda spec: stepzero_rnn.init_(torch.nn.GRU(10, 20), spec["init"]),
        ],
        ids=["build", "state_dict", "stream", "save", "init_"],
    )
    def test_of_a_spec_come_once_and_name_the_line_that_called(self, call: Any) -> None:
        with pytest.warns(stepzero_rnn.RecipeWarning) as told:
            call(ZEROS)

        assert [str(warning.message)[:17] for warning in told] == ["/init/weight_ih: "]
        assert [warning.filename for warning in told] == [__file__]

    def test_of_arrays_come_once(self) -> None:
        arrays = {"W": np.ones((1, 60, 10)), "R": np.ones((1, 60, 20))}

        with pytest.warns(stepzero_rnn.RecipeWarning) as told:
            stepzero_rnn.build(GRU, arrays=arrays, layout="onnx")

        assert len({str(warning.message) for warning in told}) == len(told) > 0
        assert {warning.filename for warning in told} == {__file__}

    def test_can_be_made_errors(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error", stepzero_rnn.RecipeWarning)
            with pytest.raises(stepzero_rnn.RecipeWarning, match="all units of a layer"):
                stepzero_rnn.build(ZEROS)

    def test_do_not_come_with_what_tells_them_itself(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error", stepzero_rnn.RecipeWarning)
            stepzero_rnn.plan(ZEROS)

            assert [w.code for w in stepzero_rnn.check(ZEROS).warnings] == ["equal_units"]


class TestTheFace:
    def test_shows_its_public_names_alone(self) -> None:
        assert dir(stepzero_rnn) == sorted(stepzero_rnn.__all__)
        assert all(getattr(stepzero_rnn, name) is not None for name in dir(stepzero_rnn))

    def test_is_imported_without_what_it_may_never_need(self) -> None:
        heavy = {"torch", "numba", "numpy", "httpx", "typer", "rich", "anyio", "app"}
        probe = f"import sys, stepzero_rnn; print({heavy} & {{*sys.modules}})"
        shown = subprocess.run(
            [sys.executable, "-c", probe], capture_output=True, text=True, check=True
        )

        assert shown.stdout == "set()\n"

    def test_keeps_its_calls_when_modules_of_their_names_are_imported(self) -> None:
        probe = (
            "import stepzero_rnn.plan, stepzero_rnn.client, stepzero_rnn.drawing\n"
            "print(callable(stepzero_rnn.plan))"
        )
        shown = subprocess.run(
            [sys.executable, "-c", probe], capture_output=True, text=True, check=True
        )

        assert shown.stdout == "True\n"
