"""The check: statistics of what is drawn, and the sanity forward pass."""
