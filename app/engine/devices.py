"""The devices that this machine has, and which of them a request gets."""

from __future__ import annotations

from functools import partial

import torch

from app.engine.draw import Fill, fill_here
from app.engine.torch_draw import fill_on
from app.errors import DeviceUnavailable


def available() -> list[str]:
    """List the devices of this machine, the preferred one first."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def choose(asked: str) -> torch.device:
    """Give the device asked for; `auto` is the first there is.

    Raises:
        DeviceUnavailable: this machine has none of that name.
    """
    there = available()
    name = {"auto": there[0], "cuda": "cuda:0"}.get(asked, asked)
    if name not in there:
        raise DeviceUnavailable(given=asked, allowed=["auto", *there])
    return torch.device(name)


def fill_for(device: torch.device) -> tuple[Fill, str]:
    """Give what draws for a device, and where it does: MPS has no float64, so its draws are the CPU's."""
    if device.type == "cuda":
        return partial(fill_on, device), str(device)
    return fill_here, "cpu"


def describe(name: str) -> dict[str, str | int]:
    """Say what a device is, for people and programs."""
    if not name.startswith("cuda"):
        return {"name": name, "kind": name}
    properties = torch.cuda.get_device_properties(name)
    return {
        "name": name,
        "kind": "cuda",
        "model": properties.name,
        "memory_bytes": properties.total_memory,
    }
