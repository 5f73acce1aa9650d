"""What one request may ask for at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from app.errors import TooLarge

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of one checkpoint file, and of the memory to make it."""

    checkpoint_bytes: int = 64 * GIB
    working_bytes: int = 8 * GIB

    @classmethod
    def none(cls) -> Self:
        """Give limits that nothing exceeds."""
        return cls(checkpoint_bytes=1 << 200, working_bytes=1 << 200)

    def admit(self, *, checkpoint_bytes: int, working_bytes: int) -> None:
        """Refuse what exceeds a limit.

        Raises:
            TooLarge: with what was planned and what is allowed.
        """
        if checkpoint_bytes > self.checkpoint_bytes:
            raise TooLarge(
                what="checkpoint",
                planned_bytes=checkpoint_bytes,
                limit_bytes=self.checkpoint_bytes,
            )
        if working_bytes > self.working_bytes:
            raise TooLarge(
                what="memory to make one layer of the checkpoint",
                planned_bytes=working_bytes,
                limit_bytes=self.working_bytes,
            )
