"""Limits on what one request can ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from stepzero_rnn.errors import TooLarge, TooMuchWork
from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.checkpoint import CheckSize

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Maximum size of a checkpoint, memory needed to make it, and work to draw and check it."""

    checkpoint_bytes: int = 64 * GIB
    working_bytes: int = 8 * GIB
    multiply_adds: int = 10**14

    @classmethod
    def none(cls) -> Self:
        """Return limits that no request exceeds."""
        return cls(1 << 200, 1 << 200, 1 << 200)

    def admit(self, plan: Plan, check: CheckSize) -> None:
        """Reject a plan that exceeds a limit.

        Raises:
            TooLarge, TooMuchWork: with the planned value and the limit.
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
