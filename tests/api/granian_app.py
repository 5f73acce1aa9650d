"""The application as another ASGI server takes it: by its name."""

from __future__ import annotations

from app.main import create_app
from app.settings import Settings

api = create_app(Settings())
