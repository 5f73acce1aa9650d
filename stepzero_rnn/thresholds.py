"""The sizes at which work takes another path: one table, with what each was measured by.

A core does about 20·10⁹ multiply-adds, and draws about 0.5·10⁹ normals, a second (2 cores,
AVX-512).  None of these numbers changes a bit of a checkpoint.
"""

from __future__ import annotations

# Drawing (engine/draw.py), in elements.
TILE_ELEMENTS = (
    1 << 16
)  # drawn, rounded and tallied while they are in cache; the unit of exact sums
SINGLE_THREAD_ELEMENTS = 1 << 16  # one thread draws these sooner than it hands them over
MIN_TASK_ELEMENTS, MAX_TASK_ELEMENTS = 1 << 18, 1 << 20  # a task's work outweighs its overhead

# Checking (engine/check/).
SPARE_ELEMENTS = 8 << 20  # a layer up to this size may exist twice, instead of being written twice
SINGLE_THREAD_PRODUCTS = 1 << 26  # multiplications that one thread does in about a millisecond
SORTED_VALUES = 1 << 13  # values that are sorted faster than they are counted on the whole grid

# Streaming (pipeline/), in bytes.
MIN_CHUNK_BYTES, MAX_CHUNK_BYTES = 64 << 10, 4 << 20  # a slow client's, and a fast one's
JOINED_CHUNK_BYTES = 1 << 20  # smaller parts are joined up to this size

# What is served at once, without a turn in the queue (pipeline/job.py): below a millisecond or so.
QUICK_PARAMETERS, QUICK_STEPS, QUICK_PRODUCTS = 1 << 14, 64, 1 << 22
QUICK_MULTIPLY_ADDS = 200_000_000  # about 10 ms of a core, whatever the scheme
PLANNED_AT_ONCE_CELLS = (
    16  # layers times directions: planned within a few milliseconds, and their plans are cached
)
SMALL_MULTIPLY_ADDS = (
    20_000_000_000  # about a second of a core: the reserve for small requests holds nothing longer
)

# Summaries (summary.py): the details of a layer's direction take about 20 kB of JSON.
DETAILED_CELLS = (
    4  # layers times directions: up to here all layers are detailed unless one is asked for
)
