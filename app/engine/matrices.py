"""The laws that need a whole block at once: no element can be drawn without the others.

`fill(out, dtype, key, run)` overwrites `out` (rows, cols), in the checkpoint's dtype; `run` carries out independent
tasks on the pool of workers.  `std` is the standard deviation it promises, or None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.dtypes import DType
from app.engine.orthogonal import Orthogonal
from app.engine.philox import Key
from app.engine.pieces import Run
from app.engine.rounding import store
from app.engine.scaled import PositiveDefinite, SpectralRadius, UnitOutput
from app.engine.sparse import Sparse
from app.engine.spectra import RandomBasis, SkewExponential, SpectralBand


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """The numbers that were given, as float64."""

    values: NDArray[np.float64]

    @property
    def std(self) -> None:
        """Nobody promises one."""

    def fill(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        """Overwrite `out`."""
        store(self.values.reshape(out.shape), out, dtype)


MatrixLaw = (
    Orthogonal
    | Sparse
    | Given
    | SpectralBand
    | SpectralRadius
    | PositiveDefinite
    | SkewExponential
    | RandomBasis
    | UnitOutput
)
