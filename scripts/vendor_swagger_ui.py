"""Renew the copy of Swagger UI that the service serves at `/docs`.

    python scripts/vendor_swagger_ui.py

Needs npm and a package registry; the service and its tests need neither. The package is packed,
not installed: installing it would run the analytics of a dependency. To move to another release,
change `VERSION`, run, compare the integrity that the refusal prints with the registry's own (`npm
view swagger-ui-dist@VERSION dist.integrity`), set `INTEGRITY`, run again and read the diff.
"""

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

PACKAGE = "swagger-ui-dist"
VERSION = "5.35.0"
INTEGRITY = "sha512-U06rpMtW9V3XPGOBeamTUSr0Z09jMX4IJuANpE/EZbAhw0G8CgwrzU4YmXkn/h0wCDNsXdGarTNNHC3sU8yVUQ=="
LICENSE = "Apache-2.0"
FILES = (
    "LICENSE",
    "NOTICE",
    "swagger-ui-bundle.js",
    "swagger-ui-bundle.js.LICENSE.txt",
    "swagger-ui.css",
)
TARGET = Path(__file__).parents[1] / "app/pages/vendor/swagger-ui"


def main() -> None:
    """Fetch the release, prove that it is the pinned one, and replace the copy."""
    with tempfile.TemporaryDirectory() as folder:
        archive = pack(Path(folder))
        found = integrity(archive.read_bytes())
        if found != INTEGRITY:
            sys.exit(f"{PACKAGE} {VERSION} has integrity\n  {found}\nexpected\n  {INTEGRITY}")
        contents = unpack(archive)
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (TARGET / name).write_bytes(content)
    (TARGET / "VENDORED.md").write_text(record(contents), encoding="utf-8", newline="\n")


def pack(folder: Path) -> Path:
    """Download the release into `folder` and return its archive."""
    subprocess.run(
        ["npm", "pack", "--ignore-scripts", "--silent", f"{PACKAGE}@{VERSION}"],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder / f"{PACKAGE}-{VERSION}.tgz"


def integrity(content: bytes) -> str:
    """Return the digest by which npm knows an archive."""
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


def unpack(archive: Path) -> dict[str, bytes]:
    """Return the content of `FILES`, by name."""
    with tarfile.open(archive) as tar:
        return {name: tar.extractfile(f"package/{name}").read() for name in FILES}  # type: ignore[union-attr]


def record(contents: Mapping[str, bytes]) -> str:
    """Return `VENDORED.md`: what is here, under which terms, and every file's sha256."""
    rows = "\n".join(
        f"| `{name}` | {len(content)} | `{hashlib.sha256(content).hexdigest()}` |"
        for name, content in sorted(contents.items())
    )
    return f"""# Vendored: {PACKAGE}

Unmodified files of a release on npm.  Written by `scripts/vendor_swagger_ui.py`: do not edit by hand.

- Name: {PACKAGE}
- Version: {VERSION}
- License: {LICENSE} (`LICENSE`, `NOTICE`; of the parts in the bundle: `swagger-ui-bundle.js.LICENSE.txt`)
- Archive: `{INTEGRITY}`

| File | Bytes | sha256 |
| --- | ---: | --- |
{rows}
"""


if __name__ == "__main__":
    main()
