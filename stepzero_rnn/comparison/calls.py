"""The library's calls that measure several starts; the first of them imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

from stepzero_rnn.comparison.requests import (
    AnyInit,
    AnyStarts,
    ComparisonRequest,
    RecommendationRequest,
    StartsArguments,
    comparison_fields,
    recommendation_fields,
)
from stepzero_rnn.comparison.results import Comparison, Recommendation
from stepzero_rnn.comparison.starts import candidates_of, starts_of
from stepzero_rnn.spec.network_spec import NetworkSpec
from stepzero_rnn.spec.parse import parse


def compare(
    network: NetworkSpec | Mapping[str, Any],
    starts: AnyStarts,
    *,
    progress: Callable[[int, int, str], None] | None = None,
    **options: Unpack[StartsArguments],
) -> Comparison:
    """Measure several starts of one network side by side.

    Args:
        network: a spec without `init` and `seed`.
        starts: 2 to 32, by label: `{"orthogonal": "orthogonal", "long memory": {…}}`, or a list of
            objects with `label` and `init`.
        progress: called before each start with the number of starts done, of all, and its label.
        seeds: every start is measured with each of them, by default 0, 1 and 2.
        seq_len: time steps, 100 by default.
        dependency_length: how many steps back the task's dependencies reach; by default `seq_len`.
        level: `quick`, `standard` or `full`.
        device: where to draw and run: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.

    Raises:
        InvalidSpec: a field is not valid, or a start does not fit the network.
        DeviceUnavailable: this machine has no such device.
        MissingExtra: torch or numba is not installed.
    """
    from stepzero_rnn import drawing
    from stepzero_rnn.comparison import measuring

    request = parse(ComparisonRequest, comparison_fields(network, starts, options))
    each = starts_of(request)
    with drawing.run(start.spec for start in each) as (factory, stop):
        return measuring.compare(factory, request, each, stop, progress or measuring.no_progress)


def recommend(
    network: NetworkSpec | Mapping[str, Any],
    *,
    init: AnyInit | None = None,
    include: AnyStarts = (),
    exclude: Sequence[str] = (),
    max_seconds: float | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    **options: Unpack[StartsArguments],
) -> Recommendation:
    """Rank the starts that are defined for a network, and say which three to try first.

    Args:
        init: your own start, which is ranked under the label `init`.
        include: further starts to rank, like the `starts` of `compare`.
        exclude: labels of candidates that are not ranked.
        max_seconds: after this time, no further candidate is measured.

    Other arguments, and errors, are those of `compare`.
    """
    from stepzero_rnn import drawing
    from stepzero_rnn.comparison import measuring

    fields = recommendation_fields(network, init, include, exclude, max_seconds)
    request = parse(RecommendationRequest, fields | options)
    each = candidates_of(request)
    with drawing.run(start.spec for start in each) as (factory, stop):
        return measuring.recommend(factory, request, each, stop, progress or measuring.no_progress)
