"""Limits on what one request can ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from stepzero_rnn.diagnostics.cost import DiagnosticsCost
from stepzero_rnn.errors import TooLarge, TooMuchWork
from stepzero_rnn.plan import ForwardSize, Plan

GIB = 1 << 30
FEWER_FIGURES = "Reduce `seq_len`, use a lower `level`, or ask for fewer `figures`."


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

    def admit(self, plan: Plan, check: ForwardSize) -> None:
        """Reject a plan that exceeds a limit.

        Raises:
            TooLarge, TooMuchWork: with the planned value and the limit.
        """
        if plan.size_bytes > self.checkpoint_bytes:
            raise TooLarge(
                what="checkpoint",
                planned_bytes=plan.size_bytes,
                limit_bytes=self.checkpoint_bytes,
            )
        self._admit_bytes("memory to make one layer of the checkpoint", plan.working_bytes(check))
        instead = (
            "Reduce `check.seq_len` or `check.batch`, or use a scheme that draws each element "
            "independently."
        )
        self._admit_work("check", plan.multiply_adds(check), instead)

    def admit_diagnostics(self, planned: DiagnosticsCost, instead: str = FEWER_FIGURES) -> None:
        """Reject diagnostics that exceed a limit.

        Args:
            instead: a sentence that says what to reduce.

        Raises:
            TooLarge, TooMuchWork: with the planned value and the limit.
        """
        self._admit_bytes("memory of the diagnostics", planned.working_bytes, instead)
        self._admit_work("diagnostics", planned.multiply_adds, instead)

    def _admit_bytes(self, what: str, planned_bytes: int, instead: str = "") -> None:
        if planned_bytes > self.working_bytes:
            raise TooLarge(
                what=what,
                planned_bytes=planned_bytes,
                limit_bytes=self.working_bytes,
                instead=instead,
            )

    def _admit_work(self, what: str, planned: int, instead: str) -> None:
        if planned > self.multiply_adds:
            raise TooMuchWork(
                what=what,
                planned_multiply_adds=planned,
                limit_multiply_adds=self.multiply_adds,
                instead=instead,
            )
