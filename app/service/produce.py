"""The pipeline as one object: an order is checked, then streamed.  Read this first.

spec → plan (`order.py`) → draw, check (`Factory.check`) → lay out, stream (`Factory.stream`).  Nothing here knows HTTP, and
nothing is stored but small facts: a stream draws again what the check drew.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import torch

from app.engine import check, devices
from app.engine.check import Checked
from app.engine.digests import TensorDigests, digests
from app.engine.draw import Artist
from app.engine.workers import Stop, Workers
from app.plan import TensorPlan
from app.service.assemble import Buffer, assemble
from app.service.facts import FactStore
from app.service.order import Order
from app.service.report import summarize
from app.summary import Summary, portable_json


class Factory:
    """Makes what is ordered, on one pool of workers, and remembers what it learned on the way."""

    def __init__(self, workers: Workers, *, remembered: int = 256) -> None:
        self._workers = workers
        self._facts = FactStore(remembered)

    def check(self, order: Order, stop: Stop) -> Checked:
        """Draw, measure and run the network, one layer in memory at a time.

        Raises:
            DeviceUnavailable, NonfiniteOutput, DeadOutput: nothing may be served.
            Stopped: `stop` was set.
        """
        device = _device(order)
        key = ("check", order.digest, order.serving.check, device)
        return self._facts.learn(key, Checked, lambda: self._check(order, device, stop), stop)

    def stream(
        self, order: Order, stop: Stop, *, first: int = 0, last: int | None = None
    ) -> Iterator[Buffer]:
        """Give bytes first … last of the file, drawing only what they cover.

        Raises:
            DeviceUnavailable: before the first chunk.
            Stopped: `stop` was set.
        """
        artist = self._artist(order, _device(order), stop)
        last = order.size_bytes if last is None else last
        facts = _Facts(self, order, stop)
        return assemble(order.segments, artist, facts, first=first, last=last)

    def summary(self, order: Order, stop: Stop) -> Summary:
        """Check, and say all that was learned.  Raises as `check`."""
        return summarize(order.plan, self.check(order, stop), self._digests(order, stop))

    def sha256(self, order: Order, stop: Stop) -> str:
        """Give the sha256 of the whole file, by a pass over it unless it is known."""
        return self._facts.learn(
            self._file_key(order), str, lambda: self._sha256(order, stop), stop
        )

    def known_sha256(self, order: Order) -> str | None:
        """Give the sha256 of the whole file if it is known."""
        return self._facts.peek(self._file_key(order), str)

    def crc32(self, order: Order, tensor: TensorPlan, stop: Stop) -> int:
        """Give the CRC-32 of a tensor's bytes, by drawing it unless it is known."""
        device = _device(order)
        checked = self._facts.peek(("check", order.digest, order.serving.check, device), Checked)
        if checked is not None:
            return checked.crc32[tensor.name]
        key = ("crc32", order.digest, tensor.name)
        return self._facts.learn(key, int, lambda: self._crc32(order, tensor, stop), stop)

    def _artist(self, order: Order, device: torch.device, stop: Stop) -> Artist:
        brush, _ = devices.brush_for(device)
        return Artist(order.spec.seed, self._workers, stop, brush)

    def _check(self, order: Order, device: torch.device, stop: Stop) -> Checked:
        _, drawn_on = devices.brush_for(device)
        artist = self._artist(order, device, stop)
        return check.check(order.plan, artist, order.serving.check, device, drawn_on=drawn_on)

    def _digests(self, order: Order, stop: Stop) -> dict[str, TensorDigests]:
        artist = self._artist(order, _device(order), stop)
        key = ("digests", order.digest)
        return self._facts.learn(key, dict, lambda: digests(order.plan, artist), stop)

    def _sha256(self, order: Order, stop: Stop) -> str:
        digest = sha256()
        for chunk in self.stream(order, stop):
            digest.update(chunk)
        return digest.hexdigest()

    def _crc32(self, order: Order, tensor: TensorPlan, stop: Stop) -> int:
        artist = self._artist(order, _device(order), stop)
        crc = 0
        for chunk in artist.chunks(tensor, 0, tensor.elements):
            crc = zlib.crc32(chunk.data, crc)
        return crc

    @staticmethod
    def _file_key(order: Order) -> tuple[str, bytes, str]:
        return "file", order.digest, order.format.name


def _device(order: Order) -> torch.device:
    return devices.choose(order.serving.device, order.spec.dtype)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a file's late segments ask for, found out when they do."""

    factory: Factory
    order: Order
    stop: Stop

    def crc32(self, tensor: TensorPlan) -> int:
        return self.factory.crc32(self.order, tensor, self.stop)

    def summary(self) -> bytes:
        weights = self.factory.summary(self.order, self.stop).weights
        return portable_json(weights, self.order.plan)
