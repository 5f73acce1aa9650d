"""Readers of the files that people upload."""
