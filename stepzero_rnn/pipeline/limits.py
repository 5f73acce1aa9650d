"""What one request may ask for at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from stepzero_rnn.errors import TooLarge, TooMuchWork
from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.checkpoint import CheckSize

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of one checkpoint file, and of the memory to make it; multiplications to draw and check
    it.
    """

    checkpoint_bytes: int = 64 * GIB
    working_bytes: int = 8 * GIB
    multiply_adds: int = 10**14

    @classmethod
    def none(cls) -> Self:
        """Return limits that nothing exceeds."""
        return cls(1 << 200, 1 << 200, 1 << 200)

    def admit(self, plan: Plan, check: CheckSize) -> None:
        """Refuse what exceeds a limit.

        Raises:
            TooLarge, TooMuchWork: with what was planned and what is allowed.
        """
        working_bytes, multiply_adds = plan.working_bytes(check), plan.multiply_adds(check)
        if plan.size_bytes > self.checkpoint_bytes:
            raise TooLarge(
                what="checkpoint",
                planned_bytes=plan.size_bytes,
                limit_bytes=self.checkpoint_bytes,
            )
        if working_bytes > self.working_bytes:
            raise TooLarge(
                what="memory to make one layer of the checkpoint",
                planned_bytes=working_bytes,
                limit_bytes=self.working_bytes,
            )
        if multiply_adds > self.multiply_adds:
            raise TooMuchWork(
                planned_multiply_adds=multiply_adds, limit_multiply_adds=self.multiply_adds
            )
