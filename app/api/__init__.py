"""HTTP: the only room that knows the web framework."""
