"""Laws that draw a whole block at once: no element can be drawn without the others.

`fill(out, dtype, key, run)` overwrites `out` (rows, cols) in the checkpoint's dtype; `run` executes
independent tasks on the thread pool.  `std` is the law's standard deviation, or None if unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.dtypes import DType
from stepzero_rnn.engine.laws.orthogonal import Orthogonal
from stepzero_rnn.engine.laws.scaled import PositiveDefinite, SpectralRadius, UnitOutput
from stepzero_rnn.engine.laws.sparse import Sparse
from stepzero_rnn.engine.laws.spectra import RandomBasis, SkewExponential, SpectralBand
from stepzero_rnn.engine.linalg.tasks import Run
from stepzero_rnn.engine.words.philox import Key
from stepzero_rnn.engine.words.rounding import store


@dataclass(frozen=True, slots=True, eq=False)
class LiteralValues:
    """Literal values from the spec, as float64."""

    values: NDArray[np.float64]

    @property
    def std(self) -> None:
        """Unknown."""

    def fill(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        store(self.values.reshape(out.shape), out, dtype)


MatrixLaw = (
    Orthogonal
    | Sparse
    | LiteralValues
    | SpectralBand
    | SpectralRadius
    | PositiveDefinite
    | SkewExponential
    | RandomBasis
    | UnitOutput
)
