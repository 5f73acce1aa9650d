"""Scripts of somebody's own: their numbers, bit for bit, judged by the scripts themselves in a
process of their own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stepzero_rnn
from stepzero_rnn.engine.draw import Sampler
from stepzero_rnn.engine.schemes import SCRIPTS
from stepzero_rnn.engine.thread_pool import Stop, Stopped, ThreadPool
from stepzero_rnn.spec.schemes.scripts import FUNCTIONS
from stepzero_rnn.spec.schemes.scripts import SCRIPTS as ASKED
from tests.engine.drawing import planned, stored

# What people run.  It draws every network that it is told of, and writes the bytes of the
# parameters.
SCRIPT = """
import json, sys
import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
out = open(sys.argv[1], "wb")
for case in json.load(sys.stdin):
    module = getattr(nn, case["module"])
    arguments = case["arguments"] | {"dtype": getattr(torch, case["dtype"])}
    if case["script"] == "torch_seeded":
        torch.manual_seed(case["seed"])
    model = module(**arguments)
    if case["script"] == "numpy_randn":
        np.random.seed(case["seed"])
        for name, parameter in model.state_dict().items():
            if name.startswith("weight"):
                drawn = torch.from_numpy(np.random.randn(*parameter.shape) * case["scale"])
                parameter.copy_(drawn.to(parameter.dtype))
            else:
                parameter.zero_()
    for name, parameter in model.named_parameters():
        for prefix, (function, options) in case["calls"].items():
            if name.startswith(prefix + "_l"):
                getattr(nn.init, function)(parameter, **options)
    for parameter in model.state_dict().values():
        out.write(parameter.contiguous().view(torch.uint8).numpy().tobytes())
"""
NETWORKS: Mapping[str, dict[str, Any]] = {
    "rnn": {"rnn_type": "rnn", "nonlinearity": "relu"},
    "gru": {"rnn_type": "gru", "num_layers": 2},
    "lstm": {"rnn_type": "lstm", "bidirectional": True, "num_layers": 2, "proj_size": 9},
    "lstm without bias": {"rnn_type": "lstm", "bias": False},
}
SIZES = {"input_size": 13, "hidden_size": 21, "seed": 42}
EVERY_CALL: Mapping[str, dict[str, Any]] = {
    "uniform_": {"a": -0.1, "b": 0.3},
    "normal_": {"std": 0.02},
    "trunc_normal_": {"std": 0.5, "a": -0.2},
    "constant_": {"val": 0.1},
    "zeros_": {},
    "ones_": {},
    "eye_": {},
    "xavier_uniform_": {"gain": 0.5},
    "xavier_normal_": {},
    "kaiming_uniform_": {"a": 0.2},
    "kaiming_normal_": {"mode": "fan_out", "nonlinearity": "relu"},
    "orthogonal_": {"gain": 1.4},
}
LSTM = {**SIZES, **NETWORKS["lstm"]}
SEEDED: list[dict[str, Any]] = [
    {**SIZES, **network, "dtype": dtype, "init": "torch_seeded"}
    for network in NETWORKS.values()
    for dtype in ("float32", "float64", "float16", "bfloat16")
]
CALLED: list[dict[str, Any]] = [
    {
        **SIZES,
        **NETWORKS["lstm"],
        "init": {"scheme": "torch_seeded", "weight_hh": {"function": name, **options}},
    }
    for name, options in EVERY_CALL.items()
]
MANY_CALLS = {
    **SIZES,
    **NETWORKS["lstm"],
    "init": {
        "scheme": "torch_seeded",
        "weight_ih": "xavier_uniform_",
        "weight_hh": "orthogonal_",
        "weight_hr": "kaiming_normal_",
        "bias_ih": {"function": "normal_", "std": 0.1},
        "bias_hh": "zeros_",
    },
}
RANDN: list[dict[str, Any]] = [
    {**SIZES, **network, "dtype": dtype, "init": {"scheme": "numpy_randn", "scale": scale}}
    for network in NETWORKS.values()
    for dtype, scale in (("float32", 1.0), ("float64", 0.01), ("float16", 0.1), ("bfloat16", 0.1))
]
LARGE: list[dict[str, Any]] = [  # several of NumPy's pieces, and of torch's vectors
    {"rnn_type": "gru", "input_size": 700, "hidden_size": 601, "seed": 2**32 - 1, "init": init}
    for init in ("numpy_randn", "torch_seeded")
]
CASES = [*SEEDED, *CALLED, MANY_CALLS, *RANDN, *LARGE]


def as_case(given: Mapping[str, Any]) -> dict[str, Any]:
    """Tell the script of a network, in its own words."""
    init = {"scheme": given["init"]} if isinstance(given["init"], str) else dict(given["init"])
    names = ["input_size", "hidden_size", "num_layers", "bias", "bidirectional"]
    names += ["nonlinearity", "proj_size"]
    calls = {}
    for name, call in init.items():
        if name not in ("scheme", "scale"):
            options = {"function": call} if isinstance(call, str) else dict(call)
            calls[name] = (options.pop("function"), options)
    return {
        "script": init["scheme"],
        "scale": init.get("scale", 1.0),
        "module": given["rnn_type"].upper(),
        "seed": given["seed"],
        "dtype": given.get("dtype", "float32"),
        "arguments": {name: given[name] for name in names if name in given},
        "calls": calls,
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the script for all cases; give the file of all their bytes."""
    out = tmp_path_factory.mktemp("scripts") / "bytes"
    told = json.dumps([as_case(given) for given in CASES])
    subprocess.run([sys.executable, "-c", SCRIPT, str(out)], input=told, text=True, check=True)
    return out


def as_bytes(given: Mapping[str, Any], threads: int = 2) -> bytes:
    return b"".join(drawn.tobytes() for drawn in stored(given, threads=threads).values())


def test_every_network_has_the_bytes_of_the_script_itself(run: Path) -> None:
    theirs, at = run.read_bytes(), 0
    for given in CASES:
        ours = as_bytes(given)

        assert ours == theirs[at : at + len(ours)], given
        at += len(ours)
    assert at == len(theirs)


def test_every_function_and_every_script_is_compared() -> None:
    assert set(EVERY_CALL) == set(FUNCTIONS)
    assert {as_case(given)["script"] for given in CASES} == set(SCRIPTS) == set(ASKED)


@pytest.mark.parametrize("init", ["numpy_randn", MANY_CALLS["init"]], ids=["numpy", "torch"])
class TestAnyPart:
    def test_is_the_same_in_any_order_on_any_number_of_threads(self, init: Any) -> None:
        given = LSTM | {"init": init}
        made, whole = planned(given), stored(given, threads=1)
        with ThreadPool(3) as workers:
            sampler = Sampler(made.spec.seed, workers)
            for tensor in reversed(made.tensors):
                assert sampler.tensor(tensor).tobytes() == whole[tensor.name].tobytes(), tensor.name

    def test_can_be_drawn_without_the_rest(self, init: Any) -> None:
        made = planned(LSTM | {"init": init, "seed": 7})
        tensor = made.tensors[-1]
        with ThreadPool(2) as workers:
            sampler = Sampler(7, workers)
            part = np.concatenate([*sampler.chunks(tensor, 11, 37)])

            assert np.array_equal(part, sampler.tensor(tensor)[11:37])

    def test_leaves_the_libraries_own_generators_alone(self, init: Any) -> None:
        import torch

        before, torchs = np.random.get_state()[1].copy(), torch.get_rng_state()  # type: ignore[index]
        stored(LSTM | {"init": init, "seed": 8})

        assert np.array_equal(np.random.get_state()[1], before)  # type: ignore[index]
        assert torch.equal(torch.get_rng_state(), torchs)

    def test_is_checked_and_streamed_as_one(self, init: Any, tmp_path: Path) -> None:
        given = LSTM | {"init": init, "seed": 9}
        path = stepzero_rnn.save(given, tmp_path / "net.npz", format="npz")

        with np.load(path) as loaded:
            assert b"".join(loaded[name].tobytes() for name in loaded) == as_bytes(given)


def test_a_stopped_draw_ends_between_two_steps() -> None:
    made = planned(SIZES | NETWORKS["gru"] | {"init": "torch_seeded", "seed": 10})
    stop = Stop()
    stop.set()
    with ThreadPool(2) as workers, pytest.raises(Stopped):
        Sampler(10, workers, stop).tensor(made.tensors[-1])


@pytest.mark.parametrize(
    ("init", "spread"),
    [
        ("numpy_randn", 1.0),
        ("torch_seeded", 1 / (3 * 400) ** 0.5),
        ({"scheme": "torch_seeded", "weight_ih": "xavier_normal_"}, (2 / (300 + 3 * 400)) ** 0.5),
        ({"scheme": "torch_seeded", "weight_ih": "orthogonal_"}, 1 / (3 * 400) ** 0.5),
        ({"scheme": "torch_seeded", "weight_ih": {"function": "normal_", "std": 0.3}}, 0.3),
        ({"scheme": "torch_seeded", "weight_ih": "uniform_"}, 1 / 12**0.5),
        ({"scheme": "torch_seeded", "weight_ih": "zeros_"}, 0.0),
        ({"scheme": "torch_seeded", "weight_ih": "trunc_normal_"}, None),
    ],
    ids=lambda value: str(value)[:60],
)
def test_states_the_spread_that_its_step_states(init: Any, spread: float | None) -> None:
    spec = {"rnn_type": "gru", "input_size": 300, "hidden_size": 400, "init": init}
    found = stepzero_rnn.check(spec | {"accept_dead": True}).weights.tensors[0].figures

    assert found.expected_std == (None if spread is None else pytest.approx(spread))
    if spread is not None:
        assert found.std == pytest.approx(spread, rel=0.01)


def test_a_plan_states_the_memory_of_its_largest_step() -> None:
    made = planned(LARGE[1])

    assert {t.scratch_bytes for t in made.tensors} == {4 * max(t.size_bytes for t in made.tensors)}
