"""From a request to the first byte, with the default check and with 16 time steps of 4 sequences.

Medians of rounds taken in turn over a real socket; each round asks for another seed, and leaves
after the first byte of the body.
"""

from __future__ import annotations

import time
from functools import partial
from itertools import count
from statistics import median
from typing import Any

import pytest

from stepzero_rnn import CheckSize, plan
from tests.api.asking import Call
from tests.bench.measure import OURS, in_turn, ratio, row, server

pytestmark = pytest.mark.bench

BEFORE = {"seq_len": 16, "batch": 4}
ROUNDS = 5


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_first_byte(dtype: str) -> None:
    seeds = count()
    print()
    row(f"LSTM, 4 layers, {dtype}", "default size", "seconds", "with 16 x 4", "sooner by")
    with server(*OURS, ready="/healthz/ready") as (_, url):

        def seconds(spec: dict[str, Any]) -> float:
            began = time.perf_counter()
            with Call.post(url, spec | {"seed": next(seeds)}) as call:
                status, _, first = call.read_head()
                assert status == 200
                assert first or call.read(1)
                return time.perf_counter() - began

        for size in (512, 1024, 2048, 4096):
            spec = {"rnn_type": "lstm", "input_size": size, "hidden_size": size, "num_layers": 4}
            spec |= {"dtype": dtype, "init": "xavier_uniform"}
            runs = {
                "default": partial(seconds, spec),
                "before": partial(seconds, spec | {"check": BEFORE}),
            }
            found = in_turn(runs, ROUNDS)
            chosen = plan(spec).forward_size(CheckSize())
            row(
                f"{size}",
                f"{chosen.seq_len} x {chosen.batch}",
                f"{median(found['default']):.2f}",
                f"{median(found['before']):.2f}",
                f"{ratio(found['before'], found['default']):.2f}x",
            )
