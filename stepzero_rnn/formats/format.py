"""The record of a file format, with its layout function."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from threading import Lock

from cachetools import LRUCache, cached

from stepzero_rnn.dtypes import DTYPES, DTypeName
from stepzero_rnn.errors import DtypeNotInFormat, NetworkNotInFormat, TooLarge
from stepzero_rnn.formats.origin import origin_json
from stepzero_rnn.formats.segments import Segment, size_of
from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.checkpoint import FormatName, Spec

# The formats that have PyTorch's parameters, and so can hold every network.
PYTORCH: tuple[FormatName, ...] = ("pt", "safetensors", "npz", "bundle")
# Zip fields and file offsets end at 2⁶⁴ or 2⁶³; this leaves space for any frame.
MAX_TENSOR_BYTES = 1 << 62


def _nothing(_: Spec) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Format:
    """A file format.

    `layout` returns the segments of a plan; `lacks` maps unsupported dtypes to the reason;
    `cannot` returns why a network cannot be expressed, or nothing; `warning` what the usual runtime
    cannot do with a checkpoint, or nothing.  With `takes_a_pass`, the values known late take a pass
    over the weights even after a check; with `is_sized_by_shape`, the size depends on nothing but
    the network, its dtype, and the length of the recipe.  `revision` counts the changes of a
    layout, since one entity tag must not name two contents.
    """

    name: FormatName
    media_type: str
    suffix: str
    layout: Callable[[Plan], tuple[Segment, ...]]
    lacks: Mapping[DTypeName, str] = field(default_factory=dict)
    cannot: Callable[[Spec], str] = _nothing
    warning: Callable[[Spec], str] = _nothing
    takes_a_pass: bool = False
    is_sized_by_shape: bool = False
    revision: int = 1

    @property
    def dtypes(self) -> tuple[DTypeName, ...]:
        """The supported dtypes."""
        return tuple(dtype for dtype in DTYPES if dtype not in self.lacks)

    def require(self, plan: Plan) -> None:
        """Check that this format can hold a plan.

        Raises:
            DtypeNotInFormat, NetworkNotInFormat: the format does not support the dtype or network.
            TooLarge: the file would exceed the maximum length.
        """
        self.require_spec(plan.spec)
        if plan.size_bytes > MAX_TENSOR_BYTES:
            raise TooLarge(what="file", planned_bytes=plan.size_bytes, limit_bytes=MAX_TENSOR_BYTES)

    def require_spec(self, spec: Spec) -> None:
        """Check that this format supports a dtype and network.

        Raises:
            DtypeNotInFormat, NetworkNotInFormat: it does not.
        """
        if spec.dtype in self.lacks:
            raise DtypeNotInFormat(
                dtype=spec.dtype,
                format=self.name,
                reason=self.lacks[spec.dtype],
                allowed=self.dtypes,
            )
        if reason := self.cannot(spec):
            raise NetworkNotInFormat(format=self.name, reason=reason, allowed=PYTORCH)

    def segments(self, plan: Plan) -> tuple[Segment, ...]:
        """Return the segments of a plan's file.  Raises like `require`."""
        self.require(plan)
        return self.layout(plan)

    def size(self, plan: Plan) -> int:
        """Return the exact length of a plan's file in bytes.  Raises like `require`."""
        self.require(plan)
        return _known_size(self, plan) if self.is_sized_by_shape else size_of(self.layout(plan))


def _shape(format: Format, plan: Plan) -> Hashable:
    spec = plan.spec
    return format.name, spec.network, spec.dtype, spec.batch_first, len(origin_json(spec))


# Planning a request asks for the size of its file in every format, and laying one out takes longer
# than all else.
@cached(LRUCache(4096), key=_shape, lock=Lock())
def _known_size(format: Format, plan: Plan) -> int:
    return size_of(format.layout(plan))
