"""Users' own weights: read from foreign files, checked, and written in one canonical form."""
