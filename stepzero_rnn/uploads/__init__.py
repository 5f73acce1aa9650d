"""Uploaded arrays: received, stored under their sha256, and opened again."""
