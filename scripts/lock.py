"""Write the lock files, `requirements.lock`, `-torch.lock` and `-dev.lock`, from the ranges in
`pyproject.toml`.

    make lock

Needs a package index, and minutes: it installs everything into a throwaway environment, writes down
what came, and asks uv for the hashes of all files of these releases, whatever the platform.  torch
is the exception, with a file of its own: its release is pinned here, without the build (`+cpu`,
`+cu130`) that this machine got, and without the CUDA packages that some builds ask for, so one lock
serves machines with a GPU and without.  It has no hashes, since every index of torch has builds of
its own, and pip takes hashes for all of a file or for none.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

TORCH = "torch==2.13.0"
UV = "uv==0.13.9"  # the Dockerfile has the same
# The release that this torch asks for where it is built for CUDA; elsewhere only the tests do.
TRITON = 'triton==3.7.1; platform_system == "Linux" and platform_machine == "x86_64"'
CUDA = re.compile(
    r"(nvidia|cuda)-|triton=="
)  # what a CUDA build of torch brings; pip adds it where it is wanted
LINUX = re.compile(r"mlx-cpu==")  # a wheel for Linux alone
HEADER = "# Made by `make lock` ({what}); change pyproject.toml or scripts/lock.py instead.\n"

ROOT = Path(__file__).parents[1]
RUNTIME = ROOT / "requirements.lock"
RUNTIME_TORCH = ROOT / "requirements-torch.lock"
DEVELOPMENT = ROOT / "requirements-dev.lock"


def main() -> None:
    """Resolve what the service needs, then what its tests, lint and docs need on
    top; add the hashes."""
    build, runtime, development = requirements()
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin/python"
        install(python, ["--upgrade", "--upgrade-strategy", "eager", TORCH, *build, *runtime])
        needed = frozen(python)
        install(python, [*needed, TRITON, *development])
        extra = sorted({*frozen(python), TRITON} - {*needed}, key=str.casefold)
        install(python, [UV])
        pins = [pin for pin in needed if pin != TORCH]
        write(RUNTIME, "what the service needs, but for torch", hashed(python, pins))
        write(RUNTIME_TORCH, "torch, in whichever build the index has", [TORCH])
        lines = ["-r requirements.lock", *hashed(python, extra)]
        write(DEVELOPMENT, "what its tests, lint and docs need on top", lines)


def requirements() -> tuple[list[str], list[str], list[str]]:
    """Read the ranges of the build, of the service, and of its tests, lint and docs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    library, groups = project["project"], project["dependency-groups"]
    return (
        project["build-system"]["requires"],
        [
            *library["dependencies"],
            *library["optional-dependencies"]["torch"],
            *groups["service"],
        ],
        [*groups["test"], *groups["lint"], *groups["docs"]],
    )


def install(python: Path, arguments: list[str]) -> None:
    """Install into the environment."""
    subprocess.run([str(python), "-m", "pip", "install", *arguments], check=True)


def frozen(python: Path) -> list[str]:
    """List what is installed, as pins in alphabetical order, the same for every build of torch."""
    command = [str(python), "-m", "pip", "freeze", "--all", "--exclude", "pip"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    pins = (line.partition("+")[0] for line in lines)
    pins = (f'{pin}; sys_platform == "linux"' if LINUX.match(pin) else pin for pin in pins)
    return sorted((pin for pin in pins if not CUDA.match(pin)), key=str.casefold)


def hashed(python: Path, pins: list[str]) -> list[str]:
    """Add to pins the hashes of every file that the index has of them."""
    command = [
        str(python.with_name("uv")),
        "pip",
        "compile",
        "--quiet",
        "--no-header",
        "--no-annotate",
    ]
    options = ["--universal", "--no-deps", "--generate-hashes", "-"]
    told = subprocess.run(
        [*command, *options], input="\n".join(pins), check=True, stdout=subprocess.PIPE, text=True
    )
    return told.stdout.splitlines()


def write(path: Path, what: str, lines: list[str]) -> None:
    """Replace a lock file."""
    path.write_text(HEADER.format(what=what) + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"{path.name}: {len(lines)} lines", file=sys.stderr)


if __name__ == "__main__":
    main()
