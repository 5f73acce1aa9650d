"""How long a network remembers as it starts: the spectral radius ρ of one step's Jacobian at the
origin, by NumPy's eigenvalues.

An LSTM's cell goes through diag(f) + diag(i·o)·W_g, a GRU's state through diag(z) + diag((1 −
z)·r)·W_n; a trace of the past fades by e in τ = −1/ln ρ steps.
"""

from __future__ import annotations

import json
from functools import cache
from math import exp, log
from typing import Any

import numpy as np
import pytest

from tests.engine.drawing import Values, gates

pytestmark = pytest.mark.statistical

H = 512
NETWORK = {"input_size": 1, "hidden_size": H, "seed": 3}
STACKED = {"weight_hh": {"scheme": "orthogonal", "scope": "fused"}}
RETENTION = {"preset": "haste", "bias": {"scheme": "forget", "value": 2.0}}
OVERWRITING = {"preset": "haste", "bias": {"scheme": "forget", "value": -1.0}}


def slow(*values: Any) -> Any:
    """Mark a case that takes seconds for its eigenvalues."""
    return pytest.param(*values, marks=pytest.mark.slow)


def open_share(bias: Values) -> Values:
    """Return σ(b)."""
    share: Values = 1 / (1 + np.exp(-bias))
    return share


def radius(rnn_type: str, init: Any) -> float:
    """Return ρ of a network that is drawn."""
    return _radius(rnn_type, json.dumps(init))


@cache
def _radius(rnn_type: str, init: str) -> float:
    drawn = gates(NETWORK | {"rnn_type": rnn_type, "init": json.loads(init)})
    share = {
        gate: open_share(drawn["bias_ih_l0", gate] + drawn["bias_hh_l0", gate])
        for name, gate in drawn
        if name == "bias_ih_l0"
    }
    if rnn_type == "lstm":
        jacobian = (
            np.diag(share["f"]) + (share["i"] * share["o"])[:, None] * drawn["weight_hh_l0", "g"]
        )
    else:
        keep = share["z"]
        jacobian = np.diag(keep) + ((1 - keep) * share["r"])[:, None] * drawn["weight_hh_l0", "n"]
    return float(np.abs(np.linalg.eigvals(jacobian)).max())


# The published numbers are of other draws of the same size: eigenvalues of random matrices spread
# by about 1/√H about their limit.
@pytest.mark.parametrize(
    ("rnn_type", "init", "published"),
    [
        ("lstm", "pytorch", 0.651),
        ("lstm", "keras", 0.848),
        slow("lstm", "flax_nnx", 0.627),
        slow("lstm", {"preset": "keras", "bias": {"scheme": "forget", "value": 2.0}}, 1.003),
        slow("gru", "pytorch", 0.641),
        slow("gru", "keras", 0.640),
    ],
)  # fmt: skip
def test_of_random_blocks_is_as_published(rnn_type: str, init: Any, published: float) -> None:
    assert radius(rnn_type, init) == pytest.approx(published, rel=0.02)


@pytest.mark.parametrize(
    ("rnn_type", "init", "published", "limit"),
    [
        ("lstm", "haste", 0.9811, 1 / (1 + exp(-1)) + 1 / 4),
        slow("lstm", RETENTION, 1.131, 1 / (1 + exp(-2)) + 1 / 4),
        slow("gru", "flax_linen", 0.750, 3 / 4),
        slow("gru", {"preset": "haste", "bias": "forget"}, 0.8655, 1 - 1 / (1 + exp(1)) / 2),
        slow("gru", OVERWRITING, 0.634, 1 - 1 / (1 + exp(-1)) / 2),
    ],
)
def test_of_orthogonal_blocks_is_their_bound(
    rnn_type: str, init: Any, published: float, limit: float
) -> None:
    """With one angle in H/2π of its eigenvalues each, a Haar matrix all but attains ρ ≤ f + i·o."""
    found = radius(rnn_type, init)

    assert found == pytest.approx(published, abs=1e-3)
    assert limit * (1 - 1e-3) <= found <= limit * (1 + 1e-6)


@pytest.mark.parametrize(("t_max", "published"), [slow(100, 0.9925), slow(784, 0.9991)])
def test_of_memory_times_is_nearly_1(t_max: int, published: float) -> None:
    found = radius("lstm", {"preset": "haste", "bias": {"scheme": "chrono", "t_max": t_max}})

    assert found == pytest.approx(published, rel=0.02)
    # A unit of time T keeps 1 − 1/T of its state, and of 512 times the longest is near t_max.
    assert 1 - 5 / t_max < found < 1


@pytest.mark.parametrize(
    ("init", "steps"), [("pytorch", 2.3), ("keras", 6.0), ("haste", 52.3), slow("flax_nnx", 2.1)]
)
def test_memory_steps_of_presets_are_as_published(init: str, steps: float) -> None:
    """One in ten, as 2 % of ρ are at the 6 steps of Keras."""
    assert -1 / log(radius("lstm", init)) == pytest.approx(steps, rel=0.1)
