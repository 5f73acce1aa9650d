"""Diagnostics of a start: what its weights, states and gradients will do.  Start at `diagnose.py`."""
