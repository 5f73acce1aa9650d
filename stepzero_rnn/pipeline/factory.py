"""The pipeline as one object: an order is checked, then streamed.  Read this first.

spec → plan (`job.py`) → draw, check (`Factory.check`) → lay out, stream (`Factory.stream`).
Nothing here knows HTTP, and nothing is stored but small facts: a stream draws again what the check
drew, but for what is dearer to draw than to keep in between (`cache.py`).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256

import torch

from stepzero_rnn.engine.check import check
from stepzero_rnn.engine.check.check import Checked, Keep, keep_none
from stepzero_rnn.engine.check.digests import digests
from stepzero_rnn.engine.devices import devices
from stepzero_rnn.engine.draw import Sampler, Stored
from stepzero_rnn.engine.thread_pool import Stop, ThreadPool
from stepzero_rnn.errors import ArraysGone
from stepzero_rnn.pipeline.assemble import Buffer, assemble
from stepzero_rnn.pipeline.costs import (
    Cost,
    cost_of_both,
    cost_of_stream,
    cost_of_summary,
    cost_of_work,
)
from stepzero_rnn.pipeline.job import Job
from stepzero_rnn.pipeline.report import summarize
from stepzero_rnn.pipeline.result_cache import ResultCache, measured_bytes
from stepzero_rnn.pipeline.tensor_cache import TensorCache
from stepzero_rnn.plan import TensorPlan
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.summary import Summary, portable_json
from stepzero_rnn.thresholds import MAX_CHUNK_BYTES, MIN_CHUNK_BYTES
from stepzero_rnn.uploads.intake import opened
from stepzero_rnn.uploads.store import Store

KEPT_BYTES = 1 << 30
REMEMBERED_BYTES = 64 << 20


class Factory:
    """Makes what is ordered, on one pool of workers, and remembers what it learned on the way."""

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

    def check(self, job: Job, stop: Stop) -> Checked:
        """Draw and run the network, one layer in memory at a time, before it is streamed.

        Tensors that are dear to draw are kept for the stream.  A large network is measured on the
        way, if what that finds is not too much to be remembered.

        Raises:
            DeviceUnavailable, NonfiniteOutput, DeadOutput: nothing may be served.
            ArraysGone, InvalidSpec: the arrays that the recipe names are not there, or are others
                than it says.
            Stopped: `stop` was set.
        """
        known = self._known(job)
        if known is not None:
            return known
        device = _device(job)
        found_bytes = measured_bytes(job.plan, job.serving.check)
        measure = not job.is_quick and self._results.keeps(found_bytes)

        def keep(tensor: TensorPlan, stored: Stored) -> bool:
            worth = job.is_quick or tensor.is_expensive
            return worth and self._tensor_cache.put(job.digest, tensor.name, stored)

        def find_out() -> Checked:
            with self._sampler(job, stop) as sampler:
                return self._check(job, sampler, measure=measure, keep=keep)

        try:
            return self._results.get_or_compute(
                _check_key(job, device, measure), Checked, find_out, stop
            )
        except BaseException:
            self._tensor_cache.discard(job.digest)
            raise

    def cost(self, job: Job, *, checked: bool = True) -> Cost:
        """Return what an order takes until its stream is open; where the check's outcome is known,
        that is the stream alone.

        `checked` says whether a check comes first.
        """
        stream = cost_of_stream(job, MIN_CHUNK_BYTES)
        if not checked or self._known(job) is not None:
            return stream
        return cost_of_both(cost_of_work(job, str(_device(job))), stream)

    def cost_of_a_pass(self, job: Job) -> Cost:
        """Return what it takes to draw all of an order for a hash, and to check it."""
        work = cost_of_work(job, str(_device(job)))
        return cost_of_both(work, cost_of_stream(job, MAX_CHUNK_BYTES))

    def cost_of_summary(self, job: Job) -> Cost:
        """Return what it takes to say all that can be learned of an order."""
        return cost_of_summary(job, str(_device(job)))

    def device(self, job: Job) -> str:
        """Name the device that works on an order.  Raises DeviceUnavailable."""
        return str(_device(job))

    def is_inline(self, job: Job) -> bool:
        """Whether an order is done sooner than it is handed to another thread.

        Raises DeviceUnavailable.
        """
        return job.is_quick and _device(job).type == "cpu"

    def stream(
        self,
        job: Job,
        stop: Stop,
        *,
        first: int = 0,
        last: int | None = None,
        chunk_bytes: Callable[[], int] = lambda: MAX_CHUNK_BYTES,
    ) -> Generator[Buffer]:
        """Return bytes first … last of the file, drawing only what they cover, so much at a time;
        `assemble` says how.

        Raises:
            DeviceUnavailable, ArraysGone: before the first chunk.
            Stopped: `stop` was set.
        """
        last = job.size_bytes if last is None else last
        with self._sampler(job, stop) as sampler, self._tensor_cache.checkout(job.digest) as kept:
            facts = _JobValues(self, job, sampler, self._known(job))
            yield from assemble(
                job.segments,
                replace(sampler, kept=kept, chunk_bytes=chunk_bytes),
                facts,
                first=first,
                last=last,
                values_are_expensive=facts.checked is None or job.format.name == "bundle",
            )

    def require(self, spec: Spec) -> None:
        """Refuse a recipe whose arrays are gone, without reading them.

        Raises:
            ArraysGone, StoreUnavailable: there is nothing to make it of.
        """
        if arrays := spec.arrays:
            if self._store is None:
                raise ArraysGone(sha256=arrays.sha256)
            self._store.require(arrays.sha256)

    def summary(self, job: Job, stop: Stop) -> Summary:
        """Check and measure, and say all that was learned.  Raises as `check`."""
        with self._sampler(job, stop) as sampler:
            return self.summary_by(job, sampler)

    def summary_by(self, job: Job, sampler: Sampler) -> Summary:
        """Say all that was learned, what is not known yet by an artist at work."""
        measured = self._results.get_or_compute(
            _check_key(job, _device(job), measure=True),
            Checked,
            lambda: self._check(job, sampler, measure=True),
            sampler.stop,
        )
        found = self._results.get_or_compute(
            ("digests", job.digest), dict, lambda: digests(job.plan, sampler), sampler.stop
        )
        return summarize(job.plan, measured, found)

    def sha256(self, job: Job, stop: Stop) -> str:
        """Return the sha256 of the whole file, by a pass over it unless it is known."""
        return self._results.get_or_compute(
            self._file_key(job), str, lambda: self._sha256(job, stop), stop
        )

    def known_sha256(self, job: Job) -> str | None:
        """Return the sha256 of the whole file if it is known."""
        return self._results.get(self._file_key(job), str)

    def crc32(self, job: Job, tensor: TensorPlan, stop: Stop) -> int:
        """Return the CRC-32 of a tensor's bytes, by drawing it unless it is known."""
        with self._sampler(job, stop) as sampler:
            return self.crc32_by(job, tensor, sampler)

    def crc32_by(self, job: Job, tensor: TensorPlan, sampler: Sampler) -> int:
        """Return the CRC-32 of a tensor's bytes, drawn by an artist at work unless it is known."""
        key = ("crc32", job.digest, tensor.name)
        return self._results.get_or_compute(key, int, lambda: _crc32(tensor, sampler), sampler.stop)

    @contextmanager
    def _sampler(self, job: Job, stop: Stop) -> Iterator[Sampler]:
        """Return who draws an order, its arrays open, so that they may be dropped meanwhile."""
        sampler = Sampler(job.spec.seed, self._workers, stop, devices.backend_for(_device(job)))
        with opened(job.plan, self._store) as given:
            yield replace(sampler, given=given)

    def _known(self, job: Job) -> Checked | None:
        """Return what a check has learned before."""
        device = _device(job)
        keys = (_check_key(job, device, measured) for measured in (True, False))
        return next((found for key in keys if (found := self._results.get(key, Checked))), None)

    def _check(
        self, job: Job, sampler: Sampler, *, measure: bool, keep: Keep = keep_none
    ) -> Checked:
        size, device = job.serving.check, _device(job)
        return check.check(job.plan, sampler, size, device, measure=measure, keep=keep)

    def _sha256(self, job: Job, stop: Stop) -> str:
        digest = sha256()
        for chunk in self.stream(job, stop):
            digest.update(chunk)
        return digest.hexdigest()

    @staticmethod
    def _file_key(job: Job) -> tuple[str, bytes, str]:
        return "file", job.digest, job.format.name


_choose = lru_cache(64)(devices.choose)


def _check_key(job: Job, device: torch.device, measure: bool) -> Hashable:
    return "check", job.digest, job.serving.check, device, measure


def _device(job: Job) -> torch.device:
    return _choose(job.serving.device, job.spec.dtype)


def _crc32(tensor: TensorPlan, sampler: Sampler) -> int:
    crc = 0
    for chunk in sampler.chunks(tensor, 0, tensor.elements):
        crc = zlib.crc32(chunk.data, crc)
    return crc


@dataclass(frozen=True, slots=True)
class _JobValues:
    """What a file's late segments ask for, found out when they do."""

    factory: Factory
    job: Job
    sampler: Sampler
    checked: Checked | None
    _summaries: list[bytes] = field(default_factory=list)

    def crc32(self, tensor: TensorPlan) -> int:
        if self.checked is not None:
            return self.checked.crc32[tensor.name]
        return self.factory.crc32_by(self.job, tensor, self.sampler)

    def summary(self) -> bytes:
        if not self._summaries:  # it is asked for again, for its CRC
            weights = self.factory.summary_by(self.job, self.sampler).weights
            self._summaries.append(portable_json(weights, self.job.plan))
        return self._summaries[0]
