"""Random words, and how values are rounded and compiled."""
