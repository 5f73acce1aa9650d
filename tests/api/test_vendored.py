"""The copy of Swagger UI in the repository is the release it says it is."""

import hashlib
import re
from pathlib import Path

import app

FOLDER = Path(app.__file__).parent / "pages/vendor/swagger-ui"
RECORD = (FOLDER / "VENDORED.md").read_text(encoding="utf-8")
RECORDED = dict(re.findall(r"^\| `(\S+)` \| \d+ \| `([0-9a-f]{64})` \|$", RECORD, re.MULTILINE))


def test_every_vendored_file_has_the_recorded_sha256():
    actual = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in FOLDER.iterdir()
        if path.name != "VENDORED.md"
    }

    assert actual == RECORDED


def test_what_the_license_asks_for_lies_beside_the_code():
    assert {"LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"} <= RECORDED.keys()


def test_the_bundle_is_the_recorded_version():
    version = re.search(r"^- Version: (\S+)$", RECORD, re.MULTILINE)
    bundle = (FOLDER / "swagger-ui-bundle.js").read_text(encoding="utf-8")

    assert version is not None
    assert f'PACKAGE_VERSION:"{version[1]}"' in bundle
