"""What measuring several starts takes, before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence

from stepzero_rnn.comparison.requests import StartsRequest
from stepzero_rnn.comparison.starts import NamedStart
from stepzero_rnn.diagnostics.cost import DiagnosticsCost, cost
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.plan import GoOn, always, plan
from stepzero_rnn.spec.checkpoint import CheckSize
from stepzero_rnn.spec.recipe import encode_recipe

FEWER = "Reduce `seq_len`, `seeds` or the number of starts, or use a lower `level`."


def cost_of_starts(
    request: StartsRequest, starts: Sequence[NamedStart], limits: Limits, go_on: GoOn = always
) -> DiagnosticsCost:
    """Return the memory of the most expensive start, and the multiply-adds of all with every seed.

    Raises:
        RecipeTooLong: a recipe does not fit into a URL.
        TooLarge, TooMuchWork: they exceed a limit.
    """
    working_bytes = multiply_adds = 0
    for start in starts:
        encode_recipe(start.spec)
        planned = plan(start.spec, go_on)
        limits.admit(planned, planned.forward_size(CheckSize()))
        each = cost(planned, request.options)
        working_bytes = max(working_bytes, each.working_bytes)
        multiply_adds += each.multiply_adds * len(request.seeds)
    total = DiagnosticsCost(working_bytes, multiply_adds)
    limits.admit_diagnostics(total, FEWER)
    return total
