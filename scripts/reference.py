"""Writes the tables of docs/reference/ from the code's own tables.

python scripts/reference.py           rewrites the pages
python scripts/reference.py --check   only reports whether they are up to date
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from app.main import create_app
from app.settings import Settings
from stepzero_rnn.errors.base import StepZeroError
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.spec.catalogue import catalogue

FOLDER = Path(__file__).parents[1] / "docs/reference"

# Defaults that depend on the machine, in words.
COMPUTED = {
    "arrays_folder": "~/.cache/stepzero/arrays",
    "threads": "usable cores",
    "max_admitted_bytes": "8 GiB, or half of the memory",
    "max_incoming_bytes": "as `STEPZERO_MAX_ARRAYS_BYTES`",
    "max_cached_tensor_bytes": "2 GiB, or an eighth of the memory",
    "max_working_bytes": "8 GiB, or half of the memory",
}
# Refusals that reach no HTTP client, by the part that raises them.
LOCAL = {
    "cannot_listen": "server start",
    "format_mismatch": "library, client",
    "transfer": "client",
}


def schemes() -> str:
    """Return the table of schemes."""
    every = catalogue()
    rows = [*every["weights"], *every["biases"], *every["scripts"]]
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
        default = COMPUTED[name] if field.default_factory else _default(name, field.default)
        rows.append((f"`STEPZERO_{name.upper()}`", default, field.description or ""))
    return _table(("variable", "default", "what it sets"), rows)


def _default(name: str, value: object) -> str:
    if value in (None, (), ""):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return _size(value) if isinstance(value, int) and "bytes" in name else str(value)


def _size(size_bytes: int) -> str:
    units = ("bytes", "KiB", "MiB", "GiB")
    power = next(p for p in (3, 2, 1, 0) if size_bytes % 1024**p == 0)
    return f"{size_bytes // 1024**power} {units[power]}"


def routes() -> str:
    """Return the table of HTTP routes, as OpenAPI has them."""
    paths = create_app(Settings()).openapi()["paths"]
    rows = (
        (f"`{method.upper()} {path}`", operation["summary"], ", ".join(operation["responses"]))
        for path, operations in paths.items()
        for method, operation in operations.items()
    )
    return _table(("request", "purpose", "status codes"), rows)


def formats() -> str:
    """Return the table of file formats."""
    rows = (
        (
            f"`{one.name}`",
            f"`.{one.suffix}`",
            f"`{one.media_type}`",
            ", ".join(f"{dtype}: {reason}" for dtype, reason in one.lacks.items()) or "–",
        )
        for one in FORMATS.values()
    )
    return _table(("`format`", "suffix", "media type", "dtypes it cannot hold"), rows)


def problems() -> str:
    """Return the table of refusals."""
    every = sorted(set(_below(StepZeroError)), key=lambda one: (one.status, one.code))
    rows = ((f"`{one.code}`", LOCAL.get(one.code, str(one.status)), _summary(one)) for one in every)
    return _table(("`code`", "status", "meaning"), rows)


def _below(root: type[StepZeroError]) -> Iterator[type[StepZeroError]]:
    for one in root.__subclasses__():
        yield one
        yield from _below(one)


def _summary(one: type[StepZeroError]) -> str:
    return " ".join((one.__doc__ or "").partition("\n\n")[0].split())


TABLES: Mapping[str, Callable[[], str]] = {
    "schemes": schemes,
    "presets": presets,
    "settings": settings,
    "http": routes,
    "formats": formats,
    "problems": problems,
}


def filled(text: str, name: str, table: str) -> str:
    """Return a page with its table replaced."""
    before, begin, rest = text.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    if not end:
        raise ValueError(f"docs/reference/{name}.md has no place for its table")
    return f"{before}{begin}\n{table}\n{end}{after}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = (tuple(cell.replace("|", r"\|") for cell in row) for row in rows)
    lines = [head, tuple("---" for _ in head), *cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    """Rewrite, or check."""
    old = []
    for name, table in TABLES.items():
        page = FOLDER / f"{name}.md"
        text = page.read_text(encoding="utf-8")
        new = filled(text, name, table())
        if new != text:
            old.append(page.name)
        if "--check" not in sys.argv:
            page.write_text(new, encoding="utf-8")
    if old and "--check" in sys.argv:
        sys.exit(f"docs/reference: {', '.join(old)} out of date: make reference")


if __name__ == "__main__":
    main()
