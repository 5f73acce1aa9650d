"""Recipes of every kind, for laws that hold for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from hypothesis import strategies as st

from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.schemes.matrices import RecurrentScheme
from stepzero_rnn.spec.schemes.presets import PRESETS
from stepzero_rnn.spec.schemes.unions import BIAS_SCHEMES, WEIGHT_SCHEMES, BiasName, WeightName

SAFE_INTEGER = 2**53 - 1
sizes = st.integers(1, 2) | st.integers(1, SAFE_INTEGER)
numbers = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
scopes = {"scope": st.sampled_from(["gate", "fused"])}
splits = {"split": st.sampled_from(["ih", "hh", "half"])}
splits_or_each = {"split": st.sampled_from(["ih", "hh", "half", "each"])}
fans = {"fans": st.sampled_from(["block", "joint"]), **scopes}
pairs = {"fans": st.just("joint_pair"), "scope": st.just("gate")}
gains = {"gain": positive}
mean_std = {"mean": numbers, "std": st.floats(min_value=0, allow_infinity=False)}
bounds = {"low": st.floats(-7, 0), "high": st.floats(0, 7, exclude_min=True)}
kaiming = {
    "mode": st.sampled_from(["fan_in", "fan_out"]),
    "nonlinearity": st.sampled_from(["linear", "tanh", "relu", "leaky_relu", "selu"]),
    "a": numbers,
}
scaling = {
    "scale": positive,
    "mode": st.sampled_from(["fan_in", "fan_out", "fan_avg", "fan_geo_avg"]),
    "distribution": st.sampled_from(["uniform", "normal", "truncated_normal"]),
}
cuts = {"mean": numbers, "std": positive, **bounds}
sparse = {"std": mean_std["std"], "axis": st.sampled_from(["in", "out"])}


def schemes(name: str, required: Any = None, **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Return a scheme as an object, any of its optional fields left out."""
    return st.fixed_dictionaries({"scheme": st.just(name), **(required or {})}, optional=optional)


weight_objects = st.one_of(
    *(schemes(n, **scopes) for n in ("pytorch", "zeros", "ones", "hadamard")),
    *(schemes(n, **fans) for n in ("lecun_uniform", "lecun_normal")),
    *(
        schemes(n, **given, **gains)
        for n in ("xavier_uniform", "xavier_normal")
        for given in (fans, pairs)
    ),
    *(schemes(n, **fans, **kaiming) for n in ("kaiming_uniform", "kaiming_normal")),
    schemes("orthogonal", **scopes, **gains),
    schemes("identity", gain=numbers, **scopes),
    schemes("uniform", **bounds, **scopes),
    schemes("normal", **mean_std, **scopes),
    schemes("trunc_normal", **cuts, **scopes),
    schemes("trunc_normal", {"high": st.floats(0.1, 7)}, std_correct=st.booleans(), std=positive),
    schemes(
        "random_walk",
        nonlinearity=st.sampled_from(["linear", "tanh", "relu"]),
        mode=kaiming["mode"],
        **scopes,
    ),
    schemes("constant", {"value": numbers}, **scopes),
    schemes("variance_scaling", **scaling, **fans),
    schemes("variance_scaling", std_correct=st.just(False), **pairs),
    schemes("spectral_band", margin=st.floats(0, 1), **scopes),
    schemes("lsuv", probe=st.integers(16, 65_536), **scopes),
    schemes("sparse", {"sparsity": st.floats(0, 1)}, **sparse, **scopes),
)
MATRICES = {name for name, cls in WEIGHT_SCHEMES.items() if issubclass(cls, RecurrentScheme)}
weights = st.sampled_from(sorted({*get_args(WeightName)} - MATRICES)) | weight_objects
radii = {"radius": st.floats(0, 1e6, exclude_min=True)}
matrices = {
    "spectral_radius": schemes("spectral_radius", kind=st.sampled_from(["dense", "ring"]), **radii)
    | schemes(
        "spectral_radius", {"kind": st.just("sparse")}, connections=st.integers(1, 99), **radii
    ),
    "ring_spectrum": schemes(
        "ring_spectrum",
        {"r_min": st.floats(0, 0.5)},
        r_max=st.floats(0.5, 1e6),
        basis=st.sampled_from(["blocks", "random"]),
    ),
    "orthogonal": schemes("orthogonal", {"determinant": st.just("+1")}, **gains),
    "np_rnn": st.just("np_rnn") | schemes("np_rnn"),
    "skew": schemes(
        "skew",
        epsilon=st.floats(0, 1, exclude_min=True),
        gamma=st.floats(0, 1000),
        std=st.floats(0, 16, exclude_min=True),
    ),
    "scaled_identity": st.just("scaled_identity") | schemes("scaled_identity", alpha=numbers),
    "chain": st.just("chain") | schemes("chain", alpha=numbers),
    "fbchain": st.just("fbchain") | schemes("fbchain", alpha=numbers, beta=numbers),
    "ramp": st.just("ramp") | schemes("ramp", alpha=numbers, end=numbers),
    "henaff_rotation": st.just("henaff_rotation"),
    "cayley_rotation": schemes("cayley_rotation", low=st.floats(-3.1, 1.5)),
    "critical": st.just("critical") | schemes("critical", input_variance=st.floats(0, 1e6)),
    "fsi": schemes("fsi", radius=positive, connectivity=st.floats(0, 1, exclude_min=True)),
}
gateless_biases = st.one_of(
    st.sampled_from([name for name in get_args(BiasName) if "rnn" in BIAS_SCHEMES[name].rnn_types]),
    schemes("pytorch"),
    schemes("zeros"),
    schemes("constant", {"value": numbers}, **splits),
    schemes("uniform", **bounds, **splits_or_each),
    schemes("normal", **mean_std, **splits_or_each),
)
times = {"t_min": st.floats(2, 10), **splits}
of_t_max = {"t_max": st.floats(10, 1e9)}
keeping_biases = st.one_of(
    st.sampled_from(["forget", "ugi"]),
    schemes("forget", value=numbers, **splits),
    schemes("chrono", of_t_max, **times),
    schemes("chrono_forget_only", of_t_max, **times),
    schemes("ugi", tied=st.booleans(), **splits),
)
ladders = st.just("out_gate_ladder") | schemes(
    "out_gate_ladder", step=positive, blocks=st.integers(1, 2**16), **splits
)
biases = {
    "rnn": gateless_biases,
    "gru": gateless_biases | keeping_biases,
    "lstm": gateless_biases | keeping_biases | ladders,
}


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """Return any valid recipe, as JSON has it."""
    given: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {
                "rnn_type": st.sampled_from(["rnn", "gru", "lstm"]),
                "input_size": sizes,
                "hidden_size": sizes,
            },
            optional={
                "num_layers": st.integers(1, 1024),
                "bias": st.booleans(),
                "bidirectional": st.booleans(),
                "batch_first": st.booleans(),
                "dropout": st.floats(0, 1),
                "dtype": st.sampled_from(list(DTYPES)),
                "seed": st.integers(0, SAFE_INTEGER),
                "accept_nonfinite": st.booleans(),
                "accept_dead": st.booleans(),
            },
        )
    )
    if given["rnn_type"] == "rnn" and draw(st.booleans()):
        given["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    if given["rnn_type"] == "lstm" and given["hidden_size"] > 1 and draw(st.booleans()):
        given["proj_size"] = draw(st.integers(0, given["hidden_size"] - 1))
    parts: dict[str, Any] = {"weight_ih": weights, "weight_hh": recurrent_weights(given)}
    if given.get("proj_size"):
        parts["weight_hr"] = weights
    if given.get("bias", True):
        allowed = biases[given["rnn_type"]]
        parts["bias"] = gateless_biases if given["hidden_size"] == 1 else allowed
    held = {name: parts[name] | rows for name, rows in inline(given).items() if name in parts}
    names = presets(given)
    init = draw(
        weights
        | names
        | scripts(given)
        | st.fixed_dictionaries({}, optional=parts | held | {"preset": names})
    )
    if isinstance(init, dict) and "scheme" not in init:
        init["overrides"] = draw(exceptions(given, parts))
    given["init"] = init
    return given


def scripts(given: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return scripts that their libraries can play."""
    plain = st.sampled_from(["zeros_", "uniform_", {"function": "normal_", "std": 0.02}])
    matrix = plain | st.sampled_from(["eye_", {"function": "kaiming_normal_", "a": 0.5}])
    calls = {"weight_ih": matrix, "weight_hh": matrix}
    if given.get("bias", True):
        calls["bias_hh"] = plain
    seeded = schemes("torch_seeded", **calls)
    if given.get("seed", 0) >= 2**32:
        return seeded
    return seeded | schemes("numpy_randn", scale=st.floats(-100, 100))


def inline(given: Mapping[str, Any]) -> dict[str, st.SearchStrategy[Any]]:
    """Return arrays for what is small in every layer."""
    hidden = given["hidden_size"]
    if hidden > 2 or given.get("proj_size"):
        return {}
    row = st.lists(numbers, min_size=hidden, max_size=hidden)
    rows = st.lists(row, min_size=hidden, max_size=hidden)
    return {
        "weight_hh": schemes("array", {"values": rows}),
        "bias": schemes("array", {"values": row}, **splits),
    }


def recurrent_weights(given: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return the schemes that `weight_hh` may have: those of all weights, and matrices that are
    defined for the network.
    """
    if given.get("proj_size"):
        return weights
    phi = given.get("nonlinearity", "tanh")
    return st.one_of(
        weights,
        *(
            asked
            for name, asked in matrices.items()
            if given["rnn_type"] in WEIGHT_SCHEMES[name].rnn_types
            # In gated networks `critical` depends on the biases: `test_criticality.py`.
            and (name != "critical" or given["rnn_type"] == "rnn")
            and (given["rnn_type"] != "rnn" or phi in WEIGHT_SCHEMES[name].nonlinearities)
        ),
    )


def presets(given: Mapping[str, Any]) -> st.SearchStrategy[str]:
    """Return the name of a preset that is defined for a network."""
    activation = given.get("nonlinearity", "tanh")
    return st.sampled_from(
        [
            name
            for name, preset in PRESETS.items()
            if given["rnn_type"] in preset.parts
            and (given["rnn_type"] != "rnn" or activation in preset.nonlinearities)
            and (not given.get("proj_size") or "weight_hr" in preset.parts["lstm"])
        ]
    )


def exceptions(
    given: Mapping[str, Any], parts: Mapping[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return overrides of different layers or parameters, so that none is in vain."""
    layers = st.integers(0, given.get("num_layers", 1) - 1)
    directions = ["forward", "reverse"] if given.get("bidirectional") else ["forward"]
    gates = {"rnn": [], "gru": ["reset", "update", "new"], "lstm": ["input", "forget", "cell"]}
    options: dict[str, st.SearchStrategy[Any]] = {"direction": st.sampled_from(directions)}
    of_bias = {"gate": st.sampled_from(names)} if (names := gates[given["rnn_type"]]) else {}
    one = st.one_of(
        *(
            st.fixed_dictionaries(
                {"parameter": st.just(name), "layer": layers, "init": schemes_of},
                optional=options | (of_bias if name == "bias" else {}),
            )
            for name, schemes_of in parts.items()
        )
    )
    return st.lists(one, max_size=13, unique_by=lambda o: (o["parameter"], o["layer"]))


def specs() -> st.SearchStrategy[Spec]:
    """Return any valid recipe."""
    return requests().map(lambda given: parse(Spec, given))
