"""The devices that this machine has, and which of them a request gets."""

from __future__ import annotations

from functools import partial

import torch

from app.engine.draw import HERE, PIECE, Brush
from app.engine.torch_draw import fill_on
from app.errors import DeviceUnavailable


def available() -> list[str]:
    """List the devices of this machine, the preferred one first."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def choose(asked: str, dtype: str) -> torch.device:
    """Give the device asked for; `auto` is the first that runs the dtype.

    Raises:
        DeviceUnavailable: this machine has none of that name, or it cannot run the dtype.
    """
    able = [name for name in available() if not (name == "mps" and dtype == "float64")]
    name = {"auto": able[0], "cuda": "cuda:0"}.get(asked, asked)
    if name not in able:
        raise DeviceUnavailable(given=asked, dtype=dtype, allowed=["auto", *able])
    return torch.device(name)


def brush_for(device: torch.device) -> Brush:
    """Give what draws for a device.  MPS has no float64, so its draws are the CPU's."""
    if device.type == "cuda":  # where a launch costs more than a tile
        return Brush(str(device), partial(fill_on, device), PIECE)
    return HERE


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
