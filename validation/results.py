"""The results of every group as files: gains from training, figures from diagnostics."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from validation.groups import Group
from validation.training import Trained, train

FOLDER = Path(__file__).with_name("results")


def path_of(group: Group) -> Path:
    """Return the file of a group; another budget of steps has another file."""
    return FOLDER / f"{group.name}-{group.steps}.json"


def train_missing(groups: Iterable[Group]) -> Iterator[Group]:
    """Train the groups that have no results yet; yield each when it is done."""
    FOLDER.mkdir(exist_ok=True)
    for group in groups:
        path = path_of(group)
        if not path.exists():
            save(path, {"group": asdict(group), **_as_json(train(group))})
            yield group


def _as_json(trained: Trained) -> dict[str, Any]:
    gains = {
        start: {
            str(seed): {f"{rate:g}": round(gain, 4) for rate, gain in by_rate.items()}
            for seed, by_rate in by_seed.items()
        }
        for start, by_seed in trained.gains().items()
    }
    return {"gains": gains, "skipped_steps": int(trained.skipped.sum().item())}


def save(path: Path, results: dict[str, Any]) -> None:
    """Write results, whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def load(group: Group) -> dict[str, Any]:
    """Return the results of a group."""
    found: dict[str, Any] = json.loads(path_of(group).read_text(encoding="utf-8"))
    return found
