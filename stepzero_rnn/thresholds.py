"""The sizes at which the implementation takes a different path, with the reason for each.

A core does about 20·10⁹ multiply-adds, or draws about 0.5·10⁹ normals, a second (2 cores,
AVX-512).  None of these constants affects the contents of a checkpoint.
"""

from __future__ import annotations

# Drawing (engine/draw.py), in elements.
TILE_ELEMENTS = 1 << 16  # drawn, rounded and tallied while in cache; the unit of exact sums
SINGLE_THREAD_ELEMENTS = 1 << 16  # below this, one thread is faster than handing work over
MIN_TASK_ELEMENTS, MAX_TASK_ELEMENTS = 1 << 18, 1 << 20  # large enough to outweigh the overhead

# Checking (engine/check/).
SPARE_ELEMENTS = 8 << 20  # up to this size, oneDNN may pack a second copy of a layer
SINGLE_THREAD_PRODUCTS = 1 << 26  # multiplications that one thread does in about a millisecond
SORTED_VALUES = 1 << 13  # up to this many values, sorting is faster than counting on the whole grid

# Forward passes whose size is not asked for (plan/forward_size.py), in bytes of the largest layer.
# Half of it, the recurrent weights, is read at every time step.
CACHED_LAYER_BYTES = 40 << 20  # an LSTM 1024 in float32, and just what a server's cache holds
LARGE_LAYER_BYTES = 256 << 20  # 16 steps would take longer than drawing and measuring the layer

# Streaming (pipeline/), in bytes.
MIN_CHUNK_BYTES, MAX_CHUNK_BYTES = 64 << 10, 4 << 20  # for slow and for fast clients
JOINED_CHUNK_BYTES = 1 << 20  # smaller parts are joined up to this size

# Requests served at once, without queueing (pipeline/job.py): about a millisecond or less.
QUICK_PARAMETERS, QUICK_STEPS, QUICK_PRODUCTS = 1 << 14, 64, 1 << 22
QUICK_MULTIPLY_ADDS = 200_000_000  # about 10 ms on one core, for any scheme
# Layers times directions: such networks are planned in a few milliseconds, and plans are cached.
PLANNED_AT_ONCE_CELLS = 16
# About a second on one core; longer requests cannot use the reserve for small ones.
SMALL_MULTIPLY_ADDS = 20_000_000_000

# Summaries (summary.py): the details of one direction of a layer take about 20 kB of JSON.
DETAILED_CELLS = 4  # layers times directions; deeper networks have details of one layer on request

# Diagnostics (diagnostics/).
SLICE_MULTIPLY_ADDS = (
    4_000_000_000  # of time steps run in one call, about 0.2 s: then a stop counts
)
HELD_LAYERS_BYTES = (
    256 << 20
)  # networks up to this size are drawn once, larger ones again to go back
SINGLE_THREAD_STEP = 1 << 22  # multiply-adds of one time step that one thread does in 0.2 ms
