"""Weights of one's own by the library, the command line and the client: the same network by
each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner, Result

import stepzero_rnn
from stepzero_rnn.cli import cli
from stepzero_rnn.client import Client
from stepzero_rnn.errors import (
    ArraysGone,
    InvalidArrays,
    InvalidSpec,
    NonfiniteOutput,
    NotAnArrayFile,
)
from stepzero_rnn.spec.canonical import canonical
from stepzero_rnn.spec.recipe import decode_recipe
from stepzero_rnn.uploads.eviction import SUFFIX

GRU: dict[str, Any] = {"rnn_type": "gru", "input_size": 10, "hidden_size": 20}
ASKED = ("-t", "gru", "--input-size", "10", "--hidden-size", "20")
LARGER = ("-t", "gru", "--input-size", "10", "--hidden-size", "32")
State = Mapping[str, torch.Tensor]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of one's own, with a store of one's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEPZERO_ARRAYS_FOLDER", str(tmp_path / "arrays"))
    return tmp_path


@pytest.fixture
def state() -> State:
    """The parameters of a network."""
    generator = torch.Generator().manual_seed(3)
    shapes = torch.nn.GRU(10, 20).state_dict()
    return {n: torch.randn(t.shape, generator=generator) / 8 for n, t in shapes.items()}


@pytest.fixture
def file(folder: Path, state: State) -> Path:
    """The same as a file."""
    path = folder / "old.safetensors"
    save_file(dict(state), path)
    return path


@pytest.fixture
def client(server_url: str) -> Iterator[Client]:
    with Client(server_url) as client:
        yield client


def same(one: State, other: State) -> bool:
    """Whether two networks have the same parameters."""
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


def load(path: Path) -> State:
    """Load a `.pt` file."""
    state: State = torch.load(path, weights_only=True)
    return state


class TestTheLibrary:
    def test_builds_a_module_with_them(self, state: State) -> None:
        assert same(stepzero_rnn.build(GRU, arrays=state).state_dict(), state)

    def test_takes_what_numpy_makes_arrays_of(self) -> None:
        arrays = {
            "bias_ih_l0": [0.5] * 60,
            "bias_hh_l0": np.full(60, 0.25, ">f8"),
            "weight_hh_l0": torch.full((60, 20), -1, dtype=torch.bfloat16),
        }
        found = stepzero_rnn.state_dict(GRU, arrays=arrays)

        assert found["bias_ih_l0"].eq(0.5).all()
        assert found["bias_hh_l0"].eq(0.25).all()
        assert found["weight_hh_l0"].eq(-1).all()
        assert torch.equal(found["weight_ih_l0"], stepzero_rnn.state_dict(GRU)["weight_ih_l0"])

    def test_takes_bfloat16_from_memory(self) -> None:
        ml_dtypes = pytest.importorskip("ml_dtypes")
        bias = np.arange(60).astype(ml_dtypes.bfloat16)

        assert stepzero_rnn.state_dict(GRU, arrays={"bias_ih_l0": bias})["bias_ih_l0"].tolist() == [
            *range(60)
        ]

    def test_takes_its_part_of_a_whole_model(self, state: State) -> None:
        whole = {f"rnn.{name}": tensor for name, tensor in state.items()}
        recipe = stepzero_rnn.with_arrays(
            GRU, {**whole, "n": torch.tensor(7)}, prefix="rnn.", strict=True
        )

        assert same(stepzero_rnn.state_dict(recipe), state)

    def test_saves_a_file_with_them(self, state: State, file: Path, folder: Path) -> None:
        assert same(load(stepzero_rnn.save(GRU, folder / "new.pt", arrays=[file])), state)

    def test_gives_a_recipe_that_all_else_takes(self, state: State, folder: Path) -> None:
        recipe = stepzero_rnn.with_arrays(GRU | {"hidden_size": 32}, state, grow=True)
        kept = stepzero_rnn.state_dict(recipe)["weight_hh_l0"].view(3, 32, 32)[:, :20, :20]

        assert torch.equal(kept, state["weight_hh_l0"].view(3, 20, 20))
        assert stepzero_rnn.check(recipe).weights.tensors[0].given == 600
        assert same(
            load(stepzero_rnn.save(recipe, folder / "new.pt")), stepzero_rnn.state_dict(recipe)
        )
        assert b"".join(stepzero_rnn.stream(recipe)) == (folder / "new.pt").read_bytes()

    def test_draws_parts_anew(self, state: State) -> None:
        part = {"parameter": "weight_hh"}
        recipe = stepzero_rnn.with_arrays(GRU | {"init": "orthogonal"}, state, redraw=[part])
        found, plain = (
            stepzero_rnn.state_dict(recipe),
            stepzero_rnn.state_dict(GRU | {"init": "orthogonal"}),
        )

        assert torch.equal(found["weight_hh_l0"], plain["weight_hh_l0"])
        assert torch.equal(found["weight_ih_l0"], state["weight_ih_l0"])

    @pytest.mark.filterwarnings("ignore:/")  # of what no array tells
    def test_reads_other_layouts(self) -> None:
        kernel = np.arange(10 * 60, dtype=np.float32).reshape(10, 60) / 600
        recipe = stepzero_rnn.with_arrays(GRU, {"gru/kernel": kernel}, layout="keras")
        z, r, n = np.split(kernel.T, 3)

        assert np.array_equal(
            stepzero_rnn.state_dict(recipe)["weight_ih_l0"], np.concatenate([r, z, n])
        )

    def test_warns_of_what_no_array_tells(self) -> None:
        arrays = {"W": np.ones((1, 60, 10)), "R": np.ones((1, 60, 20))}
        with pytest.warns(UserWarning, match="read as") as told:
            stepzero_rnn.with_arrays(GRU, arrays, layout="onnx")

        before_reset, attributes = (str(one.message) for one in told)
        assert "linear_before_reset=1" in before_reset
        assert "not reverse, and without clip" in attributes

    def test_refuses_numbers_that_overflow_the_dtype(self) -> None:
        bias = np.zeros(60, np.float32)
        bias[7] = 70_000
        half = GRU | {"dtype": "float16"}
        for make in (stepzero_rnn.build, stepzero_rnn.state_dict):
            with pytest.raises(NonfiniteOutput, match="1 of the 60 values of bias_ih_l0 overflow"):
                make(half, arrays={"bias_ih_l0": bias})

        accepted = stepzero_rnn.build(
            half | {"accept_nonfinite": True}, arrays={"bias_ih_l0": bias}
        )
        assert accepted.state_dict()["bias_ih_l0"][7].isinf()

    def test_has_short_recipes_of_deep_networks(self) -> None:
        deep = {"rnn_type": "rnn", "input_size": 2, "hidden_size": 2, "num_layers": 200}
        recipe = stepzero_rnn.with_arrays(deep, stepzero_rnn.state_dict(deep))

        assert set(canonical(recipe)["init"]["arrays"]) == {"sha256"}

    def test_wants_all_where_it_is_strict(self, state: State) -> None:
        part = {"weight_ih_l0": state["weight_ih_l0"]}
        with pytest.raises(InvalidArrays, match="weight_hh_l0, bias_ih_l0, bias_hh_l0"):
            stepzero_rnn.with_arrays(GRU, part, strict=True)

    def test_refuses_a_pickle_with_the_way_out(self, state: State, folder: Path) -> None:
        torch.save(state, folder / "old.pt")
        with pytest.raises(NotAnArrayFile, match=r"safetensors\.torch\.save_file"):
            stepzero_rnn.build(GRU, arrays=[folder / "old.pt"])

    @pytest.mark.parametrize("values", [[[1], [2, 3]], ["a"], {"a": 1}, [None], [1, 2**70]])
    def test_refuses_what_is_no_array_of_floats(self, values: Any) -> None:
        with pytest.raises(InvalidArrays, match="weight_ih_l0"):
            stepzero_rnn.build(GRU, arrays={"weight_ih_l0": values})

    def test_refuses_options_that_there_are_not(self, state: State) -> None:
        with pytest.raises(InvalidSpec, match="/layout"):
            stepzero_rnn.with_arrays(GRU, state, layout="caffe")  # type: ignore[arg-type]

    def test_says_when_they_are_gone(self, state: State, folder: Path) -> None:
        recipe = stepzero_rnn.with_arrays(GRU, state)
        for path in (folder / "arrays").glob("*" + SUFFIX):
            path.unlink()

        for make in (stepzero_rnn.build, stepzero_rnn.check):
            with pytest.raises(ArraysGone):
                make(recipe)

    def test_leaves_nothing_but_one_file_behind(self, state: State, folder: Path) -> None:
        stepzero_rnn.build(GRU, arrays=state)
        stepzero_rnn.build(GRU, arrays=state)

        assert len([path for path in (folder / "arrays").rglob("*") if path.is_file()]) == 1


def run(*arguments: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(cli, arguments, env={"COLUMNS": "200"})


class TestTheCommandLine:
    @pytest.mark.parametrize("there", [False, True])
    def test_makes_a_file_with_them(
        self, state: State, file: Path, folder: Path, server_url: str, there: bool
    ) -> None:
        server = ("--server", server_url) if there else ()
        result = run("make", *ASKED, "--arrays", file.name, "-o", "new.pt", *server)

        assert result.exit_code == 0, result.output
        assert same(load(folder / "new.pt"), state)

    def test_makes_it_again_from_its_recipe(self, file: Path, folder: Path) -> None:
        made = run("make", *LARGER, "--arrays", file.name, "--grow", "-o", "one.pt", "--json")
        recipe = json.loads(made.stdout)["permalink"]
        again = run("make", "--recipe", recipe, "-o", "other.pt")

        assert again.exit_code == 0, again.output
        assert (folder / "one.pt").read_bytes() == (folder / "other.pt").read_bytes()

    def test_takes_several_files_and_options(self, state: State, folder: Path) -> None:
        for name in ("weight_ih_l0", "weight_hh_l0"):
            np.save(folder / f"{name}.npy", state[name].numpy())
        files = ("--arrays", "weight_ih_l0.npy", "--arrays", "weight_hh_l0.npy")
        redraw = ("--redraw", '[{"parameter": "weight_hh", "gate": "new"}]')
        result = run("plan", *ASKED, *files, *redraw, "--layout", "pytorch", "--json")
        recipe = decode_recipe(json.loads(result.stdout)["recipe"])

        assert recipe.arrays is not None
        assert recipe.arrays.given == ("weight_ih_l0", "weight_hh_l0")
        assert recipe.arrays.redraw[0].gate == "new"

    @pytest.mark.parametrize("there", [False, True])
    def test_takes_its_part_of_a_whole_model(
        self, state: State, folder: Path, server_url: str, there: bool
    ) -> None:
        whole = {f"rnn.{name}": tensor for name, tensor in state.items()}
        save_file({**whole, "n": torch.tensor(7)}, folder / "whole.safetensors")
        asked = ("make", *ASKED, "--arrays", "whole.safetensors", "-o", "new.pt")
        server = ("--server", server_url) if there else ()

        assert "set prefix=rnn." in run(*asked, *server).output
        assert run(*asked, *server, "--prefix", "rnn.").exit_code == 0
        assert same(load(folder / "new.pt"), state)

    @pytest.mark.parametrize("there", [False, True])
    def test_warns_of_what_no_array_tells(self, folder: Path, server_url: str, there: bool) -> None:
        np.savez(folder / "gru.npz", W=np.ones((1, 60, 10)), R=np.zeros((1, 60, 20)))
        asked = ("plan", *ASKED, "--arrays", "gru.npz", "--layout", "onnx", "--json")
        result = run(*asked, *(("--server", server_url) if there else ()))

        assert json.loads(result.stdout)["parameters"] == 1920
        assert "Warning: /layout: read as linear_before_reset=1" in result.stderr

    def test_shows_in_check_what_is_given(self, file: Path) -> None:
        result = run("check", *LARGER, "--arrays", file.name, "--grow")

        assert result.exit_code == 0, result.output
        assert "pytorch, given" in result.stdout

    @pytest.mark.parametrize("there", [False, True])
    def test_says_what_does_not_fit(self, file: Path, server_url: str, there: bool) -> None:
        server = ("--server", server_url) if there else ()
        result = run("make", *LARGER, "--arrays", file.name, *server)

        assert result.exit_code == 2
        assert "weight_hh_l0 needs shape (96, 32), but the array has (60, 20)" in result.output

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("--grow",), "--grow requires --arrays"),
            (("--arrays", "nowhere.npz"), "nowhere.npz"),
            (("--arrays", "old.safetensors", "--redraw", "{"), "--redraw"),
            (
                ("--arrays", "old.safetensors", "--redraw", '[{"parameter": "x"}]'),
                "--redraw /0/parameter",
            ),
        ],
    )
    def test_refuses_wrong_options(self, file: Path, arguments: tuple[str, ...], said: str) -> None:
        result = run("make", *ASKED, *arguments)

        assert result.exit_code in (1, 2)
        assert said in result.output


class TestTheClient:
    def test_downloads_a_file_with_them(self, client: Client, state: State, folder: Path) -> None:
        client.download(GRU, folder / "new.pt", arrays=state)

        assert same(load(folder / "new.pt"), state)

    def test_gives_the_recipe_that_the_library_gives(
        self, client: Client, state: State, file: Path
    ) -> None:
        larger = GRU | {"hidden_size": 32, "init": "orthogonal"}
        part = {"parameter": "bias", "gate": "new"}
        here = stepzero_rnn.with_arrays(larger, state, grow=True, redraw=[part])
        there = client.with_arrays(larger, [file], grow=True, redraw=[part])

        assert canonical(here) == canonical(there)
        assert client.summary(there)["weights"]["tensors"][0]["given"] == 600

    def test_raises_what_the_server_refuses(self, client: Client, file: Path) -> None:
        with pytest.raises(InvalidArrays, match="hidden_size 20"):
            client.with_arrays(GRU | {"hidden_size": 32}, [file])
