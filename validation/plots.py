"""The plots of `docs/diagnostics.md`, as SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

from validation.judge import Judged, score_of
from validation.summary import MIN_LEARNING, Summary
from validation.tables import LEARNING

WIDTH, GREY = 720, "#666666"
COLORS: Mapping[str, str] = {
    "lstm": "#0072b2",
    "gru": "#009e73",
    "tanh": "#d55e00",
    "relu": "#cc79a7",
}  # M. Okabe and K. Ito, Color Universal Design
ROW, LABELS = 24, 270  # of the bars: height of a row, width of the labels
HEIGHT, LEFT, FLOOR = 400, 60, 350  # of the dots: size, and where the axes cross
LEAST, MOST = -1.5, 0.7  # scores shown; lower ones are drawn at the edge


def figures(found: Summary, _: Sequence[Judged]) -> str:
    """Draw the rank correlation of every figure with the gain, with its interval."""
    predictors = found["sets"][LEARNING]["predictors"]
    names = sorted(predictors, key=lambda name: -predictors[name]["correlation"])
    height = ROW * len(names) + 60
    x = _scale(-0.6, 1.0, LABELS, WIDTH - 20)
    return _svg(height, _bars(names, predictors, x, height))


def _bars(
    names: Sequence[str],
    predictors: Mapping[str, Mapping[str, float]],
    x: Callable[[float], float],
    height: int,
) -> Iterator[str]:
    for place in (-0.5, 0.0, 0.5, 1.0):
        yield _line(x(place), 8, x(place), height - 44, "#dddddd" if place else GREY)
        yield _text(x(place), height - 28, f"{place:g}", "middle")
    caption = "Spearman's rank correlation with the gain, mean over groups, 95 % interval"
    yield _text(WIDTH / 2, height - 8, caption, "middle")
    for row, name in enumerate(names):
        own, y = predictors[name], ROW * row + 22
        color = COLORS["lstm"] if name == "score" else "#8fb3c9"
        left, right = sorted((x(0), x(own["correlation"])))
        yield _text(LABELS - 10, y + 4, name, "end")
        yield f'<rect x="{left:.1f}" y="{y - 8}" width="{right - left:.1f}" height="16" fill="{color}"/>'
        yield _line(x(own["low"]), y, x(own["high"]), y, "#333333")


def starts(_: Summary, found: Sequence[Judged]) -> str:
    """Draw every start: its score, and its gain as a share of its group's best."""
    return _svg(HEIGHT, _dots([one for one in found if one.learning >= MIN_LEARNING]))


def _dots(groups: Sequence[Judged]) -> Iterator[str]:
    x, y = _scale(LEAST, MOST, LEFT, WIDTH - 20), _scale(0, 1, FLOOR, 40)
    for place in (-1.5, -1.0, -0.5, 0.0, 0.5):
        yield _line(x(place), y(0), x(place), y(1), "#dddddd")
        label = f"≤ {place:g}" if place == LEAST else f"{place:g}"
        yield _text(x(place), FLOOR + 18, label, "middle")
    for share in (0.0, 0.5, 1.0):
        yield _line(x(LEAST), y(share), x(MOST), y(share), "#dddddd")
        yield _text(LEFT - 8, y(share) + 4, f"{share:.0%}", "end")
    yield _text((x(LEAST) + x(MOST)) / 2, HEIGHT - 8, "score", "middle")
    yield _text(8, 20, "gain, as a share of the best start's", "start")
    for place, (kind, color) in enumerate(COLORS.items()):
        yield _dot(420 + 76 * place, 16, color)
        yield _text(430 + 76 * place, 20, kind, "start")
    for one in groups:
        for start, score in score_of(one).items():
            at = x(max(score, LEAST)), y(max(one.gains[start] / one.best_gain, 0))
            yield _dot(*at, COLORS[one.group.kind])


PLOTS: Mapping[str, Callable[[Summary, Sequence[Judged]], str]] = {
    "diagnostics-figures.svg": figures,
    "diagnostics-starts.svg": starts,
}


def _scale(low: float, high: float, first: float, last: float) -> Callable[[float], float]:
    return lambda value: first + (value - low) / (high - low) * (last - first)


def _svg(height: int, parts: Iterable[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="13">'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>\n"])


def _line(x1: float, y1: float, x2: float, y2: float, color: str) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{color}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _dot(x: float, y: float, color: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{color}" fill-opacity="0.6"/>'
