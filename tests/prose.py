"""Turns of phrase that no text for users has, each with a better one.

    from tests.prose import complaints
    assert not complaints(text)

They are literal translations, archaisms, or words used in a private sense.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of phrase, as a regular expression, and what to write instead."""

    pattern: str
    instead: str


TURNS = (
    Turn(r"(?<!there )\b(?:is|are|was|were) no\b(?! longer| more than)", "is not a …, has no …"),
    Turn(r"\bdear(?:er|est)?\b", "expensive"),
    Turn(r"\bt(?:ells?|old)\b", "shows, prints, returns, reports"),
    Turn(r"\bst(?:ands?|ood)\b(?! (?:for|out)\b)", "is, appears"),
    Turn(r"\bwhat there is\b", "the valid choices, what is available"),
    Turn(r"\bbut for\b", "except"),
    Turn(r"\bby (?:itself|themselves|himself)\b", "alone, independently, automatically"),
    Turn(r"\banew\b", "again"),
    Turn(r"\bparted by\b", "separated by"),
    Turn(r"\bfor ever\b", "permanently"),
    Turn(r"\bbeside\b", "next to, compared with, in addition to"),
    Turn(r"\bso many\b(?! that)", "that many, a number of"),
    Turn(r"\bcounts? (?:for|all the same)\b|\bthat (?:matches )?counts\b", "applies, wins"),
    Turn(r"\bsuch as (?:can|cannot|are|is|have|has|need|do|does)\b", "those that"),
    Turn(r"\bseldom meant\b", "rarely intended"),
    Turn(r"\b(?:of|to|by) one's own\b", "your own"),
    Turn(r"\basked for\b", "requested"),
    Turn(r"\bwhere (?:not|none|there (?:is|are))\b", "if, unless"),
    Turn(r"\blet (?:in|be)\b", "admitted, left alone"),
    Turn(r"\bdo(?:es)? (?:not do )?(?:its|their) part\b", "works, is available"),
    Turn(r"\b(?:not|no longer) good\b|\bgood here\b", "valid"),
    Turn(r"\bwhat came\b", "the data received"),
    Turn(r"\bfound out\b", "determined, detected"),
    Turn(r"\bmend(?:s|ed)?\b", "fix"),
    Turn(r"\bput right\b", "corrected"),
    Turn(r"\b(?:can|cannot|could|may) be had\b", "is available"),
    Turn(r"\bshall\b", "should, will"),
    Turn(r"\bin the words of\b", "in the format of"),
    Turn(r"\bwhoever's\b|\bwhose they\b", "whose …, regardless of the owner"),
    Turn(r"\bhas to be had\b|\bat hand\b", "available"),
    Turn(r"\bgoes? by the name\b", "is called"),
    Turn(r"(?m)^Give\b", "Return"),
    Turn(r"(?m)^Say\b", "Show, describe, return"),
)


def complaints(text: str) -> list[str]:
    """Find every banned turn of a text: the words around it, and what to write instead."""
    return [
        f"…{_around(text, match)}…: not “{match[0]}”, but “{turn.instead}”"
        for turn in TURNS
        for match in re.finditer(turn.pattern, text, re.IGNORECASE)
    ]


def _around(text: str, match: re.Match[str]) -> str:
    return " ".join(text[max(0, match.start() - 30) : match.end() + 30].split())


def prose_of(markdown: str) -> str:
    """Strip code from Markdown, and tables that are generated from texts tested at their source."""
    text = re.sub(r"^(```+)[^\n]*\n.*?^\1", "", markdown, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"<!-- (\w+) -->\n.*?<!-- /\1 -->", "", text, flags=re.DOTALL)
    return re.sub(r"`[^`\n]*`", "`…`", text)
