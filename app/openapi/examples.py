"""The requests that OpenAPI shows as examples: some networks first, then every preset, scheme and
script of the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stepzero_rnn.spec.catalogue import catalogue

Example = Mapping[str, Any]

NETWORKS: Mapping[str, Example] = {
    "gru": {
        "summary": "A GRU as torch.nn.GRU(10, 20) makes it",
        "value": {"rnn_type": "gru", "input_size": 10, "hidden_size": 20},
    },
    "lstm": {
        "summary": "An LSTM with orthogonal recurrence and an open forget gate",
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
        "summary": "An LSTM for long memory, its first layer's inputs and one gate by schemes of their own",
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
        "summary": "All weights np.random.randn, biases 0: the tutorials' way",
        "value": {"rnn_type": "gru", "input_size": 10, "hidden_size": 20, "init": "normal"},
    },
    "bundle": {
        "summary": "Everything in one zip: checkpoint, statistics, spec and a script that loads it",
        "value": {"rnn_type": "gru", "input_size": 10, "hidden_size": 20, "format": "bundle"},
    },
}
SIZES = {"input_size": 10, "hidden_size": 20}


def examples() -> dict[str, Example]:
    """Return all of them by name."""
    known = catalogue()
    return {
        **NETWORKS,
        **_group("preset", known["presets"], "summary"),
        **_group("weights", known["weights"], "formula"),
        **_group("bias", known["biases"], "formula"),
        **_group("script", known["scripts"], "formula"),
    }


def _group(kind: str, rows: Sequence[Mapping[str, Any]], said: str) -> dict[str, Example]:
    """Return the examples of one kind: what they are called begins with it, since a list of all
    shows nothing else.
    """
    return {
        f"{kind}_{row['name']}": {
            "summary": f"{kind.capitalize()} {row['name']}: {row[said]}",
            "value": {"rnn_type": "lstm", **SIZES, **row["example"]},
        }
        for row in rows
    }
