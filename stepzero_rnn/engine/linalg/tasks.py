"""Division of matrix work into tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

Run = Callable[[Iterable[Callable[[], None]]], None]  # executes independent tasks

DRAW_ELEMENTS = 1 << 18  # per task


def row_ranges(rows: int, cols: int, elements: int = DRAW_ELEMENTS) -> Iterator[tuple[int, int]]:
    """Divide rows into ranges of about `elements` elements, each starting at a multiple of 4."""
    step = max(1, elements // cols // 4) * 4
    for first in range(0, rows, step):
        yield first, min(first + step, rows)
