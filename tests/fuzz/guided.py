"""Mutate inputs towards code not yet run, and say where one is answered with anything but a named
refusal.

python -m tests.fuzz.guided token --seconds 600

The corpus, and what breaks a target, are kept in a folder, `.fuzz/<target>` by default: a second
run goes on from there.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["app", "python_multipart"]):
    from tests.fuzz.targets import TARGETS, seeds, words

MAX_S = 2.0  # of the processor for one input; more is a finding
STUCK_S = 120  # of the clock, on a machine that may be busy with something else
MAX_MEMORY_MB = 1024
MAX_INPUT_BYTES = 4096


def main() -> None:
    """Fuzz one target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--folder", type=Path, default=Path(".fuzz"))
    asked = parser.parse_args()
    corpus: Path = asked.folder / asked.target / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for place, seed in enumerate(seeds(asked.target)):
        (corpus / f"seed-{place}").write_bytes(seed)
    dictionary = corpus.parent / "words"
    dictionary.write_text("".join(f'"{word.decode()}"\n' for word in words(asked.target)))
    options = [
        sys.argv[0],
        str(corpus),
        f"-dict={dictionary}",
        f"-artifact_prefix={corpus.parent}/",
        f"-max_total_time={asked.seconds}",
        f"-max_len={MAX_INPUT_BYTES}",
        f"-timeout={STUCK_S}",
        f"-rss_limit_mb={MAX_MEMORY_MB}",
        "-print_final_stats=1",
    ]
    atheris.Setup(options, bounded(TARGETS[asked.target]))
    atheris.Fuzz()


def bounded(target: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Make a target that also fails where one input takes long."""

    def run(data: bytes) -> None:
        began_s = time.process_time()
        target(data)
        assert time.process_time() - began_s < MAX_S, "one input takes too long"

    return run


if __name__ == "__main__":
    main()
