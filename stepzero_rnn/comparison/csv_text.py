"""A comparison as CSV, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
from dataclasses import astuple

from stepzero_rnn.comparison.results import Comparison

_OVER_SEEDS = ("median", "min", "max")


def as_csv(comparison: Comparison) -> str:
    """Return one line per start.

    The columns are `label`; `<figure>_median`, `<figure>_min` and `<figure>_max` of every figure;
    `findings`, their names separated by spaces; `recipe`, `url`, and `omitted`, which says why a
    start was not measured.  A value that is not finite is empty.
    """
    names = list(dict.fromkeys(name for row in comparison.rows for name in row.figures))
    columns = [f"{name}_{part}" for name in names for part in _OVER_SEEDS]
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["label", *columns, "findings", "recipe", "url", "omitted"])
    for row in comparison.rows:
        numbers = [value for name in names for value in astuple(row.figures[name])]
        findings = " ".join(finding.name for finding in row.findings)
        table.writerow([row.label, *numbers, findings, row.recipe, row.url, ""])
    for start in comparison.omitted:
        blanks = [""] * (len(columns) + 3)
        table.writerow([start.label, *blanks, start.reason])
    return text.getvalue()
