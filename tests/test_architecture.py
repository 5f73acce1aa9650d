"""`docs/architecture.md` names files that exist, and its lists of files to touch are complete."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
PACKAGES = ("app", "stepzero_rnn")

# A recipe of the page, and how the code spells one thing that was added by it.
EXAMPLES: Mapping[str, str] = {
    "A weight scheme with an existing law": r"\blecun_uniform\b|\bLecunUniform\b",
    "A matrix scheme": r"\bskew\b|\bSkew\b",
    "A file format": r'["`]npz["`]|\bnpz\.segments\b',
    "An error": r"\bNotAcceptable\b",
    "A setting": r"\bmax_body_bytes\b",
}


def paths(text: str) -> list[str]:
    """Find the files and folders that a text names."""
    return re.findall(r"`((?:app|docs|scripts|stepzero_rnn|tests)/[\w/.]*|\w+\.(?:md|toml))`", text)


def recipe(title: str) -> str:
    """Return a section of the page."""
    return PAGE.split(f"\n### {title}\n")[1].split("\n### ")[0]


def sources() -> Iterator[tuple[str, str]]:
    """Yield every file of ours in the packages, by its path."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            ours = path.suffix in {".py", ".html", ".js"} and "vendor" not in path.parts
            if ours:
                yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(set(paths(PAGE))))
def test_every_file_that_is_named_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("title", EXAMPLES)
def test_a_recipe_lists_every_file_that_an_existing_example_is_in(title: str) -> None:
    files = {path for path, text in sources() if re.search(EXAMPLES[title], text)}

    assert files, "the example is gone; choose another"
    assert files - set(paths(recipe(title))) == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_part_of_a_package_is_described(package: str) -> None:
    parts = {
        f"{package}/{path.name}/"
        for path in (ROOT / package).iterdir()
        if (path / "__init__.py").exists()
    }

    assert parts - set(paths(PAGE)) == set()
