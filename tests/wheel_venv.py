"""Environments that hold the wheel: with torch or without, never with this repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ("stepzero_rnn", "app", "pyproject.toml", "README.md", "LICENSE")
OURS = ("stepzero_rnn", "__editable__")
DRAWING = ("torch", "functorch", "numba", "llvmlite", "triton", "nvidia")


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment, and the folder that its programs run in."""

    folder: Path
    home: Path

    def python(self, code: str) -> subprocess.CompletedProcess[str]:
        """Run code."""
        return self._run(self.folder / "bin/python", "-c", code)

    def stepzero(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line."""
        return self._run(self.folder / "bin/stepzero", *arguments)

    def _run(self, program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        variables = {
            "PATH": os.defpath,
            "HOME": str(self.home),
            "STEPZERO_ARRAYS_FOLDER": str(self.home / "arrays"),
            "NUMBA_CACHE_DIR": str(self.home / "kernels"),
        }
        return subprocess.run(
            [program, *arguments],
            cwd=self.home,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )


def built(folder: Path) -> Path:
    """Build the wheel of the sources as they are now, in a copy that nothing was built in."""
    copy = folder / "sources"
    for name in SOURCES:
        source, target = ROOT / name, copy / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder / "dist", copy)
    [wheel] = (folder / "dist").iterdir()
    return wheel


def environment(folder: Path, wheel: Path, *, draws: bool) -> Environment:
    """Make an environment with the wheel, a decoy of the package `app`, and links to what is
    installed beside these tests; torch and numba only if it draws.
    """
    venv.create(folder / "venv", symlinks=True)
    site = next((folder / "venv/lib").glob("python*")) / "site-packages"
    hidden = OURS if draws else (*OURS, *DRAWING)
    for found in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not found.name.startswith(hidden) and found.suffix != ".pth":
            (site / found.name).symlink_to(found)
    return _installed(folder, site, wheel)


def environment_of(python: str, folder: Path, wheel: Path) -> Environment:
    """Make an environment of another Python, with what the wheel needs from the package index."""
    subprocess.run([python, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    site = next((folder / "venv/lib").glob("python*")) / "site-packages"
    pip("--python", folder / "venv/bin/python", "install", wheel)
    return _installed(folder, site, wheel)


def _installed(folder: Path, site: Path, wheel: Path) -> Environment:
    decoy, home = site / "app", folder / "home"
    decoy.mkdir()
    (decoy / "__init__.py").write_text('raise ImportError("a package of somebody else")\n')
    home.mkdir()
    python = folder / "venv/bin/python"
    pip("--python", python, "install", "--no-deps", "--no-index", "--force-reinstall", wheel)
    return Environment(folder / "venv", home)


def pip(*arguments: str | Path) -> None:
    """Run the pip of these tests."""
    quiet = ("--disable-pip-version-check", "--quiet")
    subprocess.run([sys.executable, "-m", "pip", *quiet, *arguments], check=True)
