"""Tables: of the tensors of one start, of the starts of a comparison, and of deep networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stepzero_rnn.diagnostics.weight_results import SpectrumRange
from stepzero_rnn.reports.records import Measured, shown_layers
from stepzero_rnn.reports.words import gate_name, labels, layers, number, share


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text below headers; `shares` are the relative widths of the columns.

    The first `texts` columns are aligned to the left, the others hold numbers.  `coloured` says
    that each row has the colour of a start.
    """

    title: str
    headers: tuple[str, ...]
    rows: list[tuple[str, ...]]
    shares: tuple[float, ...]
    texts: int = 1
    note: str = ""
    coloured: bool = False

    def is_text(self, place: int) -> bool:
        """Whether a column is aligned to the left."""
        return place < self.texts or self.headers[place] == "findings"


def tensors(start: Measured) -> Table:
    """Return the statistics of every tensor of the shown layers."""
    rows = []
    for tensor in start.summary.weights.tensors:
        found = tensor.figures
        shape = " × ".join(map(str, tensor.shape))
        numbers = map(number, (found.mean, found.std, found.min, found.max))
        rows.append((tensor.name, shape, _schemes(tensor.scheme), *numbers))
    return Table(
        "Tensors",
        ("name", "shape", "scheme", "mean", "std", "min", "max"),
        rows,
        (2.1, 1.2, 2.2, 0.9, 0.9, 0.9, 0.9),
        texts=3,
        note=layers(shown_layers(start.spec), start.spec.num_layers),
    )


def _schemes(scheme: object) -> str:
    """Return the name of a tensor's scheme, or those of its gates."""
    if isinstance(scheme, dict) and "scheme" not in scheme:
        names = dict.fromkeys(str(one["scheme"]) for one in scheme.values())
        return ", ".join(names)
    return str(scheme["scheme"]) if isinstance(scheme, dict) else ""


def totals(start: Measured) -> Table:
    """Return the statistics of every gate of every parameter, pooled over all layers."""
    rows = [
        (
            one.parameter,
            gate_name(one.gate),
            *map(number, (one.mean, one.std, one.expected_std, one.min, one.max)),
        )
        for one in start.summary.weights.totals
    ]
    headers = ("parameter", "gate", "mean", "std", "expected std", "min", "max")
    note = f"all {start.spec.cells} layers and directions together"
    return Table("Totals", headers, rows, (1.5, 1, 1, 1, 1.1, 1, 1), texts=2, note=note)


def ranges(start: Measured) -> Table | None:
    """Return the range of the spectra over the layers of a deep network."""
    found = start.diagnostics.spectra
    if found is None or found.blocks:
        return None
    rows = [_range(one) for one in found.ranges]
    headers = ("figure", "gate", "min", "median", "max")
    note = f"over all {start.spec.cells} layers and directions"
    return Table("Spectra of W_hh", headers, rows, (2, 1, 1, 1, 1), texts=2, note=note)


def _range(one: SpectrumRange) -> tuple[str, ...]:
    return (
        one.figure.replace("_", " "),
        gate_name(one.gate),
        *map(number, (one.min, one.median, one.max)),
    )


def starts(compared: Sequence[Measured]) -> Table:
    """Return the starts of a comparison with their main figures."""
    rows: list[tuple[str, ...]] = []
    for label, start in zip(labels(compared), compared, strict=True):
        found = start.diagnostics
        rows.append(
            (
                label,
                number(found.score),
                share(found.echo.mean if found.echo else None),
                number(found.gradient.log10_reach if found.gradient else None),
                share(found.retention),
                ", ".join(one.name.replace("_", " ") for one in found.findings) or "none",
            )
        )
    headers = ("start", "score", "echo", "log₁₀ reach", "retention", "findings")
    shares = (3.4, 0.6, 0.6, 0.8, 0.8, 2.2)
    return Table("Starts", headers, rows, shares, coloured=True)
