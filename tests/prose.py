"""Turns of phrase that texts for users avoid, each with a better word.

    from tests.prose import banned_in
    assert banned_in(texts) == []

They are literal translations, archaisms, or words used in a private sense.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

BANNED: dict[str, str] = {
    r"(?<!there )(is|are|was|were) no(?! (longer|more|other|one)\b) \w+": "is not a, has no",
    r"(is|are|was|were) none": "is not one",
    r"anew": "again, or re- (reloaded, reset)",
    r"asked for": "requested",
    r"at hand": "available",
    r"beside": "next to, in addition to, during",
    r"but for": "except",
    r"by (itself|themselves|himself)": "alone, independently, automatically",
    r"(can|cannot|could|may) be had": "is available",
    r"counts? (before|against|for)|counts? all the same": "applies to, takes precedence over",
    r"dear(er|est)?": "expensive",
    r"do(es)? (not do )?(its|their) part": "works, is available",
    r"for ever": "indefinitely, or an immutable file",
    r"found out": "determined, detected",
    r"gives? back": "return, release",
    r"goes? by the name": "is called",
    r"in the words of": "in the format of",
    r"let (in|be)": "admitted, left alone",
    r"mend(s|ed)?": "fix",
    r"nobody|everybody|somebody|whoever(?:'s)?": "no one, everyone, a caller",
    r"(not|no longer) good|good here": "invalid, valid",
    r"(of|to|by) one's own": "your own",
    r"parted by": "separated by",
    r"put right": "corrected",
    r"seldom meant": "rarely intended",
    r"shall": "should, will",
    r"so many(?! that\b)": "a number of",
    r"(stands?|stood)(?! (for|out|at training step zero)\b)": "is, appears",
    r"such as (can|cannot|are|is|have|has|need|do|does)": "that can, those that",
    r"told|tells?|telling": "show, print, report",
    r"under way": "running, in progress",
    r"what came": "the data received",
    r"what there is": "the valid choices",
    r"where (not|none|there (is|are))": "if, unless",
}


def banned_in(texts: Iterable[str]) -> list[str]:
    """Return the banned turns in texts, each with the words around it and a better word."""
    return [
        f"{match[0]!r} in {_around(text, match)!r}: {better}"
        for text in texts
        for turn, better in BANNED.items()
        for match in re.finditer(rf"\b({turn})\b", text, re.IGNORECASE)
    ]


def _around(text: str, match: re.Match[str]) -> str:
    return " ".join(text[max(0, match.start() - 40) : match.end() + 40].split())


def prose_of(markdown: str) -> str:
    """Strip code from Markdown, and tables that are generated from texts tested at their source."""
    text = re.sub(r"^(```+)[^\n]*\n.*?^\1", "", markdown, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"<!-- (\w+) -->\n.*?<!-- /\1 -->", "", text, flags=re.DOTALL)
    return re.sub(r"`[^`\n]*`", "`…`", text)
