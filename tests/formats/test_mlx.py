"""MLX's layers compute from our files what torch's module computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import stepzero_rnn
from stepzero_rnn.errors import DtypeNotInFormat, NetworkNotInFormat
from stepzero_rnn.spec.canonical import canonical_json
from stepzero_rnn.spec.checkpoint import Spec
from tests.formats.laying import SIZES
from tests.formats.other_networks import TOLERANCES, networks_of

pytest.importorskip("mlx.core", reason="MLX has no wheel for this system")
judge = pytest.importorskip("tests.formats.mlx_judge")


@pytest.mark.parametrize("spec", networks_of("mlx"), ids=canonical_json)
def test_mlx_computes_what_torch_does(tmp_path: Path, spec: Spec) -> None:
    path = stepzero_rnn.save(spec, tmp_path / "network.mlx.safetensors")

    assert judge.difference_to_torch(spec, path) <= TOLERANCES[spec.dtype]


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
