"""Outside readers accept every zip we write."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from stepzero_rnn.formats import FORMATS
from stepzero_rnn.formats.segments import Literal
from stepzero_rnn.formats.stored_zip import ZipEntry, stored_zip
from stepzero_rnn.plan import plan
from tests.formats.laying import SMALL, state_dict_of, write


@pytest.fixture(params=["pt", "npz", "bundle"])
def file(request: pytest.FixtureRequest) -> bytes:
    planned = plan(SMALL)
    return write(planned, FORMATS[request.param].segments(planned), state_dict_of(planned))


def test_python_finds_every_crc_right(file: bytes) -> None:
    assert zipfile.ZipFile(BytesIO(file)).testzip() is None


@pytest.mark.skipif(not shutil.which("unzip"), reason="needs unzip")
def test_unzip_finds_nothing_wrong(file: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file.zip"
    path.write_bytes(file)

    shown = subprocess.run(["unzip", "-t", path], capture_output=True, text=True, check=False)

    assert shown.stdout.splitlines()[-1].startswith("No errors detected")
    assert shown.stderr == ""
    assert shown.returncode == 0


def test_the_data_of_every_entry_begins_at_a_multiple_of_64(file: bytes) -> None:
    for entry in zipfile.ZipFile(BytesIO(file)).infolist():
        lengths = file[entry.header_offset + 26 : entry.header_offset + 30]
        name, extra = int.from_bytes(lengths[:2], "little"), int.from_bytes(lengths[2:], "little")

        assert (entry.header_offset + 30 + name + extra) % 64 == 0


def test_a_zip_of_literals_is_literal_but_for_its_directory() -> None:
    segments = stored_zip([ZipEntry("a", (Literal(b"one"),)), ZipEntry("b", (Literal(b"two"),))])

    assert [type(part).__name__ for part in segments] == ["Literal", "Deferred", "Literal"]
