"""Draw docs/growth.svg from what `make bench` printed: how a draw grows with cores, and what it
costs by size.

make bench > bench.txt; pip install matplotlib; python scripts/plot_growth.py bench.txt
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

TARGET = Path(__file__).parents[1] / "docs/growth.svg"
HEAD = re.compile(r"(?P<law>\w+), by (?P<axis>threads|size)\s")
ROW = re.compile(r"(?P<place>\d+)(?: MiB)?(?:\s+[\d.]+)?\s+(?P<rate>[\d.]+)")
Series = dict[str, list[tuple[int, float]]]


def read(text: str) -> Mapping[str, Series]:
    """Return, by axis and law, the places on the axis with the rates there, in GB/s."""
    found: dict[str, Series] = {"threads": {}, "size": {}}
    rows: list[tuple[int, float]] | None = None
    for line in text.splitlines():
        if head := HEAD.match(line):
            rows = found[head["axis"]].setdefault(head["law"], [])
        elif rows is not None and (row := ROW.fullmatch(line.strip())):
            rows.append((int(row["place"]), float(row["rate"])))
        else:
            rows = None
    return found


def main() -> None:
    """Read the log that is named, and write the picture."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "growth"  # the same picture from the same figures
    found = read(Path(sys.argv[1]).read_text(encoding="utf-8"))
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    labels = {"threads": "threads that draw", "size": "size of the tensor, MiB"}
    for axis, (name, series) in zip(axes, found.items(), strict=True):
        for law, rows in series.items():
            axis.plot(*zip(*rows, strict=True), marker="o", label=law)
        axis.set(xlabel=labels[name], ylabel="GB/s", yscale="log")
        axis.grid(alpha=0.3)
    axes[0].set_xticks(sorted({place for rows in found["threads"].values() for place, _ in rows}))
    axes[1].set_xscale("log", base=2)
    axes[0].legend(loc="center")
    figure.savefig(TARGET, metadata={"Date": None})


if __name__ == "__main__":
    main()
