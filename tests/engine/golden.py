"""The golden digests: what stream version 1 draws, for ever.

`python -m tests.engine.golden` writes the digests of specs that have none; it never changes one.
To change one is to break the promise of stream version 1: delete it from `golden.json` by hand, and
say why in the commit. `python -m tests.engine.golden NAME …` prints the digests that this machine
draws now, and writes nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from stepzero_rnn.spec.schemes.presets import PRESETS
from tests.engine.drawing import stored

PATH = Path(__file__).with_name("golden.json")
Digests = Mapping[str, str]

RNN = {"rnn_type": "rnn", "input_size": 13, "hidden_size": 21, "seed": 42}
GRU = RNN | {"rnn_type": "gru"}
LSTM = RNN | {"rnn_type": "lstm"}
DEEP = LSTM | {"num_layers": 3, "bidirectional": True, "proj_size": 9}


def each(name: str, **given: Any) -> dict[str, Any]:
    """Ask for a GRU whose weights are all drawn by one scheme."""
    return GRU | {"init": {"scheme": name, **given}}


def recurrent(network: Mapping[str, Any], name: str, **given: Any) -> dict[str, Any]:
    """Ask for a network whose recurrent matrices are drawn by one scheme."""
    return {**network, "init": {"weight_hh": {"scheme": name, **given}}}


def biased(network: Mapping[str, Any], name: str, **given: Any) -> dict[str, Any]:
    """Ask for a network whose biases are drawn by one scheme."""
    return {**network, "init": {"bias": {"scheme": name, **given}}}


SPECS: dict[str, Mapping[str, Any]] = {
    "rnn": RNN,
    "gru": GRU,
    "lstm": LSTM,
    "deep": DEEP,
    "without-bias": GRU | {"bias": False, "num_layers": 2},
    "largest-seed": GRU | {"seed": 2**53 - 1},
    "one-by-one": RNN | {"input_size": 1, "hidden_size": 1, "init": "orthogonal"},
    "many-tasks": RNN | {"input_size": 3, "hidden_size": 1031, "init": "normal"},
    "float64": DEEP | {"dtype": "float64", "init": "orthogonal"},
    "float16": DEEP | {"dtype": "float16", "init": "orthogonal"},
    "bfloat16": DEEP | {"dtype": "bfloat16", "init": "orthogonal"},
    "float16-normal": LSTM | {"dtype": "float16", "init": "normal"},
    "bfloat16-normal": LSTM | {"dtype": "bfloat16", "init": "normal"},
    "parts": DEEP
    | {
        "init": {
            "weight_ih": "xavier_uniform",
            "weight_hh": "orthogonal",
            "weight_hr": "lecun_normal",
            "bias": "forget",
        }
    },
    "uniform": each("uniform", low=-0.1, high=0.3),
    "normal": each("normal", mean=0.5, std=0.02),
    "cut-at-centre": each("trunc_normal", std=0.02),
    "cut-wide": each("trunc_normal", low=-5.0, high=12.0),
    "cut-in-tail": each("trunc_normal", low=-9.0, high=-1.5),
    "cut-absolute": each("trunc_normal", std=0.1, low=-0.3, high=0.1, bounds="absolute"),
    "cut-corrected": each("trunc_normal", std=0.02, std_correct=True),
    "random-walk": each("random_walk", nonlinearity="relu"),
    "random-walk-linear": each("random_walk", nonlinearity="linear"),
    "hadamard": each("hadamard"),
    "constant": each("constant", value=0.1),
    "zeros": each("zeros"),
    "ones": each("ones"),
    "identity": each("identity", gain=0.7),
    "xavier-uniform-fused": each("xavier_uniform", scope="fused"),
    "xavier-uniform-joint": each("xavier_uniform", fans="joint_pair"),
    "xavier-normal": each("xavier_normal", gain=5 / 3),
    "kaiming-uniform": each("kaiming_uniform", a=0.2),
    "kaiming-normal": each("kaiming_normal", mode="fan_out", nonlinearity="relu"),
    "lecun-uniform": each("lecun_uniform"),
    "lecun-normal": each("lecun_normal"),
    "scaled": each("variance_scaling", scale=2.0, mode="fan_geo_avg"),
    "scaled-uncorrected": each("variance_scaling", std_correct=False, fans="joint"),
    "orthogonal": each("orthogonal", gain=2**0.5),
    "orthogonal-special": recurrent(LSTM, "orthogonal", determinant="+1"),
    "orthogonal-fused": each("orthogonal", scope="fused"),
    "orthogonal-of-many-panels": RNN
    | {"input_size": 200, "hidden_size": 150, "init": "orthogonal"},
    "sparse": each("sparse", sparsity=0.9),
    "sparse-out": each("sparse", sparsity=0.3, std=1.0, axis="out"),
    "scaled-identity": recurrent(RNN, "scaled_identity", alpha=0.95),
    "chain": recurrent(RNN, "chain"),
    "fbchain": recurrent(GRU, "fbchain"),
    "ramp": recurrent(LSTM, "ramp"),
    "henaff-rotation": recurrent(GRU, "henaff_rotation"),
    "cayley-rotation": recurrent(RNN | {"dtype": "float64"}, "cayley_rotation", low=-1.0),
    "cayley-rotation-float16": recurrent(LSTM | {"dtype": "float16"}, "cayley_rotation"),
    "fsi": recurrent(RNN, "fsi"),
    "critical": recurrent(RNN, "critical", input_variance=0.25),
    "critical-lstm": LSTM
    | {"init": {"weight_hh": {"scheme": "critical", "target_rho": 1.1}, "bias": "forget"}},
    "critical-gru": GRU
    | {
        "init": {
            "weight_hh": {"scheme": "critical", "target_memory_steps": 150},
            "bias": {"scheme": "chrono", "t_max": 100},
        }
    },
    "fsi-sparse": recurrent(LSTM | {"dtype": "bfloat16"}, "fsi", connectivity=0.3),
    "spectral-band": each("spectral_band"),
    "spectral-band-fused": each("spectral_band", margin=1.0, scope="fused"),
    "lsuv": each("lsuv"),
    "lsuv-of-a-few": each("lsuv", probe=21) | {"dtype": "bfloat16"},
    "spectral-radius": recurrent(GRU, "spectral_radius"),
    "spectral-radius-sparse": recurrent(RNN, "spectral_radius", kind="sparse", radius=1.1),
    "spectral-radius-ring": recurrent(LSTM, "spectral_radius", kind="ring"),
    "np-rnn": recurrent(RNN | {"nonlinearity": "relu"}, "np_rnn"),
    "skew": recurrent(LSTM | {"dtype": "float64"}, "skew"),
    "ring-spectrum": recurrent(RNN, "ring_spectrum"),
    "ring-spectrum-random": recurrent(LSTM | {"dtype": "float64"}, "ring_spectrum", basis="random"),
    "skew-far": recurrent(RNN, "skew", epsilon=1.0, gamma=0.0, std=3.0),
    "bias-uniform": GRU | {"init": {"bias": {"scheme": "uniform", "split": "half"}}},
    "bias-uniform-each": biased(GRU, "uniform", low=-0.08, high=0.08, split="each"),
    "bias-normal": LSTM | {"init": {"bias": {"scheme": "normal", "mean": 1.0, "split": "hh"}}},
    "bias-constant": LSTM | {"init": {"bias": {"scheme": "constant", "value": 0.3}}},
    "bias-zeros": LSTM | {"init": {"bias": "zeros"}},
    "overrides": DEEP
    | {
        "init": {
            "weight_hh": "orthogonal",
            "bias": {"scheme": "chrono", "t_max": 100, "split": "half"},
            "overrides": [
                {"parameter": "weight_hh", "gate": "cell", "layer": [1, 2], "init": "identity"},
                {
                    "parameter": "weight_hh",
                    "layer": "first",
                    "init": {"scheme": "normal", "std": 0.02},
                },
                {"parameter": "weight_ih", "direction": "reverse", "init": "xavier_uniform"},
                {"parameter": "weight_hr", "layer": "last", "init": "lecun_normal"},
                {"parameter": "bias", "gate": "output", "layer": 2, "init": "pytorch"},
                {"parameter": "bias", "gate": "input", "init": "zeros"},
            ],
        }
    },
    "chrono": biased(LSTM, "chrono", t_max=784, split="half"),
    "chrono-gru": biased(GRU, "chrono", t_min=10, t_max=100),
    "chrono-forget-only": biased(LSTM, "chrono_forget_only", t_max=100, split="hh"),
    "ugi": biased(GRU, "ugi"),
    "ugi-tied": biased(LSTM | {"dtype": "float16"}, "ugi", tied=True),
    "out-gate-ladder": biased(LSTM, "out_gate_ladder", step=0.5, blocks=5),
    "array": {
        "rnn_type": "gru",
        "input_size": 3,
        "hidden_size": 2,
        "dtype": "bfloat16",
        "init": {
            "weight_ih": {"scheme": "array", "values": [[0.1, -0.2, 3e4], [1e-5, 5, 1 / 3]]},
            "bias": {"scheme": "array", "values": [1 / 3, -1], "split": "half"},
            "overrides": [
                {
                    "parameter": "weight_hh",
                    "init": {
                        "scheme": "array",
                        "scope": "fused",
                        "values": [[k / 7, k / 11] for k in range(6)],
                    },
                }
            ],
        },
    },
}


SPECS |= {
    f"preset-{name}-{rnn_type}": {
        "rnn_type": rnn_type,
        "input_size": 3,
        "hidden_size": 5,
        "init": name,
        **({"nonlinearity": "relu"} if rnn_type == "rnn" else {}),
    }
    for name, preset in PRESETS.items()
    for rnn_type in preset.parts
}


def digests_of(given: Mapping[str, Any]) -> Digests:
    """Draw a network; give the sha256 of every tensor's bytes."""
    return {name: sha256(drawn.tobytes()).hexdigest() for name, drawn in stored(given).items()}


def golden() -> Mapping[str, Digests]:
    """Read the digests that never change."""
    read: Mapping[str, Digests] = json.loads(PATH.read_text())
    return read


def main(names: list[str]) -> None:
    """Print the digests of some specs; without a name, write those that are missing."""
    if names:
        sys.stdout.write(json.dumps({name: digests_of(SPECS[name]) for name in names}))
        return
    known = golden() if PATH.exists() else {}
    written = {name: known.get(name) or digests_of(given) for name, given in SPECS.items()}
    PATH.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
