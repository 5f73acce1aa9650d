"""The check: statistics of the drawn weights, and the sanity forward pass."""
