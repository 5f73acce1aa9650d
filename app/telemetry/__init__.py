"""Metrics and per-request statistics, and the memory of the process; knows no HTTP."""
