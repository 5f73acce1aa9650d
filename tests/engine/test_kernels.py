"""Kernels are kept on disk where that works, and compiled again where it does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import stepzero_rnn

WARM = (
    "from stepzero_rnn.engine.warmup import warm; warm(); import app; print(stepzero_rnn.__file__)"
)


def run(program: str, **variables: str) -> str:
    """Run a program as somebody who may write only what is allowed to be written, as root may not
    either.
    """
    command = [sys.executable, "-c", program]
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root can write everywhere, and there is no setpriv to forbid it")
        powers = "-dac_override,-dac_read_search"
        command = ["setpriv", f"--bounding-set={powers}", f"--inh-caps={powers}", *command]
    environment = {"PATH": "/usr/bin:/bin", **variables}
    return subprocess.run(
        command, env=environment, cwd="/", check=True, stdout=subprocess.PIPE, text=True
    ).stdout


@pytest.mark.slow
def test_no_folder_need_be_writable(tmp_path: Path) -> None:
    package = Path(stepzero_rnn.__file__).parent
    shutil.copytree(
        package, tmp_path / "stepzero_rnn", ignore=shutil.ignore_patterns("__pycache__")
    )
    for folder in (tmp_path / "stepzero_rnn").rglob("*"):
        if folder.is_dir():
            folder.chmod(0o555)
    (tmp_path / "stepzero_rnn").chmod(0o555)
    tmp_path.chmod(0o555)

    found = run(
        WARM, HOME=str(tmp_path), PYTHONPATH=str(tmp_path), NUMBA_CACHE_DIR=f"{tmp_path}/none"
    )

    assert found.strip() == f"{tmp_path}/stepzero_rnn/__init__.py"
    assert not list((tmp_path / "stepzero_rnn").rglob("*.nbi"))


@pytest.mark.slow
def test_the_folder_of_the_cache_can_be_chosen(tmp_path: Path) -> None:
    run(
        WARM,
        HOME="/",
        PYTHONPATH=str(Path(stepzero_rnn.__file__).parents[1]),
        NUMBA_CACHE_DIR=str(tmp_path),
    )

    assert list(tmp_path.rglob("*.nbi"))
