"""Answering a request: files, streams, summaries, links."""
