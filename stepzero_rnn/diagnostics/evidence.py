"""What the validation found, from its results: the one source of the numbers in texts.

`validation/` makes `validation.json`.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


def evidence_of(finding: str) -> str | None:
    """Return how often a finding was right in the validation; None if it flagged no start there."""
    found = _validation()
    rates = found["findings"].get(finding)
    if not rates or not rates["flagged"]:
        return None
    return (
        f"In the validation, {rates['flagged']} of {found['starts']} starts had this finding. "
        f"{_percent(rates['failed'] / rates['flagged'])} of them failed, against "
        f"{_percent(found['failed'] / found['starts'])} of all starts; they include "
        f"{rates['in_best_quarter']} of the {found['in_best_quarter']} best."
    )


def recommendation_evidence() -> str:
    """Return what following the recommendation was worth in the validation."""
    found = _validation()["recommendation"]["all groups"]
    return (
        f"In the validation, the best of the three recommended starts had "
        f"{_percent(found['best_of_three'])} of the best start's gain on average, the first one "
        f"{_percent(found['first'])}, PyTorch's default {_percent(found['pytorch'])}, and the best "
        f"of three random starts {_percent(found['best_of_three_random'])}."
    )


@cache
def _validation() -> dict[str, Any]:
    text = files("stepzero_rnn.diagnostics").joinpath("validation.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")
