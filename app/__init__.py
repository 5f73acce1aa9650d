"""Step Zero: recurrent networks as they stand at training step zero.

What the service does, for somebody who wants no server:

    import app
    model = app.build({"rnn_type": "gru", "input_size": 10, "hidden_size": 20, "init": "orthogonal"})

`spec`, `plan` and `client` start without torch; it is loaded by the first call that draws.
"""

from __future__ import annotations

import os
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.plan import Plan
from app.plan import plan as _plan
from app.spec.checkpoint import CheckSize, FormatName, Serving, Spec
from app.spec.parse import parse
from app.summary import Summary

if TYPE_CHECKING:
    from torch import Tensor, nn

    from app.service.assemble import Buffer
    from app.service.order import Order

__version__ = "0.1.0"
__all__ = ["Spec", "build", "check", "plan", "save", "state_dict", "stream"]

AnySpec = Spec | Mapping[str, Any]


def plan(spec: AnySpec) -> Plan:
    """Lay out a recipe: every tensor with its shape, gates and bytes.  Draws nothing.

    Raises:
        InvalidSpec: the spec is not valid; every wrong field is named.
    """
    return _plan(_spec(spec))


def state_dict(spec: AnySpec) -> OrderedDict[str, Tensor]:
    """Draw a network's parameters, on the CPU.  `torch.save` of them writes the service's `.pt` file."""
    from app.engine.draw import Artist
    from app.engine.tensors import state_dict as draw
    from app.engine.workers import Workers

    planned = plan(spec)
    with Workers() as workers:
        return draw(planned, Artist(planned.spec.seed, workers))


def build(spec: AnySpec) -> nn.RNNBase:
    """Build the torch module of a spec, its parameters drawn, on the CPU."""
    from app.engine.tensors import empty_module

    recipe = _spec(spec)
    module = empty_module(recipe)
    module.load_state_dict(state_dict(recipe), strict=True, assign=True)
    return module


def check(spec: AnySpec, *, device: str = "auto", check: CheckSize | None = None) -> Summary:
    """Draw, measure and run a network, and say all that was learned; one layer is in memory at a time.

    Raises:
        InvalidSpec: the spec is not valid.
        DeviceUnavailable: this machine has no such device.
        NonfiniteOutput, DeadOutput: the forward pass fails, and the spec does not accept that.
    """
    from app.engine.workers import Stop, Workers
    from app.service.produce import Factory

    ordered = _order(spec, "pt", device, check)
    with Workers() as workers:
        return Factory(workers).summary(ordered, Stop())


def stream(
    spec: AnySpec,
    *,
    format: FormatName = "pt",
    device: str = "auto",
    check: CheckSize | None = None,
) -> Iterator[Buffer]:
    """Give a network's file in chunks, drawn as they are asked for; the first comes after the check.

    Raises:
        DtypeNotInFormat: the format cannot hold the dtype.
        InvalidSpec, DeviceUnavailable, NonfiniteOutput, DeadOutput: as `check`.
    """
    return _stream(_order(spec, format, device, check))


def _stream(ordered: Order) -> Iterator[Buffer]:
    from app.engine.workers import Stop, Workers
    from app.service.produce import Factory

    with Workers() as workers:
        factory = Factory(workers)
        factory.check(ordered, Stop())
        yield from factory.stream(ordered, Stop())


def save(
    spec: AnySpec,
    path: str | os.PathLike[str],
    *,
    format: FormatName = "pt",
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a network's file; under its name stands a whole file or none.

    Args:
        progress: called with the bytes written so far and the bytes of the whole file.

    Raises:
        As `stream`.
    """
    target = Path(path)
    total = _order(spec, format, device, None).size_bytes
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            for chunk in stream(spec, format=format, device=device):
                file.write(chunk)
                if progress:
                    progress(file.tell(), total)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _spec(spec: AnySpec) -> Spec:
    return spec if isinstance(spec, Spec) else parse(Spec, spec)


def _order(spec: AnySpec, format: FormatName, device: str, check: CheckSize | None) -> Order:
    from app.service.limits import Limits
    from app.service.order import order

    serving = parse(Serving, {"device": device, "check": check or CheckSize()})
    return order(_spec(spec), format, serving, Limits.none())
