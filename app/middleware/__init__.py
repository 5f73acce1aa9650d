"""What wraps every request, as pure ASGI."""
