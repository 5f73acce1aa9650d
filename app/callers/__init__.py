"""Callers: API keys, and limits for each caller."""
