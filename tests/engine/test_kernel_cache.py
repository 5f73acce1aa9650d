"""The cache of compiled kernels saves time; where it cannot be written, kernels are compiled all
the same.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# No file may have a byte from here on, as on a full disk; on a device and a pipe that says nothing.
FULL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
import numpy as np
from stepzero_rnn.engine.statistics import sums
print(sums(np.array([1.0, 2.0])))
"""


def test_a_kernel_is_compiled_where_the_disk_of_its_cache_is_full(tmp_path: Path):
    variables = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}  # noqa: TID251 - what a shell would pass on
    done = subprocess.run(
        [sys.executable, "-c", FULL], env=variables, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "(3.0, 5.0)\n"), done.stderr
    assert not any(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
