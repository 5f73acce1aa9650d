"""What a file format is: one record, with the layout as its function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stepzero_rnn.dtypes import DTYPES, DTypeName
from stepzero_rnn.errors import DtypeNotInFormat, TooLarge
from stepzero_rnn.formats.segments import Segment, size_of
from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.checkpoint import FormatName

# A zip's fields and a file system's offsets end at 2⁶⁴ or 2⁶³; this leaves room for any frame.
MAX_TENSOR_BYTES = 1 << 62


@dataclass(frozen=True, slots=True)
class Format:
    """One file format.

    `layout` gives the segments of a plan; `lacks` the dtypes it cannot hold, each with the reason;
    `revision` counts the changes of a layout, since one entity tag must not name two contents.
    """

    name: FormatName
    media_type: str
    suffix: str
    layout: Callable[[Plan], tuple[Segment, ...]]
    lacks: Mapping[DTypeName, str] = field(default_factory=dict)
    revision: int = 1

    @property
    def dtypes(self) -> tuple[DTypeName, ...]:
        """Which dtypes it can hold."""
        return tuple(dtype for dtype in DTYPES if dtype not in self.lacks)

    def require(self, plan: Plan) -> None:
        """Refuse a plan that this format cannot hold.

        Raises:
            DtypeNotInFormat: the format has no such dtype.
            TooLarge: no file can be so long.
        """
        self.require_dtype(plan.spec.dtype)
        if plan.size_bytes > MAX_TENSOR_BYTES:
            raise TooLarge(what="file", planned_bytes=plan.size_bytes, limit_bytes=MAX_TENSOR_BYTES)

    def require_dtype(self, dtype: DTypeName) -> None:
        """Refuse what this format cannot hold.  Raises DtypeNotInFormat."""
        if dtype in self.lacks:
            raise DtypeNotInFormat(
                dtype=dtype, format=self.name, reason=self.lacks[dtype], allowed=self.dtypes
            )

    def segments(self, plan: Plan) -> tuple[Segment, ...]:
        """Lay out a plan.  Raises as `require`."""
        self.require(plan)
        return self.layout(plan)

    def size(self, plan: Plan) -> int:
        """Return the exact length of a plan's file in bytes.  Raises as `require`."""
        return size_of(self.segments(plan))
