"""Draw every golden network in other environments, and compare the digests.

    make equality

Those are every Python that is supported, with the locked releases of what draws; the first of them
with the oldest releases allowed; and a 64-bit ARM processor, emulated.  The interpreters are
`python3.11` … on the path, or those that are named as arguments; ARM needs qemu-aarch64 and
Debian's apt-get.  Needs package indexes, and minutes; all goes into a throwaway folder.  What this
machine lacks is said and left out; a digest that differs is said, and the exit status is 1.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests/engine/golden.json"
LOCK = ROOT / "requirements.lock"
PYTHONS = ("python3.11", "python3.12", "python3.13")
DRAWS = ("numba", "numpy", "pydantic")  # torch runs networks; none of it draws on a processor
VERSIONS = """
import numba, numpy, platform, pydantic
print("Python", platform.python_version(), platform.machine(), end="")
print("", *(f"{each.__name__} {each.__version__}" for each in (numba, numpy, pydantic)), sep=", ")
"""
QEMU = ("qemu-aarch64-static", "qemu-aarch64")
DEBIAN = ("python3", "libstdc++6")
PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_27", "manylinux_2_28")


class Environment(NamedTuple):
    """A Python that has what draws, and its variables."""

    command: Sequence[str]
    variables: dict[str, str]

    def run(self, *arguments: str) -> str:
        """Run it in the checkout; give what it prints."""
        variables = [f"{name}={value}" for name, value in self.variables.items()]
        command = ["env", *variables, *self.command, *arguments]
        shown = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
        return shown.stdout


def main(pythons: Sequence[str]) -> int:
    """Compare in each environment; give the exit status."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    different = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, environment in enumerate(environments(pythons, Path(folder))):
            environment.variables["NUMBA_CACHE_DIR"] = f"{folder}/cache-{number}"
            drawn = json.loads(environment.run("-m", "tests.engine.golden", *golden))
            others = [name for name in golden if drawn[name] != golden[name]]
            said = f"differ: {', '.join(others)}" if others else f"{len(golden)} networks equal"
            print(f"{environment.run('-c', VERSIONS).strip()}: {said}", flush=True)
            different += len(others)
    return 1 if different else 0


def environments(pythons: Sequence[str], folder: Path) -> Iterator[Environment]:
    """Make one environment after another."""
    present = [python for python in pythons if runs(python)]
    for number, python in enumerate(present):
        yield on_this_processor(python, locked(), folder / f"locked-{number}")
    if present:  # the oldest releases have wheels for the oldest Python only
        yield on_this_processor(present[0], oldest(), folder / "oldest")
    print("Not on this machine:", ", ".join(set(pythons) - set(present)) or "none", flush=True)
    emulator = next(filter(None, map(shutil.which, QEMU)), None)
    if emulator and shutil.which("apt-get"):
        yield on_arm(emulator, folder / "arm")
    else:
        print("ARM: this machine lacks qemu-aarch64 or apt-get", flush=True)


def runs(python: str) -> bool:
    """Say whether there is such an interpreter; a version manager may name more than it has."""
    found = shutil.which(python)
    if not found:
        return False
    return subprocess.run([found, "-V"], check=False, capture_output=True).returncode == 0


def locked() -> list[str]:
    """Read the pins of what draws."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    pins = (line.removesuffix("\\").rstrip() for line in lines)  # without the hashes that follow
    return [pin for pin in pins if pin.partition("==")[0] in DRAWS]


def oldest() -> list[str]:
    """Read the lower ends of the ranges of what draws."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    ranges = (entry.partition(">=") for entry in project["project"]["dependencies"])
    return [f"{name}=={least}" for name, _, least in ranges if name in DRAWS]


def on_this_processor(python: str, requirements: Sequence[str], place: Path) -> Environment:
    """Install into a virtual environment."""
    subprocess.run([python, "-m", "venv", str(place)], check=True)
    inside = str(place / "bin/python")
    subprocess.run([inside, "-m", "pip", "install", "--quiet", *requirements], check=True)
    return Environment([inside], {})


def on_arm(emulator: str, place: Path) -> Environment:
    """Unpack Debian's Python for ARM, and wheels for it, beside this system."""
    root, site = place / "root", place / "site"
    for empty in ("state/lists/partial", "cache/archives/partial", "root"):
        (place / empty).mkdir(parents=True)
    (place / "status").touch()
    options = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "Dir::State": place / "state",
        "Dir::State::status": place / "status",  # of a system where nothing is installed
        "Dir::Cache": place / "cache",
    }
    apt = ["apt-get", "--quiet", *(f"--option={name}={value}" for name, value in options.items())]
    subprocess.run([*apt, "update"], check=True, capture_output=True)
    install = ["install", "--yes", "--no-install-recommends", "--download-only", *DEBIAN]
    subprocess.run([*apt, *install], check=True, capture_output=True)
    for package in sorted((place / "cache/archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "--extract", str(package), str(root)], check=True)
    variables = {"PYTHONHOME": str(root / "usr"), "PYTHONPATH": str(site)}
    arm = Environment([emulator, "-L", str(root), str(root / "usr/bin/python3")], variables)
    version = arm.run("-c", "import platform; print(platform.python_version())").strip()
    foreign = [f"--platform={tag}_aarch64" for tag in PLATFORMS]
    wheels = ["--only-binary=:all:", f"--python-version={version}", *foreign, f"--target={site}"]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", *wheels, *locked()]
    subprocess.run(pip, check=True)
    return arm


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or PYTHONS))
