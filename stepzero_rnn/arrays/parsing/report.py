"""What a child process reports, which is trusted no more than the file that it parsed."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stepzero_rnn.arrays.records import ArrayFault, FormatError, LimitExceeded, require

_MAX_BYTES = 16 << 20


class Report(BaseModel):
    """The result of a child process: why it refused the file, the space it needs, or the arrays
    that cannot be used; the others are then written.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    refused: str | None = Field(default=None, max_length=1000)
    name: str | None = None
    exceeded: tuple[str, int, int] | None = None
    needs_bytes: int = Field(default=0, ge=0)
    faults: list[ArrayFault] = Field(default_factory=list)

    def refuse(self) -> None:
        """Raise if the file was not read.

        Raises:
            FormatError, LimitExceeded: why.
        """
        if self.refused is not None:
            raise FormatError(self.refused, name=self.name)
        if self.exceeded is not None:
            raise LimitExceeded(*self.exceeded)
        if self.needs_bytes:
            raise FormatError("it does not say twice how large its arrays are")


def read_report(path: Path) -> Report:
    """Read a report.

    Raises:
        FormatError: it is not one.
        LimitExceeded: it is too long.
    """
    try:
        size_bytes = path.stat().st_size
        require("bytes in what was found", size_bytes, _MAX_BYTES)
        return Report.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise FormatError("the process that parsed it left no report") from error
