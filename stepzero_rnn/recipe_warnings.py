"""Warnings about a recipe, as Python gives them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable

from stepzero_rnn.spec.spec_warnings import SpecWarning


class RecipeWarning(UserWarning):
    """A recipe is allowed but seldom meant, or arrays were read by an assumption they cannot
    confirm.
    """


def caution(found: Iterable[SpecWarning]) -> None:
    """Warn of each, at the line that called this package."""
    for warning in found:
        caution_of(f"{warning.pointer}: {warning.detail}")


def caution_of(sentence: str) -> None:
    """Warn in these words, at the line that called this package."""
    level, frame = 1, inspect.currentframe()
    while frame and _is_ours(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(sentence, RecipeWarning, stacklevel=level)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "stepzero_rnn"
