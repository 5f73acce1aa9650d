"""Renew the copies of other people's files that the pages and their tests use.

    python scripts/vendor.py

Needs npm and a package registry; the service and its tests need neither. The packages are packed,
not installed: installing one would run the analytics of a dependency. To move to another release,
change its row of `PACKAGES`, run, compare the integrity that the refusal prints with the
registry's own (`npm view NAME@VERSION dist.integrity`), set `integrity`, run again and read the
diff.
"""

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Package:
    """A release on npm, which of its files are kept, and where."""

    name: str
    version: str
    integrity: str
    license: str
    files: tuple[str, ...]
    target: str


PACKAGES = (
    Package(
        "swagger-ui-dist",
        "5.35.0",
        "sha512-U06rpMtW9V3XPGOBeamTUSr0Z09jMX4IJuANpE/EZbAhw0G8CgwrzU4YmXkn/h0wCDNsXdGarTNNHC3sU8yVUQ==",
        "Apache-2.0 (`LICENSE`, `NOTICE`; of the parts in the bundle: `swagger-ui-bundle.js.LICENSE.txt`)",
        (
            "LICENSE",
            "NOTICE",
            "swagger-ui-bundle.js",
            "swagger-ui-bundle.js.LICENSE.txt",
            "swagger-ui.css",
        ),
        "app/pages/vendor/swagger-ui",
    ),
    Package(
        "d3",
        "7.9.2",
        "sha512-ZKb/mONPVKzaO5UlcWcwN8bS4ezvQaYu+bsou+XgNABdGC800kwH651ADTbbTxMPHW13UlvbQafdmJQDk1w7Mg==",
        "ISC (`LICENSE`)",
        ("LICENSE", "dist/d3.min.js"),
        "app/pages/vendor/d3",
    ),
    Package(
        "@observablehq/plot",
        "0.6.17",
        "sha512-/qaXP/7mc4MUS0s4cPPFASDRjtsWp85/TbfsciqDgU1HwYixbSbbytNuInD8AcTYC3xaxACgVX06agdfQy9W+g==",
        "ISC (`LICENSE`)",
        ("LICENSE", "dist/plot.umd.min.js"),
        "app/pages/vendor/plot",
    ),
    Package(
        "axe-core",
        "4.14.1",
        "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
        "MPL-2.0 (`LICENSE`; of the parts in it: `LICENSE-3RD-PARTY.txt`); source: <https://github.com/dequelabs/axe-core>",
        ("LICENSE", "LICENSE-3RD-PARTY.txt", "axe.min.js"),
        "tests/api/vendor/axe",
    ),
)


def main() -> None:
    """Fetch every release, prove that it is the pinned one, and replace its copy."""
    for package in PACKAGES:
        with tempfile.TemporaryDirectory() as folder:
            archive = pack(package, Path(folder))
            found = integrity(archive.read_bytes())
            if found != package.integrity:
                sys.exit(
                    f"{package.name} {package.version} has integrity\n  {found}\n"
                    f"expected\n  {package.integrity}"
                )
            contents = unpack(package, archive)
        target = ROOT / package.target
        target.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (target / name).write_bytes(content)
        text = record(package, contents)
        (target / "VENDORED.md").write_text(text, encoding="utf-8", newline="\n")


def pack(package: Package, folder: Path) -> Path:
    """Download the release into `folder` and return its archive."""
    subprocess.run(
        ["npm", "pack", "--ignore-scripts", "--silent", f"{package.name}@{package.version}"],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (archive,) = folder.glob("*.tgz")
    return archive


def integrity(content: bytes) -> str:
    """Return the digest by which npm knows an archive."""
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


def unpack(package: Package, archive: Path) -> dict[str, bytes]:
    """Return the content of the files that are kept, by name without folder."""
    with tarfile.open(archive) as tar:
        return {
            Path(name).name: tar.extractfile(f"package/{name}").read()  # type: ignore[union-attr]
            for name in package.files
        }


def record(package: Package, contents: Mapping[str, bytes]) -> str:
    """Return `VENDORED.md`: what is here, under which terms, and every file's sha256."""
    rows = "\n".join(
        f"| `{name}` | {len(content)} | `{hashlib.sha256(content).hexdigest()}` |"
        for name, content in sorted(contents.items())
    )
    return f"""# Vendored: {package.name}

Unmodified files of a release on npm.  Written by `scripts/vendor.py`: do not edit by hand.

- Name: {package.name}
- Version: {package.version}
- License: {package.license}
- Archive: `{package.integrity}`

| File | Bytes | sha256 |
| --- | ---: | --- |
{rows}
"""


if __name__ == "__main__":
    main()
