"""Reading a request: body, form, format, range."""
