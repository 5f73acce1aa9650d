"""Parsing of requests: body, form, format, range."""
