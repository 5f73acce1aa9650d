"""MLX's weights: a safetensors file that `load_weights` of its recurrent layers reads.

Source:
    MLX 0.32, `python/mlx/nn/layers/recurrent.py`, https://github.com/ml-explore/mlx.
"""

from __future__ import annotations

from stepzero_rnn.formats import safetensors
from stepzero_rnn.formats.foreign import arrays_of, cells_of
from stepzero_rnn.formats.segments import Segment
from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.checkpoint import Spec


def segments(plan: Plan) -> tuple[Segment, ...]:
    """Lay out a plan: the names of one layer, or `layers.<k>.` before those of each of several."""
    is_deep = plan.spec.num_layers > 1
    arrays = {
        f"layers.{layer}.{name}" if is_deep else name: array
        for layer, cells in enumerate(cells_of(plan))
        for name, array in arrays_of(plan, "mlx", cells).items()
    }
    return safetensors.laid_out(plan, arrays, "mlx")


def cannot(spec: Spec) -> str:
    """Return why MLX's layers do not compute what a network does, or nothing."""
    if spec.bidirectional:
        return "MLX has no bidirectional layer"
    return "MLX's LSTM has no projection" if spec.proj_size else ""
