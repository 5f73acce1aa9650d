"""Writes what texts and pages say about the validation, from `validation/results/`.

python -m validation.publish

It rewrites `stepzero_rnn/diagnostics/validation.json`, from which the library quotes, and the
tables and plots of `docs/diagnostics.md`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from validation.groups import DEEP, LONG, SHORT
from validation.judge import Judged, judged
from validation.plots import PLOTS
from validation.results import PUBLISHED, load, path_of
from validation.summary import Summary, summary
from validation.tables import TABLES

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/diagnostics.md"
DATA = ROOT / "stepzero_rnn/diagnostics/validation.json"
BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def published() -> list[Judged]:
    """Return the groups that have results, in the order in which they are listed."""
    groups = [one for one in (*SHORT, *LONG, *DEEP) if path_of(one, PUBLISHED).exists()]
    return [judged(one, load(one, PUBLISHED)) for one in groups]


def texts(groups: Sequence[Judged]) -> Mapping[Path, str]:
    """Return what each file has to contain."""
    found = summary(groups)
    plots = {PAGE.with_name(name): plot(found, groups) for name, plot in PLOTS.items()}
    return {DATA: json.dumps(found, indent=1) + "\n", PAGE: _page(found, groups), **plots}


def _page(found: Summary, groups: Sequence[Judged]) -> str:
    def table(block: re.Match[str]) -> str:
        return f"{block[1]}\n{TABLES[block[2]](found, groups)}\n\n{block[3]}"

    return BLOCK.sub(table, PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    for path, text in texts(published()).items():
        path.write_text(text, encoding="utf-8")
