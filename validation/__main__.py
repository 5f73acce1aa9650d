"""Trains, measures and judges.

python -m validation                    the short set: about 20 minutes on 2 cores
python -m validation --all              every group: hours
python -m validation --folder FOLDER    where results are kept; groups that are there are skipped
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch

from validation.figures import measure_missing
from validation.groups import DEEP, LONG, SHORT, Group
from validation.judge import judged
from validation.results import load, train_missing
from validation.summary import summary
from validation.tables import TABLES

FOLDER = Path("build/validation")


def validate(groups: Sequence[Group], folder: Path) -> None:
    """Train and measure what has no results yet, and print the tables."""
    for group in train_missing(groups, folder):
        print(f"{group.name}: trained", flush=True)
    for group in groups:
        measure_missing(group, folder)
    found = [judged(group, load(group, folder)) for group in groups]
    for table in TABLES.values():
        print(table(summary(found), found), end="\n\n")


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(prog="python -m validation", description=__doc__)
    parser.add_argument("--all", action="store_true", help="train the long and deep groups, too")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where results are kept")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # products are small: more threads only wait for one another
    warnings.simplefilter("ignore")
    validate((*SHORT, *LONG, *DEEP) if arguments.all else SHORT, arguments.folder)


if __name__ == "__main__":
    main()
