"""One job at work: what its check, its file and its summary need to know, found out once."""

from __future__ import annotations

import zlib
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

import torch

from stepzero_rnn.engine.check.check import Checked, Keep, check, keep_none
from stepzero_rnn.engine.check.digests import digests
from stepzero_rnn.engine.draw import Sampler, Stored
from stepzero_rnn.formats.segments import Data, TensorData
from stepzero_rnn.pipeline.elements import ChunkSource, chunks_of
from stepzero_rnn.pipeline.job import Job
from stepzero_rnn.pipeline.report import summarize
from stepzero_rnn.pipeline.result_cache import ResultCache, measured_bytes
from stepzero_rnn.pipeline.tensor_cache import TensorCache
from stepzero_rnn.plan import TensorPlan
from stepzero_rnn.summary import Summary, portable_json


@dataclass(eq=False)
class Run:
    """A job and its sampler, for as long as the arrays that the recipe names are open.

    What it finds out it leaves in the caches.  To the late segments of the file it is their
    `stepzero_rnn.formats.segments.DeferredValues`.
    """

    job: Job
    device: torch.device
    sampler: Sampler
    results: ResultCache
    tensors: TensorCache

    @cached_property
    def known(self) -> Checked | None:
        """What a check had learned when this was first asked."""
        return known_check(self.job, self.device, self.results)

    def checked(self) -> Checked:
        """Check the network, and keep expensive tensors for the stream that follows.

        A large network is measured in the same pass, if the cache has room for the figures.
        """
        job = self.job
        measured = measured_bytes(job.plan, job.forward_size)
        measure = not job.is_quick and self.results.keeps(measured)
        try:
            return self._pass(measure=measure, keep=self._keep)
        except BaseException:
            self.tensors.discard(job.digest)
            raise

    def report(self) -> Summary:
        """Check and measure the network, and return all that was learned."""
        job = self.job
        measured = self._pass(measure=True)
        found = self.results.get_or_compute(
            ("digests", job.digest),
            dict,
            lambda: digests(job.plan, self.sampler),
            self.sampler.stop,
        )
        return summarize(job.plan, measured, found)

    def crc32(self, data: Data) -> int:
        """Return the CRC-32 of a segment's bytes, which are drawn for it unless it is known."""
        if self.known is not None and isinstance(data, TensorData) and data.is_whole:
            return self.known.crc32[data.tensor.name]
        key = ("crc32", self.job.digest, data)
        return self.results.get_or_compute(
            key, int, lambda: self._drawn_crc32(data), self.sampler.stop
        )

    def summary(self) -> bytes:
        """Return the weights' part of the report, as the file holds it."""
        return self._summary

    @cached_property
    def _summary(self) -> bytes:
        return portable_json(self.report().weights, self.job.plan)

    def _pass(self, *, measure: bool, keep: Keep = keep_none) -> Checked:
        job, sampler = self.job, self.sampler
        return self.results.get_or_compute(
            _check_key(job, self.device, measure),
            Checked,
            lambda: check(
                job.plan, sampler, job.forward_size, self.device, measure=measure, keep=keep
            ),
            sampler.stop,
        )

    def _keep(self, tensor: TensorPlan, stored: Stored) -> bool:
        worth = self.job.is_quick or tensor.is_expensive
        return worth and self.tensors.put(self.job.digest, tensor.name, stored)

    def _drawn_crc32(self, data: Data) -> int:
        crc = 0
        elements = data.size // data.tensor.dtype.item_bytes
        for chunk in chunks_of(data, ChunkSource(self.sampler), 0, elements):
            crc = zlib.crc32(chunk.data, crc)
        return crc


def known_check(job: Job, device: torch.device, results: ResultCache) -> Checked | None:
    """Return what a check of the job has learned before, preferably with its figures."""
    for measure in (True, False):
        if found := results.get(_check_key(job, device, measure), Checked):
            return found
    return None


def _check_key(job: Job, device: torch.device, measure: bool) -> Hashable:
    return "check", job.digest, job.forward_size, device, measure
