"""Bytes from strangers are taken in or refused by name: what guided fuzzing begins with, and what
it has found.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.fuzz.targets import TARGETS, read_upload, seeds

FOUND_IN_UPLOADS: Mapping[str, bytes] = {
    "a_zip_without_records": b"z",
}


@pytest.mark.parametrize("name", TARGETS)
def test_what_fuzzing_begins_with_is_answered(name: str):
    for seed in seeds(name):
        TARGETS[name](seed)
        TARGETS[name](seed[:-1])


@pytest.mark.parametrize("data", FOUND_IN_UPLOADS.values(), ids=FOUND_IN_UPLOADS)
def test_what_was_once_not_refused_by_name_is(data: bytes):
    read_upload(data)
