"""Linear algebra in float64, in a fixed order of operations."""
