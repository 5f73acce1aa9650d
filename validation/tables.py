"""The judgment as tables in Markdown, which `docs/diagnostics.md` holds between markers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from validation.judge import Judged, correlation, order_of, pairs_right, recommendation, score_of
from validation.summary import WITHOUT, Summary

LEARNING = "at least 4 starts learn"
Table = Callable[[Summary, Sequence[Judged]], str]


def targets(found: Summary, _: Sequence[Judged]) -> str:
    """Return what was to be reached, and what was."""
    learning, every = found["sets"][LEARNING]["predictors"], found["sets"]["all groups"]
    single = max(
        one["correlation"] for name, one in learning.items() if not name.startswith("score")
    )
    pairs, own = every["predictors"]["score"]["pairs_right"], learning["score"]["correlation"]
    three = found["recommendation"]["all groups"]["best_of_three"]
    rows = [
        ("pairs with distinct gains in the right order", "≥ 80 %", _percent(pairs), pairs >= 0.8),
        (f"rank correlation, {LEARNING}", "≥ 0.65", f"{own:.2f}", own >= 0.65),
        ("the same, of the best single figure", "below the score", f"{single:.2f}", single < own),
        ("best of the three recommended", "≥ 80 % of the best", _percent(three), three >= 0.8),
    ]
    for name in ("LSTM, L from 50", "LSTM, L from 50, held out"):
        if name in found["slices"]:
            own = found["slices"][name]["predictors"]["score"]["correlation"]
            rows.append((f"rank correlation, {name}", "≥ 0.6", f"{own:.2f}", own >= 0.6))
    return _table(
        ("measure", "target", "measured", "met"),
        ((*texts, "yes" if is_met else "no") for *texts, is_met in rows),
    )


def figures(found: Summary, _: Sequence[Judged]) -> str:
    """Return the correlation of every figure with the gain, over two sets of groups."""
    every, learning = found["sets"]["all groups"], found["sets"][LEARNING]
    order = sorted(learning["predictors"], key=lambda n: -learning["predictors"][n]["correlation"])
    return _table(
        (
            "figure",
            f"all {every['groups']} groups",
            f"{learning['groups']} groups in which {LEARNING}",
            "pairs in the right order",
        ),
        (
            (
                name,
                _interval(every["predictors"][name]),
                _interval(learning["predictors"][name]),
                _percent(every["predictors"][name]["pairs_right"]),
            )
            for name in order
        ),
    )


def slices(found: Summary, _: Sequence[Judged]) -> str:
    """Return how the score does in parts of the groups."""
    return _table(
        ("groups", "number", "score", "pairs", "without retention", "pairs"),
        (
            (
                name,
                str(one["groups"]),
                *_both(one["predictors"]["score"]),
                *_both(one["predictors"][WITHOUT]),
            )
            for name, one in {**found["sets"], **found["slices"]}.items()
        ),
    )


RECOMMENDED = {
    "first": "the first recommended",
    "best_of_three": "the best of the three recommended",
    "pytorch": "PyTorch's default",
    "random": "a random start",
    "best_of_three_random": "the best of three random starts",
}


def recommendations(found: Summary, _: Sequence[Judged]) -> str:
    """Return the mean share of the best gain, by what is tried."""
    sets = ("all groups", LEARNING, "held out")
    rates = [found["recommendation"][name] for name in sets]
    rows = [(text, *(_percent(one[name]) for one in rates)) for name, text in RECOMMENDED.items()]
    best = (
        "the best start is among the three",
        *(_percent(r["best_is_among_three"]) for r in rates),
    )
    return _table(("tried", *sets), [*rows, best])


def findings(found: Summary, _: Sequence[Judged]) -> str:
    """Return how starts fared that have a finding."""
    return _table(
        ("finding", "starts that have it", "failed among them", "in a best quarter"),
        (
            (
                f"`{name}`",
                str(one["flagged"]),
                _percent(one["failed"] / one["flagged"]) if one["flagged"] else "–",
                f"{one['in_best_quarter']} of {found['in_best_quarter']}",
            )
            for name, one in found["findings"].items()
        ),
    )


def groups(_: Summary, found: Sequence[Judged]) -> str:
    """Return a row for every group."""
    return _table(
        (
            "group", "steps", "starts that learn", "best start", "gain", "PyTorch", "repeats", "rank correlation",
            "pairs right", "first", "best of three",
        ),
        map(_group, found),
    )  # fmt: skip


def _group(one: Judged) -> tuple[str, ...]:
    right, pairs = pairs_right(one, score_of)
    shares = recommendation(one)
    best = max(one.gains, key=lambda start: one.gains[start])
    return (
        one.group.name,
        str(one.group.steps),
        str(one.learning),
        best,
        f"{one.best_gain:.2f}",
        f"{one.gains['pytorch']:.2f}",
        f"{one.repeatability():.2f}",
        f"{correlation(score_of(one), one.gains):.2f}",
        _percent(right / pairs) if pairs else "–",
        f"{order_of(one)[0].label} {_percent(shares['first'])}",
        _percent(shares["best_of_three"]),
    )


TABLES: Mapping[str, Table] = {
    "targets": targets,
    "figures": figures,
    "slices": slices,
    "recommendations": recommendations,
    "findings": findings,
    "groups": groups,
}


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


def _both(one: Mapping[str, Any]) -> tuple[str, str]:
    return _interval(one), _percent(one["pairs_right"])


def _interval(one: Mapping[str, Any]) -> str:
    return f"{one['correlation']:.2f} [{one['low']:.2f}, {one['high']:.2f}]"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
