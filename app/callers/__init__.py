"""Who calls: API keys, and limits for each caller."""
