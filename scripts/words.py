"""Write the raw random words that the draws are made of to standard output, until its reader has
enough.

    python scripts/words.py --seed 7 --tensor weight_hh_l0 --gate i | dieharder -a -g 200
    python scripts/words.py --interleave seeds | dieharder -a -g 200

32-bit words, little-endian, in the order of the elements they belong to (section 1 of
stepzero_rnn/engine/README.md).  Interleaved, they are word 0 of every one of 1,024 neighbours, then
word 1 of every one, and so on: a dependence between neighbouring seeds or streams becomes one
between neighbouring words, which batteries of tests find.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.engine.words.philox import Key, fill_words, key
from stepzero_rnn.plan import stream_of

Words = NDArray[np.uint32]
CHUNK = 1 << 20  # words written at a time


def main() -> None:
    """Write words until the pipe closes."""
    asked = arguments()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end as `yes` does when its reader has enough
    for words in chunks(keys(asked)):
        sys.stdout.buffer.write(words.astype("<u4", copy=False).data)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Write raw random words (32 bits, little-endian).")
    parser.add_argument("--seed", type=int, default=0, help="below 2⁵³; 0 by default")
    parser.add_argument("--tensor", default="weight_hh_l0", help="whose stream; weight_hh_l0")
    parser.add_argument("--gate", default="i", help="of an LSTM or a GRU, or - for none; i")
    parser.add_argument("--interleave", choices=("seeds", "streams"), help="mix in its neighbours")
    parser.add_argument("--ways", type=int, default=1024, help="how many neighbours; 1024")
    return parser.parse_args()


def keys(asked: argparse.Namespace) -> list[Key]:
    """Return the streams to read: the one asked for, or it and the next seeds or streams."""
    stream = stream_of(asked.tensor, asked.gate)
    match asked.interleave:
        case "seeds":
            return [key(asked.seed + way, stream) for way in range(asked.ways)]
        case "streams":
            return [key(asked.seed, (stream + way) % 2**64) for way in range(asked.ways)]
        case _:
            return [key(asked.seed, stream)]


def chunks(keys: list[Key]) -> Iterator[Words]:
    """Draw words without end, one of each stream in turn."""
    each = max(4, CHUNK // len(keys) // 4 * 4)
    words = np.empty((len(keys), each), np.uint32)
    group = 0
    while True:
        for row, place in zip(words, keys, strict=True):
            fill_words(row, group, *place)
        yield np.ascontiguousarray(words.T)
        group += each // 4


if __name__ == "__main__":
    main()
