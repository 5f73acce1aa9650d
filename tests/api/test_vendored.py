"""The copies of other people's files in the repository are the releases that they say they are."""

import hashlib
import re
from pathlib import Path

import pytest

import app

FOLDERS = [
    *(Path(app.__file__).parent / "pages/vendor").iterdir(),
    *(Path(__file__).parent / "vendor").iterdir(),
]
LICENSES = {
    "axe": {"LICENSE", "LICENSE-3RD-PARTY.txt"},
    "d3": {"LICENSE"},
    "plot": {"LICENSE"},
    "swagger-ui": {"LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"},
}
VERSIONS = {  # how a bundle tells its version
    "axe": ("axe.min.js", "/*! axe v{}\n"),
    "d3": ("d3.min.js", "// https://d3js.org v{} "),
    "plot": ("plot.umd.min.js", "// @observablehq/plot v{} "),
    "swagger-ui": ("swagger-ui-bundle.js", 'PACKAGE_VERSION:"{}"'),
}


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def record(folder: Path) -> str:
    return (folder / "VENDORED.md").read_text(encoding="utf-8")


@pytest.fixture
def recorded(record: str) -> dict[str, str]:
    return dict(re.findall(r"^\| `(\S+)` \| \d+ \| `([0-9a-f]{64})` \|$", record, re.MULTILINE))


def test_every_vendored_file_has_the_recorded_sha256(folder: Path, recorded: dict[str, str]):
    actual = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name != "VENDORED.md"
    }

    assert actual == recorded


def test_what_the_license_asks_for_lies_beside_the_code(folder: Path, recorded: dict[str, str]):
    assert LICENSES[folder.name] <= recorded.keys()


def test_the_bundle_is_the_recorded_version(folder: Path, record: str):
    version = re.search(r"^- Version: (\S+)$", record, re.MULTILINE)
    name, sign = VERSIONS[folder.name]

    assert version is not None
    assert sign.format(version[1]) in (folder / name).read_text(encoding="utf-8")
