"""Warnings about a recipe as Python warnings."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable

from stepzero_rnn.spec.spec_warnings import SpecWarning


class RecipeWarning(UserWarning):
    """A setting is valid but rarely intended, or arrays do not confirm how they were read."""


def caution(spec_warnings: Iterable[SpecWarning]) -> None:
    """Issue each warning for the line that called this package."""
    for warning in spec_warnings:
        caution_of(f"{warning.pointer}: {warning.detail}")


def caution_of(sentence: str) -> None:
    """Issue a warning for the line that called this package."""
    level, frame = 1, inspect.currentframe()
    while frame and _is_ours(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(sentence, RecipeWarning, stacklevel=level)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "stepzero_rnn"
