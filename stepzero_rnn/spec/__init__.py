"""Requests: the recipe and how to serve it, as frozen pydantic models."""
