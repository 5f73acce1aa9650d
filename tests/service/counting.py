"""Reads what /metrics says, by the reader of Prometheus' own library."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families


def counted(text: str) -> dict[str, float]:
    """Return every sample under its name with its labels: `requests{outcome="served",route="GET
    /v1"}`.
    """
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found
