"""Metrics, per-request statistics and process memory; independent of HTTP."""
