"""The pipeline as one object: a job is checked, then streamed.  Read this first.

spec → plan (`job.py`) → draw, check (`Factory.check`) → lay out, stream (`Factory.stream`).
Nothing here knows HTTP, and nothing is stored but small results: a stream draws again what the
check drew, except for what takes longer to draw than to keep in between (`tensor_cache.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import lru_cache

import torch
from torch import Tensor

from stepzero_rnn.diagnostics.measuring.diagnose import diagnose
from stepzero_rnn.diagnostics.options import DiagnosticsOptions
from stepzero_rnn.diagnostics.results import Diagnostics
from stepzero_rnn.engine.check.check import Checked
from stepzero_rnn.engine.devices import devices
from stepzero_rnn.engine.draw import ChunkBytes, Sampler, largest_chunk
from stepzero_rnn.engine.thread_pool import Stop, ThreadPool
from stepzero_rnn.errors import ArraysGone
from stepzero_rnn.identification.identify import Given, identify
from stepzero_rnn.identification.redraw import Tools
from stepzero_rnn.identification.result import Identified
from stepzero_rnn.pipeline.assemble import Buffer, assemble
from stepzero_rnn.pipeline.elements import ChunkSource
from stepzero_rnn.pipeline.job import Job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.pipeline.result_cache import ResultCache
from stepzero_rnn.pipeline.run import Run, known_check
from stepzero_rnn.pipeline.tensor_cache import TensorCache
from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.checkpoint import CheckSize, Spec
from stepzero_rnn.summary import Summary
from stepzero_rnn.uploads.intake import opened
from stepzero_rnn.uploads.store import Incoming, Store

KEPT_BYTES = 1 << 30
REMEMBERED_BYTES = 64 << 20


class Factory:
    """Runs jobs on one pool of workers, and caches what it learns from them."""

    def __init__(
        self,
        workers: ThreadPool,
        *,
        remembered_bytes: int = REMEMBERED_BYTES,
        kept_bytes: int = KEPT_BYTES,
        store: Store | None = None,
    ) -> None:
        self._workers = workers
        self._store = store
        self._results = ResultCache(remembered_bytes)
        self._tensor_cache = TensorCache(kept_bytes)

    def device(self, job: Job) -> str:
        """Return the name of the device that works on a job.  Raises DeviceUnavailable."""
        return str(_device(job))

    def is_checked(self, job: Job) -> bool:
        """Whether the result of a job's check is known.  Raises DeviceUnavailable."""
        return known_check(job, _device(job), self._results) is not None

    def check(self, job: Job, stop: Stop) -> Checked:
        """Draw and run the network, one layer in memory at a time, before it is streamed.

        Raises:
            DeviceUnavailable, NonfiniteOutput, DeadOutput: nothing may be served.
            ArraysGone, InvalidSpec: the arrays that the recipe names are not stored, or do not
                match it.
            Stopped: `stop` was set.
        """
        known = known_check(job, _device(job), self._results)
        if known is not None:
            return known
        with self._run(job, stop) as run:
            return run.checked()

    def stream(
        self,
        job: Job,
        stop: Stop,
        *,
        first: int = 0,
        last: int | None = None,
        chunk_bytes: ChunkBytes = largest_chunk,
    ) -> Generator[Buffer]:
        """Yield bytes first … last of the file, as `assemble` does; only what they cover is drawn.

        Raises:
            DeviceUnavailable, ArraysGone: before the first chunk.
            Stopped: `stop` was set.
        """
        with self._run(job, stop) as run, self._tensor_cache.checkout(job.digest) as kept:
            yield from assemble(
                job.segments,
                ChunkSource(run.sampler, kept, chunk_bytes),
                run,
                first=first,
                last=job.size_bytes if last is None else last,
                values_are_expensive=run.known is None or job.format.takes_a_pass,
            )

    def summary(self, job: Job, stop: Stop) -> Summary:
        """Check and measure the network, and return all that was learned.  Raises as `check`."""
        with self._run(job, stop) as run:
            return run.report()

    def diagnose(
        self, job: Job, options: DiagnosticsOptions, stop: Stop, given: Tensor | None = None
    ) -> Diagnostics:
        """Measure what a start will do in training.

        Args:
            given: inputs (T, sequences, input_size) instead of standard normal ones.

        Raises:
            DeviceUnavailable, NonfiniteOutput, ArraysGone, Stopped: as `check`.
        """

        def measure() -> Diagnostics:
            with self._run(job, stop) as run:
                return diagnose(job.plan, run.sampler, options, run.device, given)

        if given is not None:
            return measure()
        key = "diagnostics", job.digest, options, str(_device(job))
        return self._results.get_or_compute(key, Diagnostics, measure, stop)

    def identify(self, given: Given, incoming: Incoming, limits: Limits, stop: Stop) -> Identified:
        """Say which initialization arrays are, and whether they are those of the recipe that they
        carry, unless drawing that exceeds a limit.

        Raises:
            Stopped: `stop` was set.
            Others: as `stepzero_rnn.identification.identify.identify`.
        """

        def admit(planned: Plan) -> None:
            limits.admit(planned, planned.forward_size(CheckSize()))

        return identify(given, incoming, Tools(self._workers, stop, admit))

    def sha256(self, job: Job, stop: Stop) -> str:
        """Return the sha256 of the whole file, which is drawn for it unless it is known."""

        def draw() -> str:
            digest = hashlib.sha256()
            for chunk in self.stream(job, stop):
                digest.update(chunk)
            return digest.hexdigest()

        return self._results.get_or_compute(_file_key(job), str, draw, stop)

    def known_sha256(self, job: Job) -> str | None:
        """Return the sha256 of the whole file if it is known."""
        return self._results.get(_file_key(job), str)

    def require(self, spec: Spec) -> None:
        """Refuse a recipe whose arrays are gone, without reading them.

        Raises:
            ArraysGone, StoreUnavailable: the checkpoint can no longer be made.
        """
        if arrays := spec.arrays:
            if self._store is None:
                raise ArraysGone(sha256=arrays.sha256)
            self._store.require(arrays.sha256)

    @contextmanager
    def _run(self, job: Job, stop: Stop) -> Iterator[Run]:
        """Open the arrays that the recipe names; they may be deleted meanwhile."""
        device = _device(job)
        backend = devices.backend_for(device)
        with opened(job.plan, self._store) as given:
            sampler = Sampler(job.spec.seed, self._workers, stop, backend, given)
            yield Run(job, device, sampler, self._results, self._tensor_cache)


_choose = lru_cache(64)(devices.choose)


def _device(job: Job) -> torch.device:
    return _choose(job.serving.device, job.spec.dtype)


def _file_key(job: Job) -> tuple[str, bytes, str, str | None]:
    return "file", job.digest, job.format.name, job.part
