"""Pure ASGI middleware around every request."""
