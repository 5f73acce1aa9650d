"""Turns of phrase that the project's texts avoid, each with the better word."""

from __future__ import annotations

import re
from collections.abc import Iterable

BANNED: dict[str, str] = {
    r"(is|are|was|were) no(?! (longer|more|other|one)\b) \w+": "is not a",
    r"(is|are|was|were) none": "is not one",
    r"anew": "again, or re- (reloaded, reset)",
    r"as (it|they|things) stands?(?! at training step zero)": "as it is",
    r"beside": "next to, in addition to, during",
    r"but for": "except",
    r"by (itself|themselves)": "alone, independently",
    r"counts? (before|against|for all)": "applies to, takes precedence over",
    r"dear": "expensive",
    r"for ever": "indefinitely, or an immutable file",
    r"gives? back": "return, release",
    r"nobody|everybody|somebody|whoever": "no one, everyone, a caller",
    r"parted by": "separated by",
    r"put right": "corrected",
    r"so many": "a number of",
    r"stands?(?! at training step zero)": "is, appears",
    r"such as can(not)?": "that can",
    r"told|tells?|telling": "show, print, report",
    r"under way": "running, in progress",
    r"what there is": "the valid choices",
}


def banned_in(texts: Iterable[str]) -> list[str]:
    """Return the banned turns in texts, each with its text and the better word."""
    return [
        f"{match[0]!r} in {text!r}: {better}"
        for text in texts
        for turn, better in BANNED.items()
        if (match := re.search(rf"\b({turn})\b", text, re.IGNORECASE))
    ]
