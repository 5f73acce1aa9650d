"""Uploaded arrays: taken in, kept by their sha256, and opened again."""
