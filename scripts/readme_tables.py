"""Writes the README's tables of schemes, presets and settings from the code's own tables.

python scripts/readme_tables.py           rewrites README.md
python scripts/readme_tables.py --check   only says whether it is up to date
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from app.settings import Settings
from stepzero_rnn.spec.catalogue import catalogue

FOUND_OUT = {
    "arrays_folder": "~/.cache/stepzero/arrays",
    "threads": "usable cores",
    "max_admitted_bytes": "8 GiB, or half of the memory",
    "max_incoming_bytes": "as `STEPZERO_MAX_ARRAYS_BYTES`",
    "max_cached_tensor_bytes": "2 GiB, or an eighth of the memory",
    "max_working_bytes": "8 GiB, or half of the memory",
}
README = Path(__file__).parents[1] / "README.md"


def schemes() -> str:
    """Return the table of schemes."""
    found = catalogue()
    rows = [*found["weights"], *found["biases"], *found["scripts"]]
    return _table(
        ("for", "scheme", "draws", "source"),
        ((_parts(row), f"`{row['name']}`", row["formula"], row["source"]) for row in rows),
    )


def _parts(row: Mapping[str, Any]) -> str:
    if "bias" in row["parameters"] and len(row["parameters"]) > 1:
        return "network"
    return "weights" if len(row["parameters"]) > 1 else str(row["parameters"][0])


def presets() -> str:
    """Return the table of presets."""
    rows = (
        (f"`{row['name']}`", ", ".join(row["rnn_types"]), row["summary"], row["source"])
        for row in catalogue()["presets"]
    )
    return _table(("preset", "for", "draws", "source"), rows)


def settings() -> str:
    """Return the table of settings."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = FOUND_OUT[name] if field.default_factory else _default(name, field.default)
        rows.append((f"`STEPZERO_{name.upper()}`", default, field.description or ""))
    return _table(("variable", "default", "what it sets"), rows)


def _default(name: str, value: object) -> str:
    if value in (None, (), ""):
        return "none"
    return _size(value) if isinstance(value, int) and "bytes" in name else str(value)


def _size(size_bytes: int) -> str:
    units = ("bytes", "KiB", "MiB", "GiB")
    power = next(p for p in (3, 2, 1, 0) if size_bytes % 1024**p == 0)
    return f"{size_bytes // 1024**power} {units[power]}"


def filled(text: str) -> str:
    """Return the README with its tables as they should be."""
    for name, table in (("schemes", schemes()), ("presets", presets()), ("settings", settings())):
        before, begin, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        text = before + begin + table + end + after
    return text


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = (tuple(cell.replace("|", r"\|") for cell in row) for row in rows)
    lines = [head, tuple("---" for _ in head), *cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    """Rewrite, or check."""
    text = README.read_text(encoding="utf-8")
    if "--check" in sys.argv:
        sys.exit(
            0
            if filled(text) == text
            else "README.md is out of date: python scripts/readme_tables.py"
        )
    README.write_text(filled(text), encoding="utf-8")


if __name__ == "__main__":
    main()
