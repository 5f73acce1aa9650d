"""The engine: draws, checks and measures weights."""
