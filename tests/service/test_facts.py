"""What is remembered of a recipe is counted in bytes, and a deep network leaves little."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from pydantic import TypeAdapter

import stepzero_rnn
from stepzero_rnn.engine.thread_pool import Stop, ThreadPool
from stepzero_rnn.pipeline.factory import Factory
from stepzero_rnn.pipeline.job import Job, plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.pipeline.result_cache import bytes_of, measured_bytes
from stepzero_rnn.spec.checkpoint import Serving, Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.summary import Summary, json_chunks

DEEP = {"rnn_type": "lstm", "input_size": 1, "hidden_size": 2, "bidirectional": True}
DEEP |= {"num_layers": 32, "accept_dead": True}


def job(given: dict[str, Any]) -> Job:
    return plan_job(parse(Spec, given), "pt", Serving(), Limits())


@pytest.mark.parametrize(("remembered_bytes", "is_measured"), [(64 << 20, True), (1 << 20, False)])
def test_a_check_measures_only_what_can_be_remembered(remembered_bytes: int, is_measured: bool):
    with ThreadPool(1) as workers:
        factory = Factory(workers, remembered_bytes=remembered_bytes)
        found = factory.check(job(DEEP), Stop())

    assert bool(found.figures) == bool(found.forward.layers) == is_measured


def test_a_summary_is_complete_though_nothing_of_it_can_be_remembered():
    with ThreadPool(1) as workers:
        factory = Factory(workers, remembered_bytes=1 << 10)
        found = factory.summary(job(DEEP), Stop())

    assert len(found.weights.tensors) == 32 * 2 * 4
    assert len(found.forward.layers) == 32 * 2


def test_what_is_counted_is_what_is_held():
    asked = job(DEEP)
    with ThreadPool(1) as workers:
        factory = Factory(workers)
        factory.check(job(DEEP | {"seed": 1}), Stop())
        tracemalloc.start()
        found = factory.check(asked, Stop())
        held_bytes, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert held_bytes < bytes_of(found) < 2 * held_bytes
    assert bytes_of(found) == measured_bytes(asked.plan, asked.forward_size)


def test_a_summary_is_written_in_chunks_of_bounded_size():
    found = stepzero_rnn.check(DEEP)
    chunks = list(json_chunks(found, min_bytes=4096))

    whole = TypeAdapter(Summary).dump_json(found)
    assert json.loads(b"".join(chunks)) == json.loads(whole)
    assert max(map(len, chunks)) < 16 << 10 < len(whole)
