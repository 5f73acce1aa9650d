"""The devices of this machine, and the selection of one for a request."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from importlib.util import find_spec
from typing import NamedTuple

import torch

from stepzero_rnn.dtypes import DType
from stepzero_rnn.engine.devices.selftest import EXPECTED_DIGEST, digest
from stepzero_rnn.engine.devices.torch_backend import fill_on
from stepzero_rnn.engine.draw import CPU, ChunkedBackend, DrawBackend, Stored
from stepzero_rnn.engine.elements.distributions import ElementLaw
from stepzero_rnn.engine.words.philox import Key
from stepzero_rnn.errors import DeviceFailed, DeviceUnavailable
from stepzero_rnn.thresholds import MAX_TASK_ELEMENTS

_log = logging.getLogger(__name__)


def available() -> list[str]:
    """List the devices of this machine, the preferred one first."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def choose(asked: str, dtype: str) -> torch.device:
    """Return the requested device; `auto` is the first that supports the dtype.

    Raises:
        DeviceUnavailable: there is no such device, or it does not support the dtype.
    """
    able = [name for name in available() if not (name == "mps" and dtype == "float64")]
    name = {"auto": able[0], "cuda": "cuda:0"}.get(asked, asked)
    if name not in able:
        raise DeviceUnavailable(given=asked, dtype=dtype, allowed=["auto", *able])
    return torch.device(name)


def free_bytes() -> dict[str, int]:
    """Return the free memory of each device that has its own and reports it."""
    free = {}
    for index in range(torch.cuda.device_count()):
        with suppress(RuntimeError, AssertionError):
            free[f"cuda:{index}"] = torch.cuda.mem_get_info(index)[0]
    return free


def backend_for(device: torch.device) -> DrawBackend:
    """Return the backend that draws for a device.  MPS has no float64, so the CPU draws for it.

    Raises:
        DeviceFailed: the device does not work, or draws wrong values.
    """
    return _verified_backend(device) if device.type == "cuda" else CPU


@contextmanager
def device_errors(device: torch.device) -> Iterator[None]:
    """Convert the errors of a device other than the CPU.

    Raises:
        DeviceFailed: torch, Triton or the driver failed.
    """
    try:
        yield
    except (RuntimeError, AssertionError) as error:  # the latter if torch is built for CPUs only
        if device.type == "cpu":
            raise
        _log.exception("%s failed", device)
        full = isinstance(error, torch.OutOfMemoryError)
        reason = "it is out of memory" if full else "an operation failed"
        raise DeviceFailed(device=str(device), reason=reason) from error


@cache
def _verified_backend(device: torch.device) -> DrawBackend:
    with device_errors(device):
        backend = GuardedBackend(device, _backend(device))
    if digest(backend) != EXPECTED_DIGEST:
        _log.error("%s failed the self-test: it draws wrong values", device)
        raise DeviceFailed(device=str(device), reason="it draws wrong values")
    return backend


def _backend(device: torch.device) -> DrawBackend:
    if find_spec("triton"):
        # Machines without CUDA do not have triton.
        from stepzero_rnn.engine.devices.triton_backend import TritonBackend

        return TritonBackend(device)
    # A launch costs more than a tile, so whole pieces are drawn.
    return ChunkedBackend(f"{device} (elementwise)", partial(fill_on, device), MAX_TASK_ELEMENTS)


class GuardedBackend(NamedTuple):
    """A backend whose device errors are converted."""

    on: torch.device
    backend: DrawBackend

    @property
    def device(self) -> str:
        return self.backend.device

    def fill(self, law: ElementLaw, out: Stored, first: int, key: Key, dtype: DType) -> None:
        with device_errors(self.on):
            self.backend.fill(law, out, first, key, dtype)


def describe(name: str) -> dict[str, str | int]:
    """Return the properties of a device.

    Raises:
        DeviceFailed: the device does not report them.
    """
    if not name.startswith("cuda"):
        return {"name": name, "kind": name}
    with device_errors(torch.device(name)):
        properties = torch.cuda.get_device_properties(name)
    return {
        "name": name,
        "kind": "cuda",
        "model": properties.name,
        "memory_bytes": properties.total_memory,
    }
