"""Example requests for OpenAPI: some networks, then every preset, scheme and script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stepzero_rnn.spec.catalogue import catalogue
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.recipe import encode_recipe, file_stem

Example = Mapping[str, Any]

SIZES = {"input_size": 10, "hidden_size": 20}
GRU: Mapping[str, Any] = {"rnn_type": "gru", **SIZES}
_RNN_TYPES = ("gru", "lstm", "rnn")
UPLOADED: Mapping[str, Any] = {**GRU, "init": {"weight_hh": "orthogonal", "bias": "zeros"}}
NETWORKS: Mapping[str, Example] = {
    "gru": {"summary": "GRU, initialized like torch.nn.GRU(10, 20)", "value": GRU},
    "gru_orthogonal": {
        "summary": "GRU with orthogonal recurrent weights",
        "value": {
            "rnn_type": "gru",
            "input_size": 32,
            "hidden_size": 64,
            "seed": 1,
            "init": {"weight_ih": "xavier_uniform", "weight_hh": "orthogonal", "bias": "zeros"},
        },
    },
    "lstm": {
        "summary": "LSTM with two layers, orthogonal recurrent weights and a positive forget bias",
        "value": {
            "rnn_type": "lstm",
            "input_size": 32,
            "hidden_size": 64,
            "num_layers": 2,
            "seed": 7,
            "init": {"weight_ih": "xavier_uniform", "weight_hh": "orthogonal", "bias": "forget"},
        },
    },
    "lstm_projected": {
        "summary": "LSTM in both directions with a projection, as safetensors in bfloat16",
        "value": {
            "rnn_type": "lstm",
            "input_size": 32,
            "hidden_size": 64,
            "proj_size": 16,
            "bidirectional": True,
            "dtype": "bfloat16",
            "format": "safetensors",
        },
    },
    "lstm_overridden": {
        "summary": "LSTM for long memory, with overrides for the first layer and for one gate",
        "value": {
            "rnn_type": "lstm",
            "input_size": 32,
            "hidden_size": 64,
            "num_layers": 3,
            "init": {
                "weight_hh": "orthogonal",
                "bias": {"scheme": "chrono", "t_max": 784},
                "overrides": [
                    {"parameter": "weight_hh", "gate": "cell", "init": "identity"},
                    {"parameter": "weight_ih", "layer": "first", "init": "xavier_uniform"},
                ],
            },
        },
    },
    "rnn_tanh": {
        "summary": "RNN with tanh and a recurrent matrix at the edge of stability",
        "value": {
            "rnn_type": "rnn",
            "input_size": 8,
            "hidden_size": 32,
            "init": {"weight_hh": {"scheme": "spectral_radius", "radius": 1.0}, "bias": "zeros"},
        },
    },
    "rnn_relu": {
        "summary": "RNN with ReLU that starts as the identity (IRNN)",
        "value": {
            "rnn_type": "rnn",
            "nonlinearity": "relu",
            "input_size": 8,
            "hidden_size": 32,
            "init": {
                "weight_ih": {"scheme": "normal", "std": 0.001},
                "weight_hh": "identity",
                "bias": "zeros",
            },
        },
    },
    "normal_randn": {
        "summary": "GRU with standard normal weights and biases 0, as in many tutorials",
        "value": {**GRU, "init": "normal"},
    },
    "onnx": {
        "summary": "LSTM as an ONNX graph, for any number of time steps and any batch size",
        "value": {"rnn_type": "lstm", **SIZES, "batch_first": True, "format": "onnx"},
    },
    "bundle": {
        "summary": "GRU in a zip: checkpoint, statistics, spec and a script that loads it",
        "value": {**GRU, "format": "bundle"},
    },
}
_SPEC = parse(Spec, GRU)
RECIPE, FILE_NAME = encode_recipe(_SPEC), file_stem(_SPEC)


def examples() -> dict[str, Example]:
    """Return all examples by name; their summaries begin with the group that they belong to."""
    tables = catalogue()
    return {
        **{name: _in_group("Networks", **example) for name, example in NETWORKS.items()},
        **_group("Presets", "preset", tables["presets"], "summary"),
        **_group("Weights", "weights", tables["weights"], "formula"),
        **_group("Biases", "bias", tables["biases"], "formula"),
        **_group("Scripts", "script", tables["scripts"], "formula"),
        "script_numpy_randn_rnn": _in_group(
            "Scripts",
            "numpy_randn (RNN): 0.01 · np.random.randn",
            {"rnn_type": "rnn", **SIZES, "init": {"scheme": "numpy_randn", "scale": 0.01}},
        ),
    }


def _group(
    title: str, kind: str, rows: Sequence[Mapping[str, Any]], text: str
) -> dict[str, Example]:
    """Return the examples of one kind, which their names begin with; a GRU, an LSTM and an RNN in
    turn, if the row allows them.

    Args:
        text: the column that describes a row.
    """
    found = {}
    for number, row in enumerate(rows):
        network = _network(row, number)
        summary = f"{row['name']} ({network['rnn_type'].upper()}): {row[text]}"
        value = {**SIZES, **row["example"], **network}
        found[f"{kind}_{row['name']}"] = _in_group(title, summary, value)
    return found


def _network(row: Mapping[str, Any], number: int) -> dict[str, str]:
    """Return the fields of a network that a row allows, another for every number."""
    if "rnn_type" in row["example"]:
        return {"rnn_type": row["example"]["rnn_type"]}
    allowed = [rnn_type for rnn_type in _RNN_TYPES if rnn_type in row["rnn_types"]]
    return {"rnn_type": allowed[number % len(allowed)]}


def _in_group(title: str, summary: str, value: Mapping[str, Any]) -> Example:
    first = {"rnn_type": value["rnn_type"]}
    return {"summary": f"{title} · {summary}", "value": first | dict(value)}
