"""Example requests for OpenAPI: some networks, then every preset, scheme and script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stepzero_rnn.spec.catalogue import catalogue

Example = Mapping[str, Any]

NETWORKS: Mapping[str, Example] = {
    "gru": {
        "summary": "A GRU initialized like torch.nn.GRU(10, 20)",
        "value": {"rnn_type": "gru", "input_size": 10, "hidden_size": 20},
    },
    "lstm": {
        "summary": "An LSTM with orthogonal recurrent weights and a positive forget bias",
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
        "summary": "A bidirectional LSTM with projection, as safetensors in bfloat16",
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
        "summary": "An LSTM for long memory, with overrides for the first layer's input weights and one gate",
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
    "rnn_relu": {
        "summary": "A plain ReLU network that starts as the identity (IRNN)",
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
        "summary": "All weights standard normal, biases 0: np.random.randn, as in many tutorials",
        "value": {"rnn_type": "gru", "input_size": 10, "hidden_size": 20, "init": "normal"},
    },
    "bundle": {
        "summary": "Everything in one zip: checkpoint, statistics, spec and a script that loads it",
        "value": {"rnn_type": "gru", "input_size": 10, "hidden_size": 20, "format": "bundle"},
    },
}
SIZES = {"input_size": 10, "hidden_size": 20}


def examples() -> dict[str, Example]:
    """Return all examples by name."""
    tables = catalogue()
    return {
        **NETWORKS,
        **_group("preset", tables["presets"], "summary"),
        **_group("weights", tables["weights"], "formula"),
        **_group("bias", tables["biases"], "formula"),
        **_group("script", tables["scripts"], "formula"),
    }


def _group(kind: str, rows: Sequence[Mapping[str, Any]], text: str) -> dict[str, Example]:
    """Return the examples of one kind, which their names begin with, as a list shows names alone.

    Args:
        text: the column that describes a row.
    """
    return {
        f"{kind}_{row['name']}": {
            "summary": f"{kind.capitalize()} {row['name']}: {row[text]}",
            "value": {"rnn_type": "lstm", **SIZES, **row["example"]},
        }
        for row in rows
    }
