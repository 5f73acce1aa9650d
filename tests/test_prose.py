"""Text for users is plain, idiomatic English: no turn of `tests/prose.py` appears in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.prose import banned_in, prose_of

ROOT = Path(__file__).parents[1]


def pages() -> Iterator[tuple[str, str]]:
    """Yield the README and its siblings, and docs/."""
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        yield str(path.relative_to(ROOT)), prose_of(path.read_text(encoding="utf-8"))


def commands() -> Iterator[tuple[str, str]]:
    """Yield what `make help` prints."""
    for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines():
        target, mark, text = line.partition(" ## ")
        if mark:
            yield f"make {target.partition(':')[0]}", text


# Where texts for users come from: a name, and what yields each text with its place.
SOURCES: Mapping[str, Callable[[], Iterator[tuple[str, str]]]] = {
    "pages": pages,
    "make": commands,
}


@pytest.mark.parametrize("source", SOURCES)
def test_text_for_users_has_no_banned_turn(source: str) -> None:
    found = [f"{place}: {one}" for place, text in SOURCES[source]() for one in banned_in([text])]

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "There is no database.",
        "It is no longer open.",
        "It stands for a gate.",
        "So many that it failed.",
    ],
)
def test_idiomatic_uses_of_the_same_words_pass(text: str) -> None:
    assert banned_in([text]) == []


def test_what_is_found_has_the_words_around_it_and_a_better_one() -> None:
    text = "Weights that are dear to draw."

    assert banned_in([text]) == [f"'dear' in '{text}': expensive"]


def test_code_and_generated_tables_are_not_prose() -> None:
    text = "a\n```python\ndear\n```\nb `dear` c\n<!-- x -->\ndear\n<!-- /x -->\nd"

    assert prose_of(text).split() == ["a", "b", "`…`", "c", "d"]
