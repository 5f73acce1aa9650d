"""Every scheme that can be asked for: once, and once more for each option that takes another path
to the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.engine.elements.distributions import (
    CutNormal,
    ElementLaw,
    LogitUniform,
    LogUniform,
    Normal,
    Uniform,
)
from stepzero_rnn.engine.elements.patterns import Bands, Constant, Diagonal, Hadamard, Ladder, Ramp
from stepzero_rnn.engine.elements.rotations import Rotations
from stepzero_rnn.spec.base import InitScheme
from stepzero_rnn.spec.schemes.matrices import RecurrentScheme
from stepzero_rnn.spec.schemes.unions import BIAS_SCHEMES, WEIGHT_SCHEMES

Scheme = Mapping[str, Any]
GIVEN = {"array"}  # numbers that fit one network only: `test_given.py` asks for them
DTYPE_NAMES = tuple(DTYPES)

WEIGHTS: Mapping[str, Scheme] = {
    "pytorch": {},
    "pytorch fused": {"scope": "fused"},
    "uniform": {"low": -0.1, "high": 0.3},
    "normal": {"mean": 0.5, "std": 0.02},
    "normal below the normal numbers": {"std": 1e-39},
    "normal beyond float16": {"std": 1e5},
    "trunc_normal": {},
    "trunc_normal wide": {"mean": -1.0, "std": 0.1, "low": -3.0, "high": 9.0},
    "trunc_normal above": {"low": 2.0, "high": 7.5},
    "trunc_normal below": {"mean": 3.0, "std": 0.5, "low": -6.0, "high": -0.25},
    "trunc_normal absolute": {"std": 0.1, "low": -0.3, "high": 0.1, "bounds": "absolute"},
    "trunc_normal corrected": {"std": 0.02, "std_correct": True},
    "constant": {"value": 0.1},
    "constant beyond float32": {"value": -1e300},
    "zeros": {},
    "ones": {},
    "identity": {"gain": 0.7},
    "identity fused": {"scope": "fused"},
    "xavier_uniform": {},
    "xavier_uniform joint": {"fans": "joint_pair"},
    "xavier_normal": {"gain": 5 / 3},
    "kaiming_uniform": {"a": 0.2},
    "kaiming_uniform fan_out": {"mode": "fan_out", "nonlinearity": "linear"},
    "kaiming_normal": {"nonlinearity": "relu"},
    "kaiming_normal tanh": {"nonlinearity": "tanh"},
    "kaiming_normal selu": {"nonlinearity": "selu"},
    "lecun_uniform": {},
    "lecun_normal": {},
    "lecun_normal joint": {"fans": "joint", "scope": "fused"},
    "variance_scaling": {"scale": 2.0},
    "variance_scaling uncorrected": {"std_correct": False, "fans": "joint"},
    "variance_scaling uniform": {"mode": "fan_avg", "distribution": "uniform"},
    "variance_scaling normal": {"mode": "fan_geo_avg", "distribution": "normal"},
    "random_walk": {},
    "random_walk relu": {"nonlinearity": "relu"},
    "random_walk linear": {"nonlinearity": "linear"},
    "random_walk fan_out": {"nonlinearity": "relu", "mode": "fan_out"},
    "hadamard": {},
    "hadamard fused": {"scope": "fused"},
    "orthogonal": {"gain": 2**0.5},
    "orthogonal fused": {"scope": "fused"},
    "sparse": {"sparsity": 0.9},
    "sparse out": {"sparsity": 0.3, "std": 1.0, "axis": "out"},
    "spectral_band": {"margin": 0.3},
    "spectral_band fused": {"scope": "fused"},
    "lsuv": {"probe": 19},
    "lsuv fused": {"scope": "fused", "probe": 16},
}
MATRICES: Mapping[str, Scheme] = {
    "spectral_radius": {},
    "spectral_radius sparse": {"radius": 1.1, "kind": "sparse", "connections": 4},
    "spectral_radius ring": {"kind": "ring", "radius": 0.3},
    "np_rnn": {},
    "skew": {"epsilon": 0.7, "gamma": 0.5},
    "ring_spectrum": {},
    "ring_spectrum random": {"r_min": 0.2, "r_max": 1.5, "basis": "random"},
    "scaled_identity": {"alpha": 0.95},
    "chain": {},
    "fbchain": {"beta": -0.3},
    "ramp": {"alpha": 0.9, "end": 0.1},
    "henaff_rotation": {},
    "cayley_rotation": {},
    "cayley_rotation anywhere": {"low": -3.1, "high": 0.2},
    "fsi": {},
    "fsi sparse": {"radius": 1.1, "connectivity": 0.3},
    "critical": {},
}
"""The schemes of `weight_hh` alone."""
BIASES: Mapping[str, Scheme] = {
    "pytorch": {},
    "zeros": {},
    "constant": {"value": 0.3},
    "constant half": {"value": -0.3, "split": "half"},
    "constant hh": {"value": -0.3, "split": "hh"},
    "uniform": {"low": -1.0, "high": 0.5},
    "uniform hh": {"split": "hh"},
    "uniform half": {"split": "half"},
    "uniform each": {"low": -0.1, "high": 0.1, "split": "each"},
    "normal": {"mean": 1.0, "std": 0.5},
    "normal hh": {"split": "hh"},
    "normal half": {"mean": 0.1, "split": "half"},
    "normal each": {"mean": 0.1, "split": "each"},
    "forget": {},
    "forget hh": {"value": 2.5, "split": "hh"},
    "forget half": {"value": 0.3, "split": "half"},
    "chrono": {"t_max": 784},
    "chrono half": {"t_min": 10, "t_max": 1000.5, "split": "half"},
    "chrono hh": {"t_max": 2, "split": "hh"},
    "chrono_forget_only": {"t_max": 100},
    "ugi": {},
    "ugi tied": {"tied": True, "split": "half"},
    "out_gate_ladder": {},
    "out_gate_ladder half": {"step": 0.3, "blocks": 100, "split": "half"},
}


def _asked(table: Mapping[str, Scheme]) -> Mapping[str, Scheme]:
    """Name each scheme; the first word of its key is its own name."""
    return {key: {"scheme": key.split()[0], **options} for key, options in table.items()}


MATRIX_SCHEMES: Mapping[str, Scheme] = _asked(MATRICES)
WEIGHT_INITS: Mapping[str, Mapping[str, Scheme]] = {
    key: {"weight_ih": scheme, "weight_hh": scheme, "weight_hr": scheme}
    for key, scheme in _asked(WEIGHTS).items()
} | {key: {"weight_hh": scheme} for key, scheme in MATRIX_SCHEMES.items()}
BIAS_INITS: Mapping[str, Mapping[str, Scheme]] = {
    f"bias {key}": {"bias": scheme} for key, scheme in _asked(BIASES).items()
}
INITS: Mapping[str, Mapping[str, Scheme]] = {**WEIGHT_INITS, **BIAS_INITS}
"""By name, the scheme of all weights, of the recurrent ones, or of all biases; rest: PyTorch's."""


def asked(network: Mapping[str, Any], init: Mapping[str, Any], **others: Any) -> dict[str, Any]:
    """Ask for a network with an init, or where that is undefined for it, for the nearest that it is
    defined for.
    """
    given = {**network, "init": dict(init), **others}
    schemes: list[type[InitScheme]] = [
        (BIAS_SCHEMES if part == "bias" else WEIGHT_SCHEMES)[scheme["scheme"]]
        for part, scheme in init.items()
    ]
    for scheme in schemes:
        if given["rnn_type"] not in scheme.rnn_types:
            given["rnn_type"] = scheme.rnn_types[-1]
        if given["rnn_type"] == "rnn" and "tanh" not in scheme.nonlinearities:
            given["nonlinearity"] = "relu"
        if given["rnn_type"] != "lstm" or issubclass(scheme, RecurrentScheme):
            given.pop("proj_size", None)
    return given


LAWS: Mapping[str, ElementLaw] = {
    "uniform": Uniform(-0.1, 0.3),
    "normal": Normal(0.5, 0.02),
    "normal at its largest": Normal(0.0, 1e38),
    "normal below the normal numbers": Normal(0.0, 1e-39),
    "cut at centre": CutNormal(0.0, 1.0, -2.0, 1.5),
    "cut at centre, at its widest": CutNormal(0.0, 1.0, -2.9, 2.9),
    "cut wide": CutNormal(-1.0, 0.1, -3.0, 9.0),
    "cut wide on both sides": CutNormal(0.0, 1.0, -12.0, 12.0),
    "cut in the upper tail": CutNormal(0.0, 1.0, 2.0, 7.5),
    "cut in the lower tail": CutNormal(3.0, 0.5, -6.0, -0.25),
    "logarithm": LogUniform(1.0, 783.0),
    "logarithm of one number": LogUniform(1.0, 1.0, -1.0),
    "logarithm far out": LogUniform(9.0, 1e9, -0.5),
    "logit": LogitUniform(512),
    "logit near the edges": LogitUniform(2**30, -1.0),
    "hadamard": Hadamard(2**24 + 1, 3000),
    "ladder": Ladder(-0.3, 7, 2**36),
    "constant": Constant(0.1),
    "diagonal": Diagonal(0.7, 40, 60),
    "bands": Bands(1.02, -0.04, 3),
    "ramp": Ramp(0.01, 2**20),
    "rotations": Rotations(401, -0.5, 0.5),
    "rotations on a ring": Rotations(2**18, 0.0, 0.25, 0.5, 0.999),
}

every_law = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
every_scheme = pytest.mark.parametrize("init", INITS.values(), ids=INITS)
every_dtype = pytest.mark.parametrize("dtype", DTYPE_NAMES)
