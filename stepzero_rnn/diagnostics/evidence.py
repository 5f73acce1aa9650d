"""What the validation found, from its results: the one source of the numbers in texts."""

from __future__ import annotations


def evidence_of(finding: str) -> str | None:
    """Return how often a finding was right in the validation."""
    return None


def recommendation_evidence() -> str | None:
    """Return what following the recommendation was worth in the validation."""
    return None
