"""The results of every group as files: gains from training, figures from diagnostics.

A file is `{group, skipped_steps, starts}`, and `starts` maps each start to its `gains`, by learning
rate, and its `figures`, by name; both are lists with a value for each seed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from validation.groups import Group
from validation.training import Trained, train

PUBLISHED = Path(__file__).with_name("results")
DIGITS = 4

Results = dict[str, Any]


def path_of(group: Group, folder: Path) -> Path:
    """Return the file of a group; another budget of steps has another file."""
    return folder / f"{group.name}-{group.steps}.json"


def train_missing(groups: Iterable[Group], folder: Path) -> Iterator[Group]:
    """Train the groups that have no results in a folder; yield each when it is done."""
    folder.mkdir(parents=True, exist_ok=True)
    for group in groups:
        path = path_of(group, folder)
        if not path.exists():
            save(path, results_of(group, train(group)))
            yield group


def results_of(group: Group, trained: Trained) -> Results:
    """Return the results of a trained group, which has no figures yet."""
    starts = {
        start: {
            "gains": {f"{rate:g}": [round(gain, DIGITS) for gain in gains] for rate, gains in own},
            "figures": {},
        }
        for start, own in ((start, rates.items()) for start, rates in trained.gains().items())
    }
    skipped = int(trained.skipped.sum().item())
    return {"group": asdict(group), "skipped_steps": skipped, "starts": starts}


def save(path: Path, results: Results) -> None:
    """Write results, whole or not at all, with a line for each start."""
    head = {name: value for name, value in results.items() if name != "starts"}
    rows = (f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in results["starts"].items())
    text = f'{json.dumps(head)[:-1]}, "starts": {{\n' + ",\n".join(rows) + "\n}}\n"
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def load(group: Group, folder: Path) -> Results:
    """Return the results of a group."""
    found: Results = json.loads(path_of(group, folder).read_text(encoding="utf-8"))
    return found
