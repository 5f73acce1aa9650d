"""A rectangle of a figure, measured in inches: axes and text are placed in it from its top left."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path

from stepzero_rnn.reports import style

LEADING = 1.45  # distance of lines, in font sizes
_POINTS = 72.0
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle, whose `left` and `top` are distances from the top left corner of the figure."""

    figure: Figure
    left: float
    top: float
    width: float
    height: float

    def part(self, left: float, top: float, width: float, height: float) -> Area:
        """Return a rectangle inside, placed from the top left corner."""
        return Area(self.figure, self.left + left, self.top + top, width, height)

    def columns(self, shares: tuple[float, ...], gap: float) -> list[Area]:
        """Return areas side by side, of widths in proportion to `shares`."""
        width, left, found = self.width - gap * (len(shares) - 1), 0.0, []
        for share in shares:
            part = width * share / sum(shares)
            found.append(self.part(left, 0, part, self.height))
            left += part + gap
        return found

    def axes(self) -> Axes:
        """Return axes that fill the area; their labels are outside of it."""
        return self.figure.add_axes((*self._at(0, self.height), *self._share()))

    def text(
        self, left: float, top: float, text: str, size: float = style.BODY, **named: Any
    ) -> None:
        """Write one line whose top is at a place."""
        look: dict[str, Any] = {"color": style.INK, "va": "top", "ha": "left", "fontsize": size}
        self.figure.text(*self._at(left, top), text, **(look | named))

    def paragraph(
        self, left: float, top: float, lines: list[str], size: float = style.BODY, **named: Any
    ) -> None:
        """Write lines below one another."""
        for place, line in enumerate(lines):
            self.text(left, top + place * leading(size), line, size, **named)

    def rule(self, top: float, color: str = style.RULE) -> None:
        """Draw a horizontal line across the area."""
        self.stroke(0, top, self.width, color=color, linewidth=0.6)

    def stroke(self, left: float, top: float, length: float, **named: Any) -> None:
        """Draw a horizontal line from a place."""
        (x, y), (end, _) = self._at(left, top), self._at(left + length, top)
        line = Line2D([x, end], [y, y], transform=self.figure.transFigure, **named)
        self.figure.add_artist(line)

    def fill(self, color: str) -> None:
        """Paint the area."""
        corner, size = self._at(0, self.height), self._share()
        look: dict[str, Any] = {"facecolor": color, "edgecolor": "none", "zorder": -1}
        self.figure.add_artist(Rectangle(corner, *size, transform=self.figure.transFigure, **look))

    def _at(self, left: float, top: float) -> tuple[float, float]:
        width, height = self.figure.get_size_inches()
        return (self.left + left) / width, 1 - (self.top + top) / height

    def _share(self) -> tuple[float, float]:
        width, height = self.figure.get_size_inches()
        return self.width / width, self.height / height


def leading(size: float) -> float:
    """Return the distance of lines in inches."""
    return size * LEADING / _POINTS


@lru_cache(_REMEMBERED)
def width_of(text: str, size: float, *, bold: bool = False, mono: bool = False) -> float:
    """Return the width of a line in inches."""
    family = "DejaVu Sans Mono" if mono else "DejaVu Sans"
    font = FontProperties(family=family, size=size, weight="bold" if bold else "normal")
    points, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(points) / _POINTS


def fitted(text: str, width: float, size: float = style.BODY, *, mono: bool = False) -> str:
    """Return a text, cut with an ellipsis if it is wider than `width` inches."""
    if not text or width_of(text, size, mono=mono) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = width_of(f"{text[:middle]}…", size, mono=mono) <= width
        low, high = (middle, high) if fits else (low, middle - 1)
    return f"{text[:low].rstrip()}…"


def wrapped(text: str, width: float, size: float = style.BODY, *, most: int = 99) -> list[str]:
    """Return a text in lines of at most `width` inches; the last of `most` lines is cut."""
    lines: list[str] = []
    words = text.split(" ")
    while words and len(lines) < most - 1:
        count = 1
        while count < len(words) and width_of(" ".join(words[: count + 1]), size) <= width:
            count += 1
        lines.append(fitted(" ".join(words[:count]), width, size))
        words = words[count:]
    return [*lines, fitted(" ".join(words), width, size)] if words else lines


def broken(token: str, width: float, size: float, *, most: int) -> list[str]:
    """Return a long token without spaces in lines, set in a monospaced font."""
    per_line = max(1, int(width / width_of("0" * 100, size, mono=True) * 100))
    lines = [token[at : at + per_line] for at in range(0, len(token), per_line)]
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], f"{lines[most - 1][:-1]}…"]
