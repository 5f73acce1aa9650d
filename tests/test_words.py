"""`scripts/words.py`: the raw words of a stream, and those of its neighbours in turn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine import oracle

SCRIPT = Path(__file__).parents[1] / "scripts/words.py"
STREAM = oracle.stream("weight_ih_l0", "z")
ASKED = ["--seed", "7", "--tensor", "weight_ih_l0", "--gate", "z"]


def written(*arguments: str, count: int = 12) -> list[int]:
    """Read the first words that the script writes, then close the pipe."""
    command = [sys.executable, str(SCRIPT), *ASKED, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        found = process.stdout.read(4 * count)
        process.stdout.close()
        assert process.stderr.read() == b"", "it did not end quietly"
    return [int.from_bytes(found[at : at + 4], "little") for at in range(0, len(found), 4)]


def test_words_are_those_of_the_stream_in_order() -> None:
    assert written() == [oracle.word(7, STREAM, i) for i in range(12)]


@pytest.mark.parametrize("kind", ["seeds", "streams"])
def test_interleaved_words_are_taken_from_the_neighbours_in_turn(kind: str) -> None:
    steps = [(1, 0) if kind == "seeds" else (0, 1)] * 4
    keys = [(7 + way * seed, STREAM + way * stream) for way, (seed, stream) in enumerate(steps)]

    assert written("--interleave", kind, "--ways", "4") == [
        oracle.word(*key, i) for i in range(3) for key in keys
    ]
