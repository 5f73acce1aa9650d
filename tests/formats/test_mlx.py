"""MLX's layers compute from our files what torch's module computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stepzero_rnn
from stepzero_rnn.errors import DtypeNotInFormat, NetworkNotInFormat
from stepzero_rnn.spec.canonical import canonical_json
from stepzero_rnn.spec.checkpoint import Spec
from tests.formats.laying import SIZES
from tests.formats.other_networks import TOLERANCES, difference, inputs, networks_of

mx = pytest.importorskip("mlx.core", reason="MLX has no wheel for this system")
nn = pytest.importorskip("mlx.nn")


def layers_of(spec: Spec) -> Any:
    """Make a module whose `layers` are MLX's."""
    options = {"nonlinearity": nn.relu} if spec.nonlinearity == "relu" else {}
    module = nn.Module()
    module.layers = [
        getattr(nn, spec.rnn_type.upper())(
            spec.network.inputs(layer), spec.hidden_size, bias=spec.bias, **options
        )
        for layer in range(spec.num_layers)
    ]
    return module


@pytest.mark.parametrize("spec", networks_of("mlx"), ids=canonical_json)
def test_mlx_computes_what_torch_does(tmp_path: Path, spec: Spec) -> None:
    module = layers_of(spec)
    values = mx.array(inputs(spec).float().numpy()).astype(getattr(mx, spec.dtype))
    path = stepzero_rnn.save(spec, tmp_path / "network.mlx.safetensors")

    loaded = module if spec.num_layers > 1 else module.layers[0]
    loaded.load_weights(str(path), strict=True)

    for layer in module.layers:
        values = layer(values)[0] if spec.rnn_type == "lstm" else layer(values)
    found = np.array(values.astype(mx.float32))
    assert difference(spec, found) <= TOLERANCES[spec.dtype]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"bidirectional": True}, "no bidirectional layer"), ({"proj_size": 2}, "no projection")],
)
def test_what_mlx_lacks_is_refused_with_the_reason(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(NetworkNotInFormat, match=reason):
        stepzero_rnn.stream(Spec(rnn_type="lstm", **SIZES, **fields), format="mlx").__next__()


def test_float64_is_refused_with_the_reason() -> None:
    with pytest.raises(DtypeNotInFormat, match="knows no float64"):
        stepzero_rnn.stream(
            Spec(rnn_type="lstm", dtype="float64", **SIZES), format="mlx"
        ).__next__()
