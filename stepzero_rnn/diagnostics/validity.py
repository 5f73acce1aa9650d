"""Which networks the validation covers, in words."""

from __future__ import annotations

from stepzero_rnn.spec.checkpoint import Spec

VALIDATED_LAYERS = 2


def is_validated(spec: Spec) -> bool:
    """Whether the validation covers networks of this kind."""
    return not _outside(spec)


def sentence(spec: Spec, *, is_uploaded: bool) -> str:
    """Say what the validation covers, and what it does not cover of this network."""
    covered = "Validated by training networks of one or two layers and one direction, with standard normal inputs."
    outside = _outside(spec) + ["uploaded inputs"] * is_uploaded
    return f"{covered} Not covered: {', '.join(outside)}." if outside else covered


def _outside(spec: Spec) -> list[str]:
    reasons = {
        "more than two layers": spec.num_layers > VALIDATED_LAYERS,
        "two directions": spec.bidirectional,
        "a projection": spec.proj_size > 0,
    }
    return [reason for reason, holds in reasons.items() if holds]
